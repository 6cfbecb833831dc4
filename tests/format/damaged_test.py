#!/usr/bin/env python3
"""reader.py answers any damage with a message: never a traceback, a hang or a wrong entry.

Changes the golden files: single bytes, zeroed or exchanged sectors, cut ends. A file that reader.py
still accepts lists exactly the entries it listed before (what was changed was not reachable), or
its newest root was hit and it is in the state of the older one (F-33). Where there is a commit log
it is damaged too: then entries are those that the first so many of its records leave (F-61).
Usage: damaged_test.py GOLDEN_DIRECTORY READER.PY [SEED [ROUNDS]]
"""
import json
import pathlib
import random
import shutil
import sys
import tempfile

from second_reader import SecondReader

SECTOR = 512


def damage(data, rng):
    """One way to be wrong; most hit bytes that are not zero, because those mean something."""
    data = bytearray(data)
    at = rng.randrange(len(data))
    if rng.random() < 0.8:
        at = rng.choice([i for i in range(len(data)) if data[i]])
    sector = at // SECTOR * SECTOR
    way = rng.randrange(6)
    if way == 0:
        data[at] ^= 1 << rng.randrange(8)
    elif way == 1:
        data[at] = rng.randrange(256)
    elif way == 2:
        data[at:at + 8] = rng.choice([bytes(8), b"\xff" * 8, rng.randbytes(8)])
    elif way == 3:
        data[sector:sector + SECTOR] = bytes(SECTOR)
    elif way == 4:
        other = rng.randrange(len(data) // SECTOR) * SECTOR
        data[sector:sector + SECTOR] = data[other:other + SECTOR]
    else:
        del data[at:]
    return bytes(data)


def generation(reader, path):
    code, text, _ = reader.read(path, "--header")
    return json.loads(text)["generation"] if code == 0 else 0


def wal_of(path):
    return path.with_name(path.name + "-wal")


def states(reader, path, original):
    """What is listed with the first so many records of the commit log; with all of them, first."""
    listed = [reader.read(original, "--list")[1]]
    if not wal_of(original).exists():
        return listed
    from reader.log import Log

    store = reader.store(original)
    log = Log(store)
    shutil.copy(original, path)
    for at, _ in log.row(store.root.log_position):
        bytes_ = bytearray(wal_of(original).read_bytes())
        bytes_[4096 + at % log.area] ^= 1
        wal_of(path).write_bytes(bytes_)
        listed.append(reader.read(path, "--list")[1])
    log.close()
    return listed


def is_right(reader, path, original, listed):
    code, text, _ = reader.read(path, "--list")
    if code != 0:
        return code, code in (3, 4)
    return code, text in listed or generation(reader, path) < generation(reader, original)


def write_damaged(path, original, rng):
    """The file or, if there is one, its log is damaged; whether it is the log."""
    good, has_log = original.read_bytes(), wal_of(original).exists()
    in_log = has_log and rng.random() < 0.5
    path.write_bytes(good if in_log else damage(good, rng))
    wal_of(path).unlink(missing_ok=True)
    if has_log:
        log = wal_of(original).read_bytes()
        wal_of(path).write_bytes(damage(log, rng) if in_log else log)
    return in_log


def main():
    golden, reader = sys.argv[1], SecondReader(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else random.randrange(2**32)
    rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 60
    print(f"seed {seed}")
    rng, codes, failures = random.Random(seed), {}, 0
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "damaged.hmap")
        for original in sorted(pathlib.Path(golden).glob("*.hmap")):
            listed = states(reader, path, original)
            for i in range(rounds):
                in_log = write_damaged(path, original, rng)
                code, right = is_right(reader, path, original, listed if in_log else listed[:1])
                codes[code] = codes.get(code, 0) + 1
                if not right:
                    failures += 1
                    print(f"{original.name}, round {i}: exit code {code}")
    print(f"exit codes {codes}, {failures} failures")
    return 1 if failures or not codes else 0


if __name__ == "__main__":
    sys.exit(main())
