"""A store's durable state: its root, blocks through tables, extents (format.md, 9, 10, 12)."""
import struct

from reader.basics import FRAMES, LARGE_REST, PAGE, File, ceil_div, checksum, key_hash, need
from reader.headers import Root, Superblock
from reader.shard import Shard

CACHED_BLOCKS = 4096


class Run:
    """Blocks of one run in the durable state: through the table of the root, checksums verified."""

    def __init__(self, store, offset, n, copies, owner):
        sb = store.superblock
        self.store, self.offset, self.n, self.copies, self.owner = store, offset, n, copies, owner
        if offset == sb.extent_table_offset:
            self.extents = None
        else:
            first, rest = divmod(offset - sb.heap_offset, sb.extent_bytes)
            count = ceil_div(sb.run_bytes(n, copies), sb.extent_bytes)
            need(first >= 0 and rest == 0 and first + count <= store.root.extents_end,
                 "F-23", f"run of {n} blocks does not lie in extents in use", offset)
            self.extents = range(first, first + count)
        pages = ceil_div(n, sb.entries_per_page)
        self.table = offset + (n * copies + store.root.index * pages) * sb.block_bytes

    def entry(self, i):
        store, sb = self.store, self.store.superblock
        at = self.table + i // sb.entries_per_page * sb.block_bytes
        page = store.cached(at, lambda: self.table_page(at))
        return struct.unpack_from("<II", page, 8 + i % sb.entries_per_page * 8)

    def table_page(self, at):
        page = self.store.file.read(at, self.store.superblock.block_bytes)
        check = int.from_bytes(page[:4], "little")
        good = checksum(page[4:], self.store.superblock.seed ^ at) == check
        need(good or not any(page), "F-07", "table page checksum", at)
        first = (at - self.table) // len(page) * self.store.superblock.entries_per_page
        need(not any(page[8 + max(self.n - first, 0) * 8:]), "F-98", "entries of no block", at)
        return page

    def block(self, i):
        """The bytes of block i; None: never written, all zero."""
        need(0 <= i < self.n, "F-19", "block number beyond its run", self.offset)
        place, check = self.entry(i)
        if place == 0:
            return None
        home = self.offset + i * self.store.superblock.block_bytes
        return self.store.cached(("block", home), lambda: self.placed_block(i, home, place, check))

    def placed_block(self, i, home, place, check):
        sb = self.store.superblock
        at = place * sb.block_bytes
        spares = [self.offset + (k * self.n + i) * sb.block_bytes for k in range(self.copies)]
        if at not in spares:
            need(self.owner is not None, "F-18", "extent table block in a foreign place", at)
            extent, inside = divmod(at - sb.heap_offset, sb.extent_bytes)
            kind, shard, _ = self.store.extent(extent)
            need(kind == FRAMES and shard == self.owner and inside >= sb.block_bytes, "F-18",
                 f"place of the block with home {home} is no frame of shard {self.owner}", at)
        raw = self.store.file.read(at, sb.block_bytes)
        need(checksum(raw, sb.seed ^ home) == check, "F-07", "block checksum", at)
        other = self.store.homes.setdefault(at, home)
        need(other == home, "F-18", f"blocks with homes {other} and {home} in one place", at)
        return raw


class Store:
    def __init__(self, path):
        self.file = File(path)
        self.superblock = Superblock(self.file)
        self.roots = self.read_roots()
        valid = [root for root in self.roots if root.valid]
        need(valid, "F-33", "neither root is valid", PAGE)
        self.root = max(valid, key=lambda root: (root.generation, root.index))
        sb = self.superblock
        self.heap_end = sb.heap_offset + self.root.extents_end * sb.extent_bytes
        need(self.file.size >= self.heap_end, "F-35",
             f"the file has {self.file.size} bytes of {self.heap_end}")
        self.cache, self.homes = {}, {}
        self.extent_runs = self.make_runs(
            self.root.extent_table, [1] + [1 << k for k in range(31)], 3, None)
        need(self.extent_runs and self.extent_runs[0].extents is None, "F-03",
             "extent table segment 0")
        self.shards = [Shard(self, i, header) for i, header in enumerate(self.root.headers)]
        other = self.roots[1 - self.root.index]
        if not other.valid and not (other.blank and self.root.generation == 1):
            self.check_all_blocks()

    def check_all_blocks(self):
        """F-34: a root torn by a power cut had freed nothing, one damaged later had."""
        for run in (*self.extent_runs, *(run for shard in self.shards for run in shard.all_runs())):
            for i in range(run.n):
                run.block(i)

    def read_roots(self):
        return [Root(self.file, self.superblock, index) for index in (0, 1)]

    def shard_of(self, key):
        return key_hash(key, self.superblock.seed) & self.superblock.shards - 1

    def changed(self):
        return [r.raw for r in self.read_roots()] != [r.raw for r in self.roots]

    def cached(self, key, make):
        if key not in self.cache:
            if len(self.cache) >= CACHED_BLOCKS:
                self.cache.clear()
            self.cache[key] = make()
        return self.cache[key]

    def make_runs(self, offsets, sizes, copies, owner):
        """The runs at the offsets, which are 0 only behind the last."""
        used = [offset for offset in offsets if offset]
        need(list(offsets[:len(used)]) == used, "F-23", "a gap between runs")
        return [Run(self, offset, n, copies, owner) for offset, n in zip(used, sizes)]

    def word_of_extent(self, index):
        per_block = self.superblock.block_bytes // 8
        number, slot = divmod(index, per_block)
        for run in self.extent_runs:
            if number < run.n:
                block = run.block(number)
                return struct.unpack_from("<Q", block, slot * 8)[0] if block else 0
            number -= run.n
        return 0

    def extent(self, index):
        """(kind, shard, payload) of an extent in use."""
        need(0 <= index < self.root.extents_end, "F-22", f"extent {index} is not in use")
        word = self.word_of_extent(index)
        return word & 0xFF, word >> 8 & 0xFF, word >> 16

    def row(self, index):
        """Those extents behind the first one of a row that go on with it (F-23, F-25)."""
        _, shard, count = self.extent(index)
        need(1 <= count <= self.root.extents_end - index, "F-23", f"row at extent {index}")
        return [index + rest for rest in range(1, count)
                if self.extent(index + rest) == (LARGE_REST, shard, rest)]
