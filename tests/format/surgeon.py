"""Changes the durable state of a file by hand and makes the checksums right again."""
from second_reader import reseal_root

FREE, BUCKETS, DIRECTORY, EXTENT_TABLE, FRAMES, SPAN, LARGE, LARGE_REST, LARGE_PENDING = range(9)


class Surgeon:
    def __init__(self, path):
        from reader.basics import checksum
        from reader.store import Store

        self.checksum, self.store = checksum, Store(str(path))
        self.data = bytearray(path.read_bytes())
        self.sb, self.shard = self.store.superblock, self.store.shards[0]
        self.header, self.root = self.shard.header, self.store.root

    def put(self, at, bytes_, number):
        self.data[at:at + bytes_] = number.to_bytes(bytes_, "little")

    def root_at(self, index):
        return 4096 + index * self.sb.root_bytes

    def seal(self, index):
        reseal_root(self.data, self.sb, index)

    def seal_page(self, run, i):
        page = run.table + i // self.sb.entries_per_page * self.sb.block_bytes
        end = page + self.sb.block_bytes
        self.put(page, 4, self.checksum(bytes(self.data[page + 4:end]), self.sb.seed ^ page))

    def change_header(self, words):
        """Words of the header of shard 0 by their offsets."""
        for at, word in words.items():
            self.put(self.root_at(self.root.index) + 512 + at, 8, word)
        self.seal(self.root.index)

    def change_block(self, run, i, words):
        """Words of block i of a run by their offsets; one never written is where its home is."""
        block, home = self.sb.block_bytes, run.offset + i * self.sb.block_bytes
        at = run.entry(i)[0] * block or home
        for inside, word in words.items():
            self.put(at + inside, 8, word)
        entry = run.table + i // self.sb.entries_per_page * block + (
            8 + i % self.sb.entries_per_page * 8)
        self.put(entry, 4, at // block)
        self.put(entry + 4, 4, self.checksum(bytes(self.data[at:at + block]), self.sb.seed ^ home))
        self.seal_page(run, i)

    def change_words(self, words):
        """Of extents, {extent: (kind, shard, payload)}, whose words are in block 0 of the table."""
        self.change_block(self.store.extent_runs[0], 0, {
            extent * 8: kind | shard << 8 | payload << 16
            for extent, (kind, shard, payload) in words.items()})

    def change_span(self, span, words):
        """Words of a span's entry by their numbers; those of block 0 of the directory."""
        self.change_block(self.shard.directory[0], 0,
                          {span * 128 + 8 * i: word for i, word in words.items()})

    def kinds(self):
        return [self.store.extent(i)[0] for i in range(self.root.extents_end)]

    def free_row(self, count):
        """The first of so many free extents."""
        kinds = self.kinds()
        return next(i for i in range(len(kinds)) if not any(kinds[i:i + count]))

    def first(self, kind):
        """The first extent of that kind and of shard 0."""
        return next(i for i, found in enumerate(self.kinds())
                    if found == kind and self.store.extent(i)[1] == 0)

    def heads(self):
        """{span: {"head", "extent", "cls", "next"}} of the used spans."""
        return {span: {"head": head, "extent": (head & 0xFFFFFFFF) - 1, "cls": head >> 32 & 0xFF,
                       "next": head >> 40} for span, head in self.shard.heads().items()}
