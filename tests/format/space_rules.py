#!/usr/bin/env python3
"""Stores damaged by hand in one way each: reader.py and `hmap verify` refuse the same ones.

What each of them says tells that it was that rule (F-14, F-18, F-23, F-26, F-30, F-97, F-99,
F-103). Stores that only look odd are there too: both take them.
Usage: space_rules.py GOLDEN_DIRECTORY READER.PY HMAP
"""
import pathlib
import sys
import tempfile

from both_readers import run
from second_reader import SecondReader
from surgeon import (
    BUCKETS, DIRECTORY, FRAMES, FREE, LARGE, LARGE_PENDING, LARGE_REST, SPAN, Surgeon)

# Offsets in a shard header (format.md, section 11).
NOVERFLOW, ARRAY_SEQ, BUCKETS_AT, OLD_AT, NEXT_AT = 32, 56, 64, 160, 256
SPAN_COUNT, SPAN_FREE, DEAD_DIRECTORY, DEAD_SPANS, DEAD = 360, 368, 536, 696, 712
CLASSES, DEAD_LARGE, DEAD_LARGE_END = 1080, 1720, 1728
NEXT_OVERFLOW, FIRST_RUN = 16, 24  # in a BucketArray


def offset_of(s, extent):
    return s.sb.heap_offset + extent * s.sb.extent_bytes


def dead(s, *rows):
    s.change_header({DEAD + 8 * i: first + 1 | count << 32
                     for i, (first, count) in enumerate(rows)})


def dead_word(word):
    def change(s):
        extent = s.free_row(1)
        s.change_words({extent: word})
        dead(s, (extent, 1))
    return change


def word_of_free(word):
    return lambda s: s.change_words({s.free_row(1): word(s)})


def head(extent, cls, following=0):
    return extent + 1 | cls << 32 | following << 40


def more_spans(s, words, used=True):
    """One more span id, with these words of its entry."""
    h = s.header
    s.change_span(h.span_count, words)
    s.change_header({SPAN_COUNT: h.span_count + 1, SPAN_FREE: h.span_free + (not used)})


def two_spans(s):
    more_spans(s, {0: head(s.heads()[0]["extent"], 5)})
    s.change_header({CLASSES + 8 * 5: s.header.span_count + 1})


def change_head(change):
    """`change`: how what span 0 has becomes other words of it."""
    def apply(s):
        now = s.heads()[0] | change
        s.change_span(0, {0: head(now["extent"], now["cls"], now["next"])})
    return apply


