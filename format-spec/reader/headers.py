"""Superblock, shard headers and roots (format.md, sections 4, 5, 11 and 12)."""
import struct

from reader.basics import (
    CLASSES, PAGE, Damaged, NotAStore, ceil_div, checksum, need, round_up)


class Superblock:
    FIELDS = struct.Struct("<QII3Q16sQQ8I5QQII4IQ128s")

    def __init__(self, file):
        if file.size < 512:
            raise NotAStore("shorter than a superblock")
        raw = file.read(0, 512)
        (magic, self.version, _, _, _, refuse, self.uuid, self.seed, self.created,
         self.shard_bits, self.block_bytes, self.extent_bytes, self.slots, self.intent_words,
         self.key_kind, self.elem_kind, self.compression, self.root_bytes, self.runtime_offset,
         self.runtime_bytes, self.extent_table_offset, self.heap_offset, self.dictionary_offset,
         self.dictionary_bytes, _, self.key_bytes, self.elem_bytes, self.key_align,
         self.elem_align, self.fingerprint, name) = self.FIELDS.unpack_from(raw)
        if magic != 0x0A1A70616D687F89:
            raise NotAStore("no hmap magic (F-01)")
        if self.version != 1:
            raise NotAStore(f"format version {self.version}, this reader knows 1 (F-01)")
        need(self.is_right(raw), "F-05", "superblock checksum", 0)
        self.crc_sums = refuse == 1
        if refuse > 1 or self.key_kind > 1 or self.elem_kind > 1:
            raise NotAStore("unknown features (F-02, F-06)")
        self.type_name = name.split(b"\0")[0].decode("utf-8", "replace")
        self.check_type(name)
        self.check_geometry()
        self.derive()
        for end in (PAGE + self.root_bytes, PAGE + 2 * self.root_bytes):
            spare = file.read(end - 512, 512)
            same = spare[16:40] + spare[56:] == raw[16:40] + raw[56:] and spare[:12] == raw[:12]
            need(spare == bytes(512) or same and self.is_right(spare), "F-102",
                 "spare superblock", end - 512)
        self.dictionary = self.read_dictionary(file)

    @staticmethod
    def is_right(raw):
        return checksum(raw[:12] + bytes(4) + raw[16:], 0) == int.from_bytes(raw[12:16], "little")

    def check_type(self, name):
        for kind, size, align, least, at in (
                (self.key_kind, self.key_bytes, self.key_align, 1, 160),
                (self.elem_kind, self.elem_bytes, self.elem_align, 0, 164)):
            if kind == 0:
                need(size == 0 and align == 0, "F-80", "bytes with a size or an alignment", at)
            else:
                need(size >= least and align in (1 << i for i in range(13)) and size % align == 0,
                     "F-80", f"{size} bytes, align {align}", at)
        need(self.key_bytes <= 65535, "F-80", "key_bytes", 160)
        plain = not (self.key_kind or self.elem_kind)
        need(plain == (self.fingerprint == 0), "F-80", "type_fingerprint", 176)
        need(not plain or not name[0], "F-80", "type_name", 184)

    def fits(self, key, value):
        """Whether an entry has the lengths of the store's type (F-81)."""
        return ((not self.key_kind or len(key) == self.key_bytes) and
                (not self.elem_kind or len(value) == self.elem_bytes))

    def check_geometry(self):
        b, x = self.block_bytes, self.extent_bytes
        need(self.shard_bits <= 8, "F-03", "shard_bits", 72)
        need(512 <= b <= 65536 and b & (b - 1) == 0, "F-03", "block_bytes", 76)
        need(4 * b <= x <= min(b * b // 32, 1 << 24) and x & (x - 1) == 0, "F-03",
             "extent_bytes", 80)
        need(1 <= self.slots <= 255, "F-03", "slots", 84)
        need(224 <= self.intent_words <= 256, "F-03", "intent_words", 88)
        need(self.compression <= 1, "F-03", "compression", 100)
        need(self.dictionary_bytes <= 65536, "F-03", "dictionary_bytes", 152)

    def derive(self):
        shards, page = 1 << self.shard_bits, max(PAGE, self.block_bytes)
        self.shards = shards
        self.bucket_bytes = 24 + 8 * (self.key_bytes + self.elem_bytes)  # F-84
        self.inline = bool(self.key_kind and self.elem_kind and self.key_bytes <= 128 and
                           self.elem_bytes <= 128 and self.bucket_bytes <= self.block_bytes)
        if not self.inline:
            self.bucket_bytes = 64
        self.buckets_per_block = self.block_bytes // self.bucket_bytes  # F-85
        self.entries_per_page = (self.block_bytes - 8) // 8
        self.classes = sum(slot <= 2 * self.extent_bytes for slot in CLASSES)  # F-15
        self.unit_blocks = 1
        while self.run_bytes(self.unit_blocks + 1, 1) <= self.extent_bytes:
            self.unit_blocks += 1
        domain = round_up(4304 + 16 * self.intent_words, 64)
        self.batch_ops = min(4096, self.block_bytes ** 2 // 4096)
        batch = 128 + 16 * shards + 8 * self.batch_ops
        cuts = 1024 + 64 * self.slots + (shards + 1) * domain + 288 + 2048 * shards + batch
        runtime = round_up(round_up(cuts, 64) + 832 * self.slots, PAGE)
        root_bytes = round_up(512 + 2048 * shards, PAGE)
        table = round_up(PAGE + 2 * root_bytes + runtime, page)
        end = table + self.run_bytes(1, 3)
        dictionary = round_up(end, PAGE) if self.dictionary_bytes else 0
        if dictionary:
            end = dictionary + 16 + self.dictionary_bytes
        heap = round_up(end, max(page, self.extent_bytes))
        self.extents_max = (min(1 << 44, self.block_bytes << 32) - heap) // self.extent_bytes
        need((self.root_bytes, self.runtime_offset) == (root_bytes, PAGE + 2 * root_bytes),
             "F-03", "root_bytes or runtime_offset", 104)
        need(self.runtime_bytes == runtime, "F-03", f"runtime_bytes, should be {runtime}", 120)
        need((self.extent_table_offset, self.heap_offset) == (table, heap), "F-03",
             f"extent_table_offset or heap_offset, should be {table}, {heap}", 128)
        need(self.dictionary_offset == dictionary, "F-03",
             f"dictionary_offset, should be {dictionary}", 144)

    def read_dictionary(self, file):
        if not self.dictionary_bytes:
            return b""
        at, count = self.dictionary_offset, self.dictionary_bytes
        magic, length, check = struct.unpack("<QII", file.read(at, 16))
        dictionary = file.read(at + 16, count)
        need(magic == 0x7463696470616D68 and length == count and
             checksum(dictionary, self.seed ^ at) == check, "F-79", "dictionary", at)
        return dictionary

    def run_bytes(self, n, copies):
        pages = ceil_div(n, self.entries_per_page)
        states = 48 * n + 32 * n * (copies - 1) + 8 * ceil_div(n, 64)
        return (n * copies + 2 * pages) * self.block_bytes + states

    def span_shape(self, cls):
        """Extents and slots of a span of a class (section 10)."""
        slot, extent = CLASSES[cls], self.extent_bytes
        for m in range(1, 9):
            if m * extent % slot <= m * extent // 8:
                return m, min(m * extent // slot, 960)
        raise Damaged(f"F-15: no span for class {cls}")

    def class_of(self, record_bytes):
        """Smallest class that holds a record; None: a large record."""
        for cls, slot in enumerate(CLASSES[:self.classes]):
            if slot >= record_bytes:
                return cls
        return None


class Array:
    """A BucketArray of a saved shard header."""

    def __init__(self, words):
        self.id, self.b, self.next_overflow = words[:3]
        self.run = words[3:12]
        need(self.id or not any(words), "F-97", "words of an array that does not exist")


class ShardHeader:
    def __init__(self, raw):
        w = struct.unpack("<256Q", raw)
        (self.version, self.count, self.flags, self.b, self.noverflow, self.hash0, self.nevacuate,
         self.array_seq) = w[:8]
        self.buckets, self.old, self.next = Array(w[8:20]), Array(w[20:32]), Array(w[32:44])
        self.span_count, self.span_free = w[45:47]
        self.directory, self.dead_directory = w[47:67], w[67:87]
        self.dead_span_count, self.dead_span_next = w[87:89]
        self.dead = [((word & 0xFFFFFFFF) - 1, word >> 32) for word in w[89:135] if word]
        self.classes = [(word & 0xFFFFFFFF, word >> 32) for word in w[135:215]]
        self.dead_large = w[215:217]
        self.growing = self.old.id != 0


class Root:
    FIELDS = struct.Struct("<QIIQQQQ32Q")

    def __init__(self, file, superblock, index):
        self.index = index
        offset = PAGE + index * superblock.root_bytes
        self.raw = file.read(offset, 512)
        (magic, check, headers_check, self.generation, self.cut, self.extents_end, log_sequence,
         *self.extent_table) = self.FIELDS.unpack_from(self.raw)
        self.log_in_use = log_sequence >> 63 != 0
        self.log_position = log_sequence & (1 << 63) - 1
        self.blank = magic == 0
        seed, raw = superblock.seed, self.raw
        self.valid = (magic == 0x746F6F7270616D68 and
                      checksum(raw[:8] + bytes(4) + raw[12:], seed) == check)
        self.valid = (self.valid and self.cut < 1 << 47 and self.extent_table[0] != 0 and
                      self.extents_end <= superblock.extents_max)
        if self.valid:
            headers = file.read(offset + 512, 2048 * superblock.shards)
            self.valid = checksum(headers, seed ^ self.generation) == headers_check
        if self.valid:
            self.headers = [
                ShardHeader(headers[at:at + 2048]) for at in range(0, len(headers), 2048)]
