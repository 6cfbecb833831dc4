"""One map: buckets, chains, records (format.md, sections 7, 8, 10 and 11)."""
import struct

from reader.basics import (
    CLASSES, LARGE, SPAN, Damaged, ceil_div, decoded, key_hash, mix, need, record_checksum,
    tophash)


class Shard:
    def __init__(self, store, index, header):
        self.store, self.index, self.header = store, index, header
        self.in_chain = {}  # by array: heads of the chains that overflow buckets are in
        sb, h = store.superblock, header
        need(h.version % 2 == 0, "F-32", f"shard {index}: the version of its header")
        units = [sb.unit_blocks << k for k in range(20)]
        self.directory = store.make_runs(h.directory, units, 1, index)
        self.dead_directory = store.make_runs(h.dead_directory, units, 1, index)
        self.current = self.array_runs(h.buckets)
        self.old = self.array_runs(h.old)
        self.next = self.array_runs(h.next)
        need(len(self.next) <= 1, "F-97", f"shard {index}: further runs of `next`")
        if self.current:
            need(h.buckets.b == h.b, "F-28", f"shard {index}: B")
        else:
            need(h.count == 0 and not h.growing, "F-28", f"shard {index}: entries without an array")
        if h.growing:
            need(h.flags in (0, 8, 16) and h.old.b == h.b + {0: -1, 8: 0, 16: 1}[h.flags], "F-28",
                 f"shard {index}: B of the old array")
            need(h.nevacuate <= 1 << min(h.b, h.old.b), "F-31", f"shard {index}: nevacuate")
        else:
            need(h.flags == 0, "F-28", f"shard {index}: flags without a growth")
            need(h.nevacuate == 0, "F-31", f"shard {index}: nevacuate without a growth")

    def all_runs(self):
        return (*self.current, *self.old, *self.directory, *self.dead_directory)

    def array_runs(self, array):
        sb = self.store.superblock
        if array.id == 0:
            return []
        need(array.b <= 39 and array.run[0], "F-28", f"shard {self.index}: bucket array")
        first = ceil_div((1 << array.b) + ((1 << array.b >> 4) if array.b >= 4 else 0),
                         sb.buckets_per_block)
        step = max(sb.unit_blocks, ceil_div(first, 8))
        sizes = [first] + [step << j for j in range(8)]
        runs = self.store.make_runs(array.run, sizes, 1, self.index)
        capacity = sum(run.n for run in runs) * sb.buckets_per_block
        need(1 << array.b <= array.next_overflow <= capacity, "F-14",
             f"shard {self.index}: next_overflow {array.next_overflow} of {capacity} buckets")
        return runs

    def bucket(self, runs, number):
        size = self.store.superblock.bucket_bytes
        block, slot = divmod(number, self.store.superblock.buckets_per_block)
        for run in runs:
            if block < run.n:
                raw = run.block(block)
                return raw[slot * size:(slot + 1) * size] if raw else bytes(size)
            block -= run.n
        raise Damaged(f"F-14: shard {self.index}: bucket {number} beyond its array")

    def chain(self, array, runs, number):
        """The buckets of a chain; an endless one is damage."""
        for _ in range(array.next_overflow - (1 << array.b) + 1):
            raw = self.bucket(runs, number)
            yield number, raw
            number = int.from_bytes(raw[16:21], "little")
            if number == 0:
                return
            need(1 << array.b <= number < array.next_overflow, "F-14",
                 f"shard {self.index}: overflow bucket {number}")
        raise Damaged(f"F-14: shard {self.index}: a chain runs in a circle")

    def evacuated(self, i):
        head = self.bucket(self.old, i)[:8]
        if 2 <= head[0] <= 4:
            halves = self.header.old.b < self.header.b  # else nothing moves to a second half
            need(all(2 <= state <= 4 and (halves or state != 3) for state in head), "F-11",
                 f"shard {self.index}: old bucket {i}")
            return True
        return False

    def slots(self, array, runs, number):
        """(tophash, hash bits, what the slot holds) of the filled slots of a chain."""
        rest, taken = False, self.in_chain.setdefault(array.id, {})
        for at, raw in self.chain(array, runs, number):
            need(at == number or taken.setdefault(at, number) == number, "F-14",
                 f"shard {self.index}: overflow bucket {at} in two chains")
            for i, state in enumerate(raw[:8]):
                need(not rest or state == 0, "F-13", f"shard {self.index}: bucket {at}, slot {i}")
                need(not 2 <= state <= 4, "F-11", f"shard {self.index}: bucket {at}, slot {i}")
                rest = state == 0
                if state >= 5:
                    bits = int.from_bytes(raw[21:24], "little") >> 3 * i & 7
                    yield state, bits, self.held(raw, i)

    def held(self, raw, i):
        """Key and value of an inline slot (F-84), or the offset of a record."""
        sb = self.store.superblock
        if not sb.inline:
            return 16 * int.from_bytes(raw[24 + 5 * i:29 + 5 * i], "little")
        k, e = sb.key_bytes, sb.elem_bytes
        values = 24 + 8 * k
        return raw[24 + i * k:24 + (i + 1) * k], raw[values + i * e:values + (i + 1) * e]

    def entry(self, held):
        """Key, value, whether it has a record, and whether that is large."""
        if self.store.superblock.inline:
            return (*held, False, False)
        key, value, is_large = self.record(held)
        return key, value, True, is_large

    def chains(self):
        """(array, runs, head) of every reachable chain (F-10)."""
        h = self.header
        for i in range(1 << h.old.b if h.growing else 0):
            pair = i & (1 << h.b) - 1  # evacuated together, if the new array is the smaller one
            need(h.b >= h.old.b or self.evacuated(i) == self.evacuated(pair), "F-11",
                 f"shard {self.index}: of old buckets {pair} and {i} one is evacuated")
            if not self.evacuated(i):
                need(pair >= h.nevacuate, "F-31",
                     f"shard {self.index}: old bucket {i} is not evacuated")
                yield h.old, self.old, i
        for i in range(1 << h.b if self.current else 0):
            if not h.growing or self.evacuated(i & (1 << h.old.b) - 1):
                yield h.buckets, self.current, i

    def span_entry(self, span):
        need(span < self.header.span_count, "F-26", f"shard {self.index}: span {span}")
        return self.entry_in(self.directory, span)

    def entry_in(self, directory, span):
        block, slot = divmod(span, self.store.superblock.block_bytes // 128)
        for run in directory:
            if block < run.n:
                raw = run.block(block)
                return raw[slot * 128:slot * 128 + 128] if raw else bytes(128)
            block -= run.n
        raise Damaged(f"F-26: shard {self.index}: span {span} beyond the directory")

    def heads(self):
        """{span: head} of the used spans."""
        return self.used(self.directory, range(self.header.span_count))

    def dead_heads(self):
        """The same of those spans of a cleared map that are not given back yet (F-26)."""
        h = self.header
        need(h.dead_span_next <= h.dead_span_count, "F-26", f"shard {self.index}: dead spans")
        return self.used(self.dead_directory, range(h.dead_span_next, h.dead_span_count))

    def used(self, directory, spans):
        found = {span: int.from_bytes(self.entry_in(directory, span)[:8], "little")
                 for span in spans}
        found = {span: head for span, head in found.items() if head}
        for span, head in found.items():
            need(head & 0xFFFFFFFF and head >> 32 & 0xFF < self.store.superblock.classes, "F-26",
                 f"shard {self.index}: head of span {span}")
        return found

    def record(self, offset):
        """Key, value and whether it is large; the record's place is checked against its size."""
        sb, file = self.store.superblock, self.store.file
        extent, inside = divmod(offset - sb.heap_offset, sb.extent_bytes)
        kind, shard, payload = self.store.extent(extent)
        need(kind in (SPAN, LARGE) and shard == self.index, "F-09",
             "no extent of this shard's records", offset)
        check, key_bytes, flags, value_bytes = struct.unpack("<IHHI", file.read(offset, 12))
        size = 12 + key_bytes + value_bytes
        cls = sb.class_of(size)
        if kind == LARGE:
            need(inside == 0 and cls is None and payload == ceil_div(size, sb.extent_bytes), "F-15",
                 "large record", offset)
        else:
            self.check_span_slot(offset, payload, cls)
        need(offset + size <= self.store.heap_end, "F-09",
             "record reaches beyond the extents", offset)
        raw = file.read(offset, size)
        need(record_checksum(raw[4:], sb.seed ^ offset, sb.crc_sums) == check, "F-07",
             "record checksum", offset)
        value = decoded(raw[12 + key_bytes:], flags, sb.dictionary, offset)
        key = raw[12:12 + key_bytes]
        need(sb.fits(key, value), "F-81", "record of a wrong length", offset)
        return key, value, kind == LARGE

    def check_span_slot(self, offset, span, cls):
        sb = self.store.superblock
        words = struct.unpack("<16Q", self.span_entry(span))
        first, entry_class = (words[0] & 0xFFFFFFFF) - 1, words[0] >> 32 & 0xFF
        need(first >= 0 and entry_class == cls, "F-15",
             f"record in a span of class {entry_class}, not {cls}", offset)
        _, slots = sb.span_shape(cls)
        inside = offset - (sb.heap_offset + first * sb.extent_bytes)
        slot, rest = divmod(inside, CLASSES[cls])
        need(inside >= 0 and rest == 0 and slot < slots, "F-09", f"no slot of span {span}", offset)
        need(words[1 + slot // 64] >> slot % 64 & 1, "F-26", "slot's bit is clear", offset)

    def entries(self):
        """All entries, with every check that can be made on the way."""
        h, seen, small = self.header, set(), 0
        found, large = {}, set()
        for array, runs, head in self.chains():
            for state, bits, held in self.slots(array, runs, head):
                key, value, has_record, is_large = self.entry(held)
                offset = held if has_record else 0
                hh = self.bucket_hash(key)
                need(hh & (1 << array.b) - 1 == head and tophash(hh) == state, "F-12",
                     f"shard {self.index}: key in bucket {head}", offset)
                need(hh >> array.b - array.b % 3 & 7 == bits, "F-59",
                     f"shard {self.index}: hash bits in bucket {head}", offset)
                need(key not in found and not (has_record and offset in seen), "F-09",
                     "a record or key twice", offset)
                seen.add(offset)
                found[key] = value
                large.update([offset] if is_large else [])
                small += has_record and not is_large
        need(len(found) == h.count, "F-29",
             f"shard {self.index}: count {h.count}, {len(found)} entries")
        used = self.heads()
        bits = sum(int.from_bytes(self.span_entry(span)[8:], "little").bit_count() for span in used)
        unused = h.span_count - len(used)
        need(bits == small and unused == h.span_free, "F-26",
             f"shard {self.index}: {bits} bits, {small} records; {unused} unused spans")
        self.check_overflows()
        return found, large

    def check_overflows(self):
        """F-30: every overflow bucket that was handed out is in a chain (slots() saw to F-14)."""
        h = self.header
        if self.current:
            used = h.buckets.next_overflow - (1 << h.buckets.b)
            chained = len(self.in_chain.get(h.buckets.id, ()))
            need(used == chained == h.noverflow, "F-30", f"shard {self.index}: noverflow "
                 f"{h.noverflow}, {used} handed out, {chained} in chains")

    def bucket_hash(self, key):
        h = key_hash(key, self.store.superblock.seed)
        need(h & self.store.superblock.shards - 1 == self.index, "F-12",
             f"shard {self.index}: a key of another shard")
        return mix(h, self.header.hash0)

    def get(self, key):
        if not self.current:
            return None
        h, hh = self.header, self.bucket_hash(key)
        array, runs = h.buckets, self.current
        if h.growing and not self.evacuated(hh & (1 << h.old.b) - 1):
            array, runs = h.old, self.old
        for state, _, held in self.slots(array, runs, hh & (1 << array.b) - 1):
            if state == tophash(hh):
                found, value, _, _ = self.entry(held)
                if found == key:
                    return value
        return None