def flip_bit(wanted):
    """The first bit of a map that is `wanted` becomes the other."""
    def apply(s):
        for span, now in s.heads().items():
            map_ = int.from_bytes(s.shard.span_entry(span)[8:], "little")
            for slot in range(s.sb.span_shape(now["cls"])[1]):
                if map_ >> slot & 1 == wanted:
                    word = map_ >> slot // 64 * 64 & (1 << 64) - 1
                    return s.change_span(span, {1 + slot // 64: word ^ 1 << slot % 64})
        raise AssertionError("no such slot")
    return apply


def cleared_map(s, first_head, count=1):
    """A directory that is being given back, of spans of which the first has this head."""
    from reader.store import Run

    extent, id_ = s.free_row(1), s.header.array_seq + 1
    at = offset_of(s, extent)
    s.change_words({extent: (DIRECTORY, 0, id_)})
    s.data[at:at + s.sb.extent_bytes] = bytes(s.sb.extent_bytes)
    s.change_block(Run(s.store, at, s.sb.unit_blocks, 1, 0), 0, {0: first_head})
    s.change_header({ARRAY_SEQ: id_, DEAD_DIRECTORY: at, DEAD_SPANS: count, DEAD_SPANS + 8: 0})


def cleared_spans_extent(s):
    cleared_map(s, head(s.heads()[0]["extent"], s.heads()[0]["cls"]))


def cleared_record_in_dead(s):
    dead_word((LARGE, 0, 1))(s)
    s.change_header({DEAD_LARGE_END: s.root.extents_end})


def cleared_record(s):
    s.change_words({s.free_row(1): (LARGE, 0, 1)})
    s.change_header({DEAD_LARGE_END: s.root.extents_end})


def link_to_a_foreign_chain(s):
    """A main bucket without an overflow bucket gets that of another one."""
    array, at = s.header.buckets, s.shard.current[0]
    raws = [s.shard.bucket(s.shard.current, n) for n in range(1 << array.b)]
    overflow = [int.from_bytes(raw[16:24], "little") for raw in raws]
    number = next(word & (1 << 40) - 1 for word in overflow if word & (1 << 40) - 1)
    n = max(n for n, word in enumerate(overflow) if word & (1 << 40) - 1 == 0)
    block, slot = divmod(n, s.sb.buckets_per_block)
    s.change_block(at, block, {slot * s.sb.bucket_bytes + 16: overflow[n] | number})


def two_blocks_in_a_frame(s):
    block = s.sb.block_bytes
    run_ = s.shard.current[0]
    places = [run_.entry(i)[0] * block for i in range(run_.n)]
    homes = [run_.offset + i * block for i in range(run_.n)]
    first, other = [i for i in range(run_.n) if places[i] and places[i] != homes[i]][:2]
    s.put(run_.table + 8 + other * 8, 4, places[first] // block)
    raw = bytes(s.data[places[first]:places[first] + block])
    s.put(run_.table + 12 + other * 8, 4, s.checksum(raw, s.sb.seed ^ homes[other]))
    s.seal_page(run_, other)


def array_seq(s):
    s.change_header({ARRAY_SEQ: max(s.header.buckets.id, s.header.old.id) - 1})


def directory_id(id_):
    return lambda s: s.change_words({s.first(DIRECTORY): (DIRECTORY, 0, id_(s.header))})


def next_with_two_runs(s):
    first = s.free_row(2)
    id_ = s.header.array_seq + 1
    s.change_words({first: (BUCKETS, 0, id_), first + 1: (BUCKETS, 0, id_ + 1)})
    s.change_header({ARRAY_SEQ: id_ + 1, NEXT_AT: id_, NEXT_AT + 8: 0, NEXT_AT + NEXT_OVERFLOW: 1,
                     NEXT_AT + FIRST_RUN: offset_of(s, first),
                     NEXT_AT + FIRST_RUN + 8: offset_of(s, first + 1)})


def headers(words):
    """`words`: what the words of the header become, by what they are."""
    return lambda s: s.change_header(words(s.header))


GROWING, LARGES, CHAINS = "half_evacuated", "large_record", "erased_slots"
# (golden file, what is done, the statement, what verify says, how); without a statement: both
# take it.
CASES = [
    (GROWING, "one run is two arrays'", "F-23", "two owners", lambda s: s.change_header(
        {BUCKETS_AT + FIRST_RUN + 8: s.header.old.run[0]})),
    (GROWING, "one extent is two spans'", "F-23", "two owners", two_spans),
    (GROWING, "a span in use is to be freed", "F-23", "two owners",
     lambda s: dead(s, (s.first(SPAN), 1))),
    (GROWING, "one row is twice in `dead`", "F-23", "two owners",
     lambda s: (dead_word((BUCKETS, 0, 1))(s), dead(s, (s.free_row(1), 1), (s.free_row(1), 1)))),
    (GROWING, "a dead row", "", "", dead_word((BUCKETS, 0, 1))),
    (GROWING, "a dead row of nothing", "F-23", "claims 0 extents",
     lambda s: dead(s, (s.free_row(1), 0))),
    *((GROWING, f"a dead row of kind {kind}", "F-23", "is to be given back",
       dead_word((kind, 0, 1))) for kind in (FREE, FRAMES, LARGE_PENDING)),
    (GROWING, "a dead row of another shard", "F-23", "is to be given back",
     dead_word((BUCKETS, 1, 1))),
    (GROWING, "an extent that nobody has", "F-23", "nobody reaches",
     word_of_free(lambda s: (BUCKETS, 0, 1))),
    (GROWING, "a continuation of nothing", "F-23", "continues no large",
     word_of_free(lambda s: (LARGE_REST, 0, 1))),
    (GROWING, "a large record that nobody has", "F-26", "no bucket refers",
     word_of_free(lambda s: (LARGE, 0, 1))),
    (GROWING, "one of a cleared map", "", "", cleared_record),
    (GROWING, "one of a cleared map, in `dead` too", "F-23", "two owners", cleared_record_in_dead),
    (LARGES, "one that is to be given back", "F-23", "two owners",
     lambda s: s.change_header({DEAD_LARGE_END: s.root.extents_end})),
    (GROWING, "more to give back than there is", "F-26", "are to be given back",
     lambda s: s.change_header({DEAD_LARGE_END: s.root.extents_end + 1})),
    (GROWING, "a span of a cleared map in use", "F-23", "two owners", cleared_spans_extent),
    (GROWING, "an unused span of a cleared map", "", "", lambda s: cleared_map(s, 0)),
    (GROWING, "one without an extent", "F-26", "no extent", lambda s: cleared_map(s, 5 << 32)),
    *((GROWING, f"one of class {cls}", "F-26", "no extent",
       lambda s, c=cls: cleared_map(s, head(s.free_row(1), c))) for cls in (79, 80)),
    (GROWING, "more dead spans than there are", "F-26", "are to be given back",
     lambda s: cleared_map(s, 0, 10_000)),
    (GROWING, "a bit too many", "F-26", "no bucket refers", flip_bit(0)),
    (GROWING, "a bit too few", "F-26", "calls free", flip_bit(1)),
    (GROWING, "a list in a circle", "F-26", "twice in the lists", change_head({"next": 1})),
    (GROWING, "a list that leads nowhere", "F-26", "leads to span", change_head({"next": 99})),
    (GROWING, "a list that is lost", "F-26", "in no list", headers(lambda h: {CLASSES: 0})),
    (GROWING, "a list of another class", "F-26", "leads to span",
     headers(lambda h: {CLASSES + 8: h.classes[0][0]})),
    (GROWING, "no open span", "", "", headers(lambda h: {CLASSES: h.classes[0][0]})),
    (GROWING, "the open span of another class", "F-26", "open span",
     headers(lambda h: {CLASSES + 8: 1 << 32})),
    (GROWING, "an open span that is none", "F-26", "open span",
     headers(lambda h: {CLASSES: h.classes[0][0] | 99 << 32})),
    (GROWING, "span_free", "F-26", "span_free", headers(lambda h: {SPAN_FREE: h.span_free + 1})),
    (GROWING, "an unused span", "", "", lambda s: more_spans(s, {0: 0}, False)),
    (GROWING, "map of an unused span", "", "", lambda s: more_spans(s, {0: 0, 1: 3, 15: 9}, False)),
    (GROWING, "class of an unused span", "F-26", "no extent",
     lambda s: more_spans(s, {0: 5 << 32}, False)),
    *((GROWING, f"a span of class {cls}", "F-26", "no extent",
       lambda s, c=cls: more_spans(s, {0: head(s.free_row(1), c)})) for cls in (79, 80)),
    (GROWING, "entries from span_count on", "", "",
     lambda s: s.change_span(s.header.span_count, {i: 99 for i in range(16)})),
    (CHAINS, "noverflow", "F-30", "noverflow",
     headers(lambda h: {NOVERFLOW: h.noverflow + 1})),
    (CHAINS, "an overflow bucket in no chain", "F-30", "are in chains",
     headers(lambda h: {NOVERFLOW: h.noverflow + 1,
                        BUCKETS_AT + NEXT_OVERFLOW: h.buckets.next_overflow + 1})),
    (CHAINS, "an overflow bucket in two chains", "F-14", "in two chains", link_to_a_foreign_chain),
    ("displaced", "two blocks in one frame", "F-18", "where it cannot be", two_blocks_in_a_frame),
    (GROWING, "freed at the cut", "", "", word_of_free(lambda s: (FREE, 0, s.root.cut))),
    (GROWING, "freed after the cut", "F-99", "was freed in epoch",
     word_of_free(lambda s: (FREE, 0, s.root.cut + 1))),
    (GROWING, "ids of arrays not given out yet", "F-103", "last id given out", array_seq),
    (GROWING, "id of a directory not given out yet", "F-103", "last id given out",
     directory_id(lambda h: h.array_seq + 1)),
    (GROWING, "one id of two runs", "F-103", "another run", directory_id(lambda h: h.buckets.id)),
    (GROWING, "`next` of two runs", "F-97", "further runs", next_with_two_runs),
]


class Judges:
    def __init__(self, golden, reader, hmap, directory):
        self.golden, self.reader, self.hmap = golden, SecondReader(reader), hmap
        self.path = pathlib.Path(directory, "store.hmap")

    def wrong(self, name, statement, words, change):
        """What is wrong, "" if nothing."""
        surgeon = Surgeon(self.golden / (name + ".hmap"))
        change(surgeon)
        self.path.write_bytes(surgeon.data)
        code, _, error = self.reader.read(self.path, "--list")
        done = run(self.hmap, "verify", str(self.path))
        said = done.stdout + done.stderr
        right = ((code, done.returncode) == (0, 0) if not statement else
                 code in (3, 4) and statement in error and done.returncode != 0 and words in said)
        return "" if right else f"reader.py: {code}, {error}; verify: {done.returncode}, {said}"


def judge_all(cases):
    """The exit code of the test."""
    golden, reader, hmap = sys.argv[1:]
    failures = 0
    with tempfile.TemporaryDirectory() as directory:
        judges = Judges(pathlib.Path(golden), reader, hmap, directory)
        for name, what, statement, words, change in cases:
            if wrong := judges.wrong(name, statement, words, change):
                failures += 1
                print(f"{name}, {what}: {wrong}")
    print(f"{len(cases)} stores, {failures} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(judge_all(CASES))
