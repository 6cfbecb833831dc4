#!/usr/bin/python3
"""Every byte of the durable state, flipped, is noticed: flips_test.py SPEC PROGRAM STRIDE

Which bytes belong to the durable state is what the second reader (format-spec/reader.py) reads to
list all entries. What it does not read, and what verify did not notice either, must have a reason
in format.md; the reasons are counted and printed.
"""

import collections
import pathlib
import subprocess
import sys
import tempfile


class Read:
    """What the second reader reads of a store."""

    def __init__(self, path):
        from reader import basics
        from reader.owners import check_owners
        from reader.store import Store

        self.ranges = []
        original = basics.File.read

        def read(file, offset, count):
            self.ranges.append((offset, offset + count))
            return original(file, offset, count)

        basics.File.read = read
        try:
            self.store = Store(str(path))
            listed = [shard.entries() for shard in self.store.shards]
            self.found = [entries for entries, _ in listed]
            check_owners(self.store, [large for _, large in listed])
        finally:
            basics.File.read = original

    def reached(self, size):
        marks = bytearray(size)
        for begin, end in self.ranges:
            marks[begin:end] = b"\1" * (end - begin)
        return marks


class Reasons:
    """Why a byte belongs to no durable state, by the format; None: it should."""

    def __init__(self, path, size, reached):
        self.names = [None] * size
        self.size, self.reached = size, reached
        read = Read(path)
        self.store, self.sb = read.store, read.store.superblock
        self.fixed_part()
        for extent in range(self.store.root.extents_end):
            self.extent(extent)
        self.fill(self.store.heap_end, size, "behind extents_end (F-22)")
        self.runs()

    def fill(self, begin, end, name):
        for at in range(max(begin, 0), min(end, self.size)):
            self.names[at] = name

    def fixed_part(self):
        sb = self.sb
        self.fill(512, 4096, "behind the superblock (section 4)")
        for index in (0, 1):
            begin = 4096 + index * sb.root_bytes
            self.fill(begin + 512 + 2048 * sb.shards, begin + sb.root_bytes - 512,
                      "behind the saved shard headers (section 4)")
        self.fill(sb.runtime_offset, sb.runtime_offset + sb.runtime_bytes,
                  "runtime area (V, section 14)")
        self.fill(sb.runtime_offset + sb.runtime_bytes, sb.heap_offset,
                  "between the fixed parts (section 4)")

    def extent(self, index):
        kind, shard, payload = self.store.extent(index)
        begin = self.sb.heap_offset + index * self.sb.extent_bytes
        end = begin + self.sb.extent_bytes
        if kind == 0:
            self.fill(begin, end, "free extent")
        elif kind == 4:
            self.fill(begin, begin + self.sb.block_bytes, "states of frames (V, section 9)")
            self.fill(begin + self.sb.block_bytes, end, "frame of no block of this root (F-18)")
        elif kind in (5, 6, 7):
            self.fill(begin, end, "no record, or behind one (F-16)")
        elif kind in (1, 2):
            self.fill(begin, end, "run that waits (`next`, `dead`)")

    def runs(self):
        everything = [run for shard in self.store.shards
                      for run in (*shard.directory, *shard.current, *shard.old)]
        for run in (*everything, *self.store.extent_runs):
            sb, b = self.sb, self.sb.block_bytes
            end = run.offset + sb.run_bytes(run.n, run.copies)
            extents = -(-(end - run.offset) // sb.extent_bytes) * sb.extent_bytes
            tail = run.offset + extents if run.extents is not None else sb.heap_offset
            tables = run.offset + run.n * run.copies * b
            states = tables + 2 * -(-run.n // sb.entries_per_page) * b
            self.fill(run.offset, tables, "place of no block of this root (F-18)")
            self.fill(tables, states, "table of the other root (F-17)")
            self.fill(states, end, "states of blocks (V, section 9)")
            self.fill(end, tail, "behind a run (section 9)")
        for run in (*everything, *self.store.extent_runs):
            self.placed(run)

    def placed(self, run):
        """Places and pages of this root are durable, reached by the second reader or not."""
        sb, b = self.sb, self.sb.block_bytes
        pages = -(-run.n // sb.entries_per_page)
        self.fill(run.table, run.table + pages * b, None)
        for i in range(run.n):
            place, _ = run.entry(i)
            if place:
                self.fill(place * b, place * b + b, None)


def judge(path, verdicts):
    """Prints the tally; returns the bytes that should have been noticed."""
    size = len(verdicts)
    read = Read(path)
    reached = read.reached(size)
    reasons = Reasons(path, size, reached)
    other = 1 - read.store.root.index
    begin = 4096 + other * read.store.superblock.root_bytes
    old_root = range(begin, begin + 512 + 2048 * read.store.superblock.shards)
    tally, silent, wrong = collections.Counter(), collections.Counter(), []
    for at, verdict in enumerate(verdicts):
        if verdict == " ":
            continue
        noticed = verdict in "FR"
        if at in old_root:
            tally[f"other root: {verdict}"] += 1
            if verdict not in "FRN":
                wrong.append(at)
        elif reached[at]:
            tally[f"durable state: {verdict}"] += 1
            if not noticed:
                wrong.append(at)
        elif noticed:
            tally[f"durable, beyond what a listing reads: {verdict}"] += 1
        else:
            silent[reasons.names[at]] += 1
            if reasons.names[at] is None:
                wrong.append(at)
    for name, count in sorted(tally.items()):
        print(f"  {count:8,} {name}")
    for name, count in silent.most_common():
        print(f"  {count:8,} not durable: {name}")
    print(f"  {sum(map(len, read.found)):8,} entries, {sum(reached):,} bytes read to list them")
    return wrong


def main():
    spec, program, stride = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    sys.path.insert(0, str(spec))
    failed = False
    for shard_bits in ("0", "1"):
        place = "/dev/shm" if pathlib.Path("/dev/shm").is_dir() else None
        with tempfile.TemporaryDirectory(prefix="hmap-flips-", dir=place) as directory:
            path, out = pathlib.Path(directory, "store"), pathlib.Path(directory, "out")
            subprocess.run([program, "make", path, shard_bits], check=True)
            print(f"{1 << int(shard_bits)} shards, {path.stat().st_size:,} bytes", flush=True)
            subprocess.run([program, "flip", path, out, stride], check=True)
            wrong = judge(path, out.read_text())
            for at in wrong[:20]:
                print(f"byte {at} was flipped and nobody noticed")
            failed = failed or bool(wrong)
    sys.exit(failed)


if __name__ == "__main__":
    main()
