#!/usr/bin/env python3
"""Records of a commit log made by hand: both readers go by F-60, F-61, F-100 and F-101.

Each log is put beside a golden file whose root says that it goes on there, and has what a case
names, between a put that counts and another one, which tells whether the row ended.
Usage: log_rules.py GOLDEN_DIRECTORY READER.PY STORE_LINES
"""
import pathlib
import struct
import sys
import tempfile

from both_readers import Readers
from second_reader import reseal_root

AREA, FROM = 16_384, 3 * 16_384 + 15_000  # so that rows go over the end of the area
PUT, ERASE, CLEAR, MARKER, BATCH = range(1, 6)
COUNTS, ENDS, BAD, UNREADABLE = "counts", "ends", "bad", "unreadable"


def record(op, key=b"", value=b"", flags=0, **other):
    """What is not given is as F-100 wants it."""
    other = {"key_bytes": len(key), "value_bytes": len(value), "pad": b"\0", "add": 0, **other}
    bytes_ = -(-(24 + len(key) + len(value)) // 8) * 8
    body = (key + value).ljust(bytes_ - 24, other["pad"])
    return (struct.pack("<IIQBBHI", bytes_ + other["add"], 0, 0, op, flags, other["key_bytes"],
                        other["value_bytes"]) + body)


def operation(op, key, value=b"", flags=0):
    return struct.pack("<BBHI", op, flags, len(key), len(value)) + key + value


def batch(*operations, **other):
    return record(BATCH, value=b"".join(operation(*each) for each in operations), **other)


LZ4 = b"\x02\0\0\0" + b"\x20ab"  # "ab"
TYPED = {"key": b"k0001", "value": b"123"}
# (golden file, what is tried, the record, what it does, what it changes)
CASES = [
    ("one_entry", "a put", record(PUT, b"k", b"v"), COUNTS, {b"k": b"v"}),
    ("one_entry", "padding that is not zero", record(PUT, b"k", b"v", pad=b"\7"), COUNTS,
     {b"k": b"v"}),
    ("one_entry", "a compressed value", record(PUT, b"k", LZ4, 1), COUNTS, {b"k": b"ab"}),
    ("one_entry", "one that cannot be decoded", record(PUT, b"k", LZ4[:-1], 1), UNREADABLE, {}),
    ("dictionary", "one with a dictionary", record(PUT, b"k", LZ4, 3), COUNTS, {b"k": b"ab"}),
    ("one_entry", "without a dictionary", record(PUT, b"k", LZ4, 3), BAD, {}),
    ("one_entry", "flags 2", record(PUT, b"k", LZ4, 2), BAD, {}),
    ("dictionary", "flags 5", record(PUT, b"k", LZ4, 5), BAD, {}),
    ("one_entry", "flags 2 in a batch", batch((PUT, b"k", b"v"), (PUT, b"l", LZ4, 2)), BAD, {}),
    ("one_entry", "flags of an erasure in a batch", batch((ERASE, b"ada", b"", 2)), COUNTS,
     {b"ada": None}),
    ("one_entry", "flags of an erasure", record(ERASE, b"ada", flags=1), ENDS, {}),
    ("one_entry", "an erasure", record(ERASE, b"ada"), COUNTS, {b"ada": None}),
    ("one_entry", "value of an erasure", record(ERASE, b"ada", b"x"), COUNTS, {b"ada": None}),
    ("one_entry", "a clear", record(CLEAR), COUNTS, {b"ada": None, b"first": None}),
    ("one_entry", "of shard 1 of 1", record(CLEAR, value_bytes=1), BAD, {}),
    ("shards", "of shard 4 of 4", record(CLEAR, value_bytes=4), BAD, {}),
    ("one_entry", "a clear with a key", record(CLEAR, b"ada"), ENDS, {}),
    ("one_entry", "a marker", record(MARKER), ENDS, {}),
    ("one_entry", "a marker with a value", record(MARKER, b"", b"v"), ENDS, {}),
    ("one_entry", "op 0", record(0, b"k", b"v"), ENDS, {}),
    ("one_entry", "op 6", record(6, b"k", b"v"), ENDS, {}),
    ("one_entry", "8 bytes too long", record(PUT, b"k", b"v", add=8), ENDS, {}),
    ("one_entry", "an eighth of the area", record(PUT, b"k", bytes(2048 - 25)), COUNTS,
     {b"k": bytes(2048 - 25)}),
    ("one_entry", "more than that", record(PUT, b"k", bytes(2048 - 24)), ENDS, {}),
    ("one_entry", "a batch", batch((PUT, b"k", b"v"), (ERASE, b"ada")), COUNTS,
     {b"k": b"v", b"ada": None}),
    ("one_entry", "one key twice", batch((PUT, b"k", b"v"), (ERASE, b"k"), (PUT, b"k", b"w")),
     COUNTS, {b"k": b"w"}),
    ("one_entry", "nothing in a batch", batch(), COUNTS, {}),
    ("one_entry", "key of a batch", record(BATCH, b"k", operation(ERASE, b"ada")), COUNTS,
     {b"ada": None}),
    ("one_entry", "a clear in a batch", batch((CLEAR, b"")), BAD, {}),
    ("one_entry", "half a batch", record(BATCH, b"", operation(PUT, b"k", b"v")[:-1]), BAD, {}),
    ("one_entry", "64 operations", batch(*[(ERASE, b"%d" % i) for i in range(64)]), COUNTS, {}),
    ("one_entry", "65 operations", batch(*[(ERASE, b"%d" % i) for i in range(65)]), BAD, {}),
    ("inline", "a put", record(PUT, **TYPED), COUNTS, {TYPED["key"]: TYPED["value"]}),
    ("inline", "another length of the key", record(PUT, b"k", b"123"), BAD, {}),
    ("inline", "another length of the value", record(PUT, b"k0001", b"1234"), BAD, {}),
    ("inline", "another one of an erased key", record(ERASE, b"k"), BAD, {}),
    ("inline", "flags", record(PUT, b"k0001", LZ4, 1), BAD, {}),
    ("inline", "an erasure with a value", record(ERASE, b"k0001", b"12345"), COUNTS,
     {b"k0001": None}),
]


class Bench:
    def __init__(self, golden, readers, directory):
        self.golden, self.readers = golden, readers
        self.path = pathlib.Path(directory, "store.hmap")
        self.wal = pathlib.Path(directory, "store.hmap-wal")

    def write(self, name, records):
        """A store whose root says that the log goes on, and the log with these records."""
        from reader.basics import checksum

        original = self.golden / (name + ".hmap")
        store = self.readers.second.store(original)
        data = bytearray(original.read_bytes())
        struct.pack_into("<Q", data, 4096 + store.root.index * store.superblock.root_bytes + 40,
                         FROM | 1 << 63)
        reseal_root(data, store.superblock, store.root.index)
        self.path.write_bytes(data)
        area, at = bytearray(AREA), FROM
        for raw in records:
            raw = raw[:8] + struct.pack("<Q", at) + raw[16:]
            raw = raw[:4] + struct.pack("<I", checksum(raw, store.superblock.seed ^ at)) + raw[8:]
            for i, byte in enumerate(raw):
                area[(at + i) % AREA] = byte
            at += len(raw)
        header = struct.pack("<QII16sQ", 0x676F6C2D70616D68, 1, 0, store.superblock.uuid, AREA)
        header = bytearray(header.ljust(512, b"\0"))
        struct.pack_into("<I", header, 12, checksum(bytes(header), 0))
        self.wal.write_bytes(bytes(header).ljust(4096, b"\0") + area)

    def judge(self, name, raw, does, changes):
        """What is wrong, "" if nothing."""
        first, last = ((b"k2000", b"222"), (b"k3000", b"333")) if name == "inline" else (
            (b"first", b"1"), (b"last", b"2"))
        self.write(name, [record(PUT, *first), raw, record(PUT, *last)])
        code, out, err = self.readers.second.read(self.path, "--list")
        known = self.readers.second.read(self.golden / (name + ".hmap"), "--list")[1]
        done = self.readers.library("replay", self.path)
        if does in (BAD, UNREADABLE):
            statement, word = ("F-101", "commit log") if does == BAD else ("F-76", "decompress")
            right = (code == 4 and statement in err and done.returncode == 1 and
                     word in done.stderr)
            return "" if right else f"reader.py: {code}: {err or 'read'}; {done.stderr or 'read'}"
        entries = {bytes.fromhex(key): bytes.fromhex(value) for key, value in
                   (line.split("\t") for line in known.splitlines())}
        entries.update([first])
        entries.update(changes)
        entries.update([last] if does == COUNTS else [])
        lines = "".join(f"{key.hex()}\t{entries[key].hex()}\n" for key in sorted(entries)
                        if entries[key] is not None)
        wrong = [who for who, found in (("reader.py", out), ("the library", done.stdout))
                 if found != lines]
        return f"{', '.join(wrong)} found other entries: {err} {done.stderr}" if wrong else ""


def main():
    golden, reader, store_lines = sys.argv[1:]
    readers, failures = Readers(reader, store_lines), 0
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(pathlib.Path(golden), readers, directory)
        for name, what, raw, does, changes in CASES:
            if wrong := bench.judge(name, raw, does, changes):
                failures += 1
                print(f"{name}, {what}: {wrong}")
    print(f"{len(CASES)} logs, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
