"""Who has which extent, and the lists of spans (format.md, section 10: F-23, F-26, F-99)."""
from reader.basics import (
    BUCKETS, DIRECTORY, EXTENT_TABLE, FRAMES, FREE, LARGE, LARGE_PENDING, LARGE_REST, SPAN, need)

ID = (1 << 48) - 1
DEAD_KINDS = (BUCKETS, DIRECTORY, SPAN, LARGE, LARGE_REST)


class Owners:
    """Every owner claims its extents; what nobody claimed is free, of frames, or pending."""

    def __init__(self, store):
        self.store, self.claimed = store, {}

    def claim(self, first, count, owner):
        need(first >= 0 and count >= 1 and first + count <= self.store.root.extents_end, "F-23",
             f"{owner}: {count} extents from {first} on are not in use")
        for index in range(first, first + count):
            other = self.claimed.setdefault(index, owner)
            need(other is owner, "F-23", f"extent {index} belongs to {other} and to {owner}")

    def claim_words(self, first, count, word, owner):
        """All with the same word."""
        self.claim(first, count, owner)
        for index in range(first, first + count):
            found = self.store.extent(index)
            need(found == word, "F-23", f"extent {index} is {found}, {owner} wants {word}")

    def run(self, run, kind, shard, ids, owner, payload=None):
        """A run of a shard; `payload` None: any id that no other run of the shard has."""
        first = run.extents[0]
        payload = self.store.extent(first)[2] if payload is None else payload & ID
        self.claim_words(first, len(run.extents), (kind, shard.index, payload), owner)
        need(payload not in ids and 1 <= payload <= shard.header.array_seq, "F-103",
             f"{owner} has id {payload}")
        ids.add(payload)

    def shard(self, shard, large):
        """`large`: offsets of its reachable large records."""
        h, name, ids = shard.header, f"shard {shard.index}", set()
        for what, array, runs in (("buckets", h.buckets, shard.current), ("old", h.old, shard.old),
                                  ("next", h.next, shard.next)):
            for j, run in enumerate(runs):
                self.run(run, BUCKETS, shard, ids, f"{name}: {what}, run {j}",
                         None if j else array.id)
        for what, runs in (("directory", shard.directory), ("dead", shard.dead_directory)):
            for k, run in enumerate(runs):
                self.run(run, DIRECTORY, shard, ids, f"{name}: {what}, segment {k}")
        self.spans(shard, check_lists(shard), f"{name}: span")
        self.spans(shard, shard.dead_heads(), f"{name}: dead span")
        for first, count in h.dead:
            self.dead_row(shard, first, count)
        for offset in large:
            sb = self.store.superblock
            self.row((offset - sb.heap_offset) // sb.extent_bytes, f"{name}: record at {offset}")
        self.cleared(shard)

    def spans(self, shard, heads, name):
        for span, head in heads.items():
            extents, _ = self.store.superblock.span_shape(head >> 32 & 0xFF)
            self.claim_words((head & 0xFFFFFFFF) - 1, extents, (SPAN, shard.index, span),
                             f"{name} {span}")

    def dead_row(self, shard, first, count):
        owner = f"shard {shard.index}: dead row of {count} from {first}"
        self.claim(first, count, owner)
        for index in range(first, first + count):
            kind, of, _ = self.store.extent(index)
            need(kind in DEAD_KINDS and of == shard.index, "F-23", f"extent {index} of {owner}")

    def row(self, first, owner):
        """Of a large record."""
        goes_on, count = self.store.row(first), self.store.extent(first)[2]
        need(len(goes_on) == count - 1, "F-23", f"the row at extent {first} does not go on")
        self.claim(first, count, owner)

    def cleared(self, shard):
        """The large records of a cleared map (F-26)."""
        begin, end = shard.header.dead_large
        need(begin <= end <= self.store.root.extents_end, "F-26",
             f"shard {shard.index}: dead_large_end")
        for index in range(begin, end):
            kind, of, _ = self.store.extent(index)
            if kind == LARGE and of == shard.index:
                self.row(index, f"shard {shard.index}: cleared record at extent {index}")

    def finish(self):
        """The words that nobody claimed."""
        store, torn = self.store, set()  # what is there of rows that belong to nobody (F-25)
        for index in range(store.root.extents_end):
            if index in self.claimed or index in torn:
                continue
            kind, shard, payload = store.extent(index)
            need(kind <= LARGE_PENDING, "F-99", f"kind of extent {index}")
            need(kind != FREE or shard == 0 and payload <= store.root.cut, "F-99",
                 f"free extent {index}, of shard {shard}, freed in epoch {payload}")
            need(kind != FRAMES or payload == 0, "F-99", f"extent {index} of frames")
            need(shard < store.superblock.shards, "F-99", f"extent {index} of shard {shard}")
            row = store.row(index) if kind in (LARGE, LARGE_PENDING) else ()
            if kind == LARGE_PENDING:
                torn.update(row)
            elif kind == LARGE:
                need(len(row) == payload - 1, "F-23", f"the row at extent {index} does not go on")
                need(False, "F-26", f"no bucket refers to the large record at extent {index}")
            need(kind in (FREE, FRAMES, LARGE_PENDING), "F-23",
                 f"extent {index} is {(kind, shard, payload)}, which belongs to nobody")


def check_lists(shard):
    """F-26: {id: head} of the used spans, each of which is once in the list of its class."""
    heads, listed = shard.heads(), set()
    of_class = {span + 1: head >> 32 & 0xFF for span, head in heads.items()}
    for cls, (first, is_open) in enumerate(shard.header.classes):
        need(not is_open or of_class.get(is_open) == cls, "F-26",
             f"shard {shard.index}: the open span of class {cls} is {is_open - 1}")
        while first:
            need(of_class.get(first) == cls and first not in listed, "F-26",
                 f"shard {shard.index}: the list of class {cls} leads to span {first - 1}")
            listed.add(first)
            first = heads[first - 1] >> 40
    need(len(listed) == len(heads), "F-26",
         f"shard {shard.index}: {len(heads) - len(listed)} spans are in no list")
    return heads


def check_unused(store):
    """F-22: the table has a word for each extent in use, and none but 0 for others."""
    per_block, end = store.superblock.block_bytes // 8, store.root.extents_end
    words = sum(run.n for run in store.extent_runs) * per_block
    need(end <= words, "F-22", f"{end} extents, and words for {words}")
    for index in range(end, words):
        need(store.word_of_extent(index) == 0, "F-22", f"extent {index} is not in use")


def check_owners(store, large):
    """`large`: for each shard, the offsets of its reachable large records."""
    owners, space = Owners(store), store.superblock.shards & 0xFF
    for segment, run in enumerate(store.extent_runs):
        if segment:
            owners.claim_words(run.extents[0], len(run.extents), (EXTENT_TABLE, space, segment),
                               f"segment {segment} of the extent table")
    for shard, offsets in zip(store.shards, large):
        owners.shard(shard, offsets)
    owners.finish()
    check_unused(store)
