#!/usr/bin/env python3
"""reader.py, which knows only format.md, reads what the library has just written.

Usage: reader_agrees.py READER.PY STORE_LINES [SEED]
"""
import pathlib
import random
import sys
import tempfile

from both_readers import Readers

# Words for `store_lines fill`; the seed is added.
PLANS = {
    "growth by growth": [dict(operations=n, keys=10 * n, erase_percent=0)
                         for n in (1, 8, 9, 13, 14, 27, 53, 105, 209, 212, 417, 900, 3000)],
    "erasures": [dict(operations=4000, keys=300, erase_percent=p) for p in (30, 50, 70)],
    "displaced blocks": [dict(operations=3000, keys=700, checkpoint_every=n) for n in (1, 10, 97)],
    "displaced and reopened": [dict(operations=3000, keys=900, checkpoint_every=61,
                                    reopen_every=499)],
    "large records": [dict(operations=600, keys=60, large_every=7, checkpoint_every=50)],
    "classes": [dict(operations=1500, keys=400, value_bytes=v, extent_bytes=x)
                for v in (300, 3000) for x in (2048, 8192)],
    "clears": [dict(operations=2500, keys=500, clear_every=700, large_every=50,
                    checkpoint_every=90)],
    "shards": [dict(operations=3000, keys=900, shard_bits=s, checkpoint_every=211)
               for s in (1, 3, 8)],
    "default geometry": [dict(operations=30000, keys=40000, block_bytes=0, extent_bytes=0,
                              shard_bits=2, checkpoint_every=4001)],
    "the next array reserved": [dict(operations=75000, keys=10**9, value_bytes=8, erase_percent=0,
                                     block_bytes=0, extent_bytes=0)],
    "other geometry": [dict(operations=3000, keys=900, block_bytes=b, extent_bytes=x,
                            checkpoint_every=100, large_every=300)
                       for b, x in ((1024, 4096), (2048, 65536), (8192, 32768), (65536, 262144))],
    "expected entries": [dict(operations=100, keys=100, expected=5000)],
}


def check(readers, path, plan, seed):
    words = [f"{name}={number}" for name, number in {**plan, "seed": seed}.items()]
    done = readers.library("fill", path, *words)
    if done.returncode != 0:
        raise AssertionError(f"fill: {done.stderr}")
    entries = [line.split("\t") for line in done.stdout.splitlines()]
    readers.check(path, entries)
    facts = readers.facts(path)
    if facts["entries"] != entries or facts["header"]["count"] != len(entries):
        raise AssertionError("reader.py --json and --list disagree")
    some = dict(random.Random(seed).sample(entries, min(5, len(entries))))
    some.update({"00ff00ff": None, "7f" * 70: None})
    readers.check_gets(path, some)


def main():
    reader, store_lines = sys.argv[1:3]
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(2**32)
    print(f"seed {seed}")
    readers, failures, files = Readers(reader, store_lines), 0, 0
    for name, plans in PLANS.items():
        for plan in plans:
            with tempfile.TemporaryDirectory() as directory:
                try:
                    check(readers, pathlib.Path(directory, "a.hmap"), plan, seed)
                except AssertionError as error:
                    failures += 1
                    print(f"{name} {plan}: {error}")
            files += 1
    print(f"{files} files, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
