#!/usr/bin/env python3
"""Both readers find in the committed golden files what their JSON files say.

Usage: golden_test.py GOLDEN_DIRECTORY READER.PY STORE_LINES
"""
import json
import pathlib
import shutil
import sys
import tempfile

from both_readers import Readers

NAMES = {"empty", "one_entry", "overflow_chain", "half_evacuated", "half_shrunk", "half_tidied",
         "erased_slots", "binary_keys", "large_record", "compressed", "dictionary", "inline",
         "shards", "displaced", "commit_log", "cleared_log", "record_sums", "one_older_entry"}
GONE = {name: [key.encode().hex() for key in keys]
        for name, keys in (("commit_log", ["", "key 2", "key 3"]),
                           ("cleared_log", ["large", "key 1", "key 101"]))}
# What a file is there for, where its JSON file does not tell.
IS_SHOWN = {
    "displaced": lambda store: {"frame", "spare copy"} <= places(store),
    "record_sums": lambda store: store.superblock.crc_sums,
    "one_older_entry": lambda store: not store.superblock.crc_sums,
    "shards": lambda store: all(shard.header.count for shard in store.shards),
    "commit_log": lambda store: store.root.log_in_use,
    "cleared_log": lambda store: store.root.log_in_use,
}
ABSENT = ["00ff00ff", "616e20616273656e74206b6579"]
ABSENT_OF_LENGTH = {"inline": ["6b39393939", "0000000000"]}


def places(store):
    """Where the blocks of the durable state lie."""
    block, found = store.superblock.block_bytes, set()
    for run in (*store.extent_runs, *(run for shard in store.shards for run in shard.all_runs())):
        for i in range(run.n):
            place = run.entry(i)[0]
            if place and place * block != run.offset + i * block:
                found.add("spare copy" if run.owner is None else "frame")
    return found


def check_replay(readers, path, entries):
    """Changes the file."""
    done = readers.library("replay", path)
    lines = "".join(f"{key}\t{value}\n" for key, value in entries)
    if done.returncode != 0 or done.stdout != lines:
        raise AssertionError(f"store_lines replay: {done.returncode}: {done.stderr}")


def check(readers, path):
    expected = json.loads(path.with_suffix(".json").read_text(encoding="ascii"))
    before, has_log = path.read_bytes(), wal_of(path).exists()
    if has_log:
        readers.check_second(path, expected["entries"])
    else:
        readers.check(path, expected["entries"])
    some = dict(expected["entries"][:40])
    some.update({key: None for key in ABSENT_OF_LENGTH.get(path.stem, ABSENT) if key not in some})
    some.update((key, None) for key in GONE.get(path.stem, []))
    (readers.check_second_gets if has_log else readers.check_gets)(path, some)
    shards = readers.facts(path)["header"]["shards"]
    wanted = expected["shards"] if "shards" in expected else [expected["shard"]]
    for shard, facts in zip(shards, wanted, strict=True):
        for fact, value in facts.items():
            if shard[fact] != value:
                raise AssertionError(f"{fact} is {shard[fact]}, expected is {value}")
    if path.stem in IS_SHOWN and not IS_SHOWN[path.stem](readers.second.store(path)):
        raise AssertionError("it does not show what it is there for")
    if path.read_bytes() != before:
        raise AssertionError("a reader changed the file")
    if has_log:
        check_replay(readers, path, expected["entries"])


def wal_of(path):
    return path.with_name(path.name + "-wal")


def main():
    golden, reader, store_lines = sys.argv[1:]
    readers = Readers(reader, store_lines)
    paths = sorted(pathlib.Path(golden).glob("*.hmap"))
    missing = NAMES - {path.stem for path in paths}
    failures = [f"{name}: no such golden file" for name in sorted(missing)]
    with tempfile.TemporaryDirectory() as directory:
        for original in paths:
            path = pathlib.Path(directory, original.name)
            shutil.copy(original, path)
            shutil.copy(original.with_suffix(".json"), path.with_suffix(".json"))
            if wal_of(original).exists():
                shutil.copy(wal_of(original), wal_of(path))
            try:
                if original == paths[0]:
                    readers.check_program(path)
                check(readers, path)
            except AssertionError as error:
                failures.append(f"{original.name}: {error}")
    print("\n".join(failures) or f"{len(paths)} golden files agree")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
