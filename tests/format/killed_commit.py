#!/usr/bin/env python3
"""What a death in commit mode and a power cut leave: both readers find the same, damaged or not.

Each store is read as it was left, with its log damaged in several ways, without one and with that
of another store. reader.py knows only format.md; the library replays the log.
Usage: killed_commit.py READER.PY STORE_LINES KILLED_COMMIT [SEED [STORES]]
"""
import pathlib
import random
import shutil
import sys
import tempfile

from both_readers import Readers, run

EVENTS = 40_000
DAMAGES = 6
HEADER = 512


def wal_of(path):
    return path.with_name(path.name + "-wal")


def damaged(log, row, rng):
    """The bytes of a log with one thing wrong, most of all in the row of records that count."""
    log, way = bytearray(log), rng.randrange(6)
    at = rng.choice(row) if row else rng.randrange(len(log))
    if way == 0:
        log[rng.randrange(HEADER)] ^= 1 << rng.randrange(8)
    elif way == 1:
        del log[rng.choice([0, 100, 4096, len(log) - 1, rng.randrange(len(log))]):]
    elif way == 2:
        log[at:at + 24] = bytes(len(log[at:at + 24]))
    elif way == 3:
        log[at // 512 * 512:at // 512 * 512 + 512] = rng.randbytes(512)
    else:
        log[at + rng.randrange(min(80, len(log) - at))] ^= 1 << rng.randrange(8)
    return bytes(log)


class Judge:
    def __init__(self, readers, directory):
        self.readers, self.directory = readers, directory
        self.counts = {"read": 0, "refused": 0, "records": 0}

    def row(self, path):
        """Where the records of the row lie in the log's file."""
        from reader.log import Log

        store = self.readers.second.store(path)
        if not store.root.log_in_use:
            return []
        log = Log(store)
        return [4096 + at % log.area for at, _ in log.row(store.root.log_position)]

    def compare(self, store, log):
        """What is wrong, "" if nothing; the store as another boot finds it, log None: there is
        none."""
        path = self.directory / "copy.hmap"
        wal_of(path).unlink(missing_ok=True)
        shutil.copy(store, path)
        if log is not None:
            wal_of(path).write_bytes(log)
        code, out, err = self.readers.second.read(path, "--list")
        done = self.readers.library("replay", path)
        self.counts["read" if code == 0 else "refused"] += 1
        if code not in (0, 4) or done.returncode not in (0, 1):
            return f"exit codes {code}, {done.returncode}: {err} {done.stderr}"
        if (code == 0) != (done.returncode == 0):
            return f"reader.py: {code}: {err}; the library: {done.stderr}"
        return "" if out == done.stdout else "other entries"


def main():
    reader, store_lines, program = sys.argv[1:4]
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.randrange(2**32)
    stores = int(sys.argv[5]) if len(sys.argv) > 5 else 40
    print(f"seed {seed}")
    rng, failures, other = random.Random(seed), 0, b""
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        judge = Judge(Readers(reader, store_lines), directory)
        for i in range(stores):
            path, case = directory / "a.hmap", (seed + i, rng.randrange(EVENTS))
            done = run(program, path, *map(str, case))
            if done.returncode != 0:
                failures += 1
                print(f"{case}: {done.returncode}: {done.stderr}")
                continue
            log, row = wal_of(path).read_bytes(), judge.row(path)
            judge.counts["records"] += len(row)
            for what in (log, None, other, *(damaged(log, row, rng) for _ in range(DAMAGES))):
                if wrong := judge.compare(path, what):
                    failures += 1
                    print(f"{case}, {'as it was' if what is log else 'damaged'}: {wrong}")
            other = log
    print(f"{stores} stores, {judge.counts}, {failures} failures")
    return 1 if failures or not all(judge.counts.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
