#!/usr/bin/env python3
"""What the root that does not count says about the one that does, and what is zero in every store.

Changes golden files, checksums right again, and lets reader.py judge them.
Usage: other_root.py GOLDEN_DIRECTORY READER.PY
"""
import json
import pathlib
import sys
import tempfile

from second_reader import SecondReader
from surgeon import FREE, LARGE_REST, Surgeon


class RootSurgeon(Surgeon):
    """Of a golden file whose durable root is root B."""

    def __init__(self, path):
        super().__init__(path)
        assert self.root.index == 1

    def same_generation(self):
        self.put(self.root_at(0) + 16, 8, self.root.generation)
        self.seal(0)

    def blank_other(self):
        self.data[self.root_at(0):self.root_at(0) + 512] = bytes(512)

    def damage_block(self, run, i):
        self.data[run.entry(i)[0] * self.sb.block_bytes + 8] ^= 2

    def array_of_words(self):
        self.change_header({256 + 8: 3})

    def entry_behind(self):
        run = self.shard.current[0]
        self.put(run.table + 8 + run.n * 8, 4, 1)
        self.seal_page(run, 0)

    def shard_of_free(self, shard):
        extent = self.free_row(1)
        self.change_words({extent: (FREE, shard, self.store.extent(extent)[2])})

    def torn_row(self, kind, distance):
        """Of six extents the first is there, and of the others every second."""
        first = self.free_row(6)
        rest = {first + i: (LARGE_REST, 0, i + distance) for i in (1, 3, 5)}
        self.change_words({first: (kind, 0, 6), **rest})


class Judge:
    def __init__(self, golden, reader, directory):
        self.golden, self.reader = golden, SecondReader(reader)
        self.path = pathlib.Path(directory, "changed.hmap")
        self.failures = []

    def read(self, name, change, *arguments):
        surgeon = RootSurgeon(self.golden / name)
        change(surgeon)
        self.path.write_bytes(surgeon.data)
        return self.reader.read(self.path, *arguments)

    def expect(self, what, right):
        if not right:
            self.failures.append(what)

    def roots(self):
        name = "half_evacuated.hmap"
        code, text, _ = self.read(name, RootSurgeon.same_generation, "--header")
        self.expect("equal generations: root B", code == 0 and json.loads(text)["root"] == "B")
        _, before, _ = self.reader.read(self.golden / name, "--list")
        code, text, _ = self.read(name, RootSurgeon.blank_other, "--list")
        self.expect("a blank other root", code == 0 and text == before)
        key = before.split("\t")[0]
        codes, run = set(), Surgeon(self.golden / name).store.shards[0].current[0]
        written = [i for i in range(run.n) if run.entry(i)[0]]
        for i in written:
            codes.add(self.read(name, lambda s, i=i: s.damage_block(run, i), "--get", key)[0])
            code, _, _ = self.read(
                name, lambda s, i=i: (s.damage_block(run, i), s.blank_other()), "--get", key)
            self.expect(f"a blank other root and block {i} damaged: exit code {code}", code == 4)
        self.expect("a look-up that does not see the damage", 0 in codes)

    def zeros(self):
        for what, change in (("F-97", RootSurgeon.array_of_words),
                             ("F-98", RootSurgeon.entry_behind),
                             ("F-99", lambda s: s.shard_of_free(2))):
            code, _, error = self.read("half_evacuated.hmap", change, "--list")
            self.expect(f"{what}: exit code {code}, {error}", code == 4 and what in error)

    def pending(self):
        name = "half_evacuated.hmap"
        _, before, _ = self.reader.read(self.golden / name, "--list")
        code, text, error = self.read(name, lambda s: s.torn_row(8, 0), "--list")
        self.expect(f"a torn row that is pending: {error}", code == 0 and text == before)
        for what, kind, distance in (("that is not", 6, 0), ("of another distance", 8, 1)):
            code, _, error = self.read(name, lambda s, k=kind, d=distance: s.torn_row(k, d),
                                       "--list")
            self.expect(f"a torn row {what}: {code}", code == 4 and "F-23" in error)


def main():
    golden, reader = pathlib.Path(sys.argv[1]), sys.argv[2]
    sys.path.insert(0, str(pathlib.Path(reader).parent))
    with tempfile.TemporaryDirectory() as directory:
        judge = Judge(golden, reader, directory)
        judge.roots()
        judge.zeros()
        judge.pending()
    print("\n".join(judge.failures) or "all as format.md says")
    return 1 if judge.failures else 0


if __name__ == "__main__":
    sys.exit(main())
