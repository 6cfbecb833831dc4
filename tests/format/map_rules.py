#!/usr/bin/env python3
"""Superblocks, headers and buckets changed by hand: reader.py and `hmap verify` refuse the same.

As space_rules.py, of the statements on these (sections 5, 7, 8, 11 and 12).
Usage: map_rules.py GOLDEN_DIRECTORY READER.PY HMAP
"""
import sys

from space_rules import BUCKETS_AT, OLD_AT, headers, judge_all

VERSION_AT, COUNT, FLAGS, B, NEVACUATE, HASH0 = 0, 8, 16, 24, 48, 40
EMPTY_ONE, EVACUATED_X, EVACUATED_Y = 1, 2, 3


def superblock(at, bytes_, number):
    """The superblock and its spares, checksums right."""
    def change(s):
        s.put(at, bytes_, number)
        s.put(12, 4, 0)
        s.put(12, 4, s.checksum(bytes(s.data[:512]), 0))
        for index in (1, 2):
            end = 4096 + index * s.sb.root_bytes
            s.data[end - 512:end] = s.data[:512]
    return change


def bucket(old, wanted, change):
    """The words of the first reachable main bucket that is `wanted`: `change` says which of the 8
    become what."""
    def apply(s):
        array, runs = (s.header.old, s.shard.old) if old else (s.header.buckets, s.shard.current)
        for n in range(1 << array.b):
            reached = not s.header.growing or s.shard.evacuated(n & (1 << s.header.old.b) - 1)
            raw = s.shard.bucket(runs, n)
            if reached and wanted(raw):
                block, slot = divmod(n, s.sb.buckets_per_block)
                words = [int.from_bytes(raw[i:i + 8], "little") for i in range(0, 64, 8)]
                return s.change_block(runs[0], block, {
                    slot * s.sb.bucket_bytes + 8 * i: word
                    for i, word in change(words).items()})
        raise AssertionError("no such bucket")
    return apply


def is_filled(count):
    return lambda raw: sum(state >= 5 for state in raw[:8]) >= count


def has_room(raw):
    return raw[0] >= 5 and raw[7] == 0 and raw[16:21] == bytes(5)


def state(slot, new):
    return lambda w: {0: w[0] & ~(0xFF << 8 * slot) | new << 8 * slot}


def second_is_first(w):
    """Slot 1 refers to the record of slot 0, with its tophash and hash bits."""
    bits = w[2] >> 40 & 7
    return {0: w[0] & ~0xFF00 | (w[0] & 0xFF) << 8, 2: w[2] & ~(7 << 43) | bits << 43,
            3: w[3] & (1 << 40) - 1 | (w[3] & (1 << 24) - 1) << 40,
            4: w[4] & ~0xFFFF | w[3] >> 24 & 0xFFFF}


def root_words(words):
    """`words`: words of the durable root by their offsets."""
    def change(s):
        for at, word in words(s).items():
            s.put(s.root_at(s.root.index) + at, 8, word)
        s.seal(s.root.index)
    return change


def more_extents(in_file):
    """One more extent than segment 0 of the table has words for."""
    def change(s):
        extents = s.sb.block_bytes // 8 + 1
        root_words(lambda s: {32: extents})(s)
        if in_file:
            s.data.extend(bytes(s.sb.heap_offset + extents * s.sb.extent_bytes - len(s.data)))
    return change


def record(change, large=False):
    """The first record, or the large one; `change` has its offset."""
    def apply(s):
        for array, runs, first in s.shard.chains():
            for _, _, at in s.shard.slots(array, runs, first):
                if s.shard.record(at)[2] == large:
                    change(s, at)
                    key_bytes, value_bytes = (int.from_bytes(s.data[at + i:at + i + n], "little")
                                              for i, n in ((4, 2), (8, 4)))
                    raw = bytes(s.data[at + 4:at + 12 + key_bytes + value_bytes])
                    return s.put(at, 4, s.checksum(raw, s.sb.seed ^ at))
        raise AssertionError("no such record")
    return apply


GROWING, SHRINKING, CHAINS = "half_evacuated", "half_shrunk", "erased_slots"
LARGES = "large_record"
# As in space_rules.py.
CASES = [
    (GROWING, "version 2", "F-01", "version", superblock(8, 4, 2)),
    (GROWING, "a compatible feature", "", "", superblock(16, 8, 1)),
    (GROWING, "a feature that forbids writing", "", "", superblock(24, 8, 1)),
    (GROWING, "a feature that forbids reading", "F-02", "feature", superblock(32, 8, 2)),
    (GROWING, "shard_bits", "F-03", "", superblock(72, 4, 9)),
    (GROWING, "runtime_bytes", "F-03", "", superblock(120, 8, 4096)),
    (GROWING, "a kind of keys", "F-06", "", superblock(92, 4, 2)),
    (GROWING, "alignment of bytes", "F-80", "", superblock(168, 4, 1)),
    (GROWING, "fingerprint of bytes", "F-80", "", superblock(176, 8, 1)),
    ("inline", "type without a fingerprint", "F-80", "", superblock(176, 8, 0)),
    ("inline", "alignment beyond the size", "F-80", "", superblock(168, 4, 4096)),
    (GROWING, "one record in two slots", "F-09", "two slots",
     bucket(False, is_filled(2), second_is_first)),
    (GROWING, "a reference to nothing", "F-22", "outside of the extents",
     bucket(False, is_filled(1), lambda w: {3: w[3] & ~((1 << 40) - 1)})),
    (GROWING, "evacuated where nothing is", "F-11", "says evacuated",
     bucket(False, is_filled(2), state(1, EVACUATED_X))),
    (GROWING, "half evacuated", "F-11", "is in state",
     bucket(True, lambda raw: 2 <= raw[0] <= 4, state(7, EMPTY_ONE))),
    (SHRINKING, "evacuated to a second half", "F-11", "is in state",
     bucket(True, lambda raw: 2 <= raw[0] <= 4, state(0, EVACUATED_Y))),
    (GROWING, "another tophash", "F-12", "tophash",
     bucket(False, is_filled(1), lambda w: {0: w[0] ^ (0x80 if w[0] & 0xC0 == 0x40 else 0x40)})),
    (GROWING, "emptyRest before an entry", "F-13", "rest of the chain",
     bucket(False, is_filled(2), state(0, 0))),
    (GROWING, "a chain into a main bucket", "F-14", "the chain goes on",
     bucket(False, has_room, lambda w: {2: w[2] | 1})),
    (GROWING, "a chain into nothing", "F-14", "the chain goes on",
     bucket(False, has_room, lambda w: {2: w[2] | 0xFFFF})),
    (GROWING, "a hash bit", "F-59", "hash bits",
     bucket(False, is_filled(1), lambda w: {2: w[2] ^ 1 << 40})),
    (GROWING, "B", "F-28", "B is", headers(lambda h: {B: h.b + 1})),
    (GROWING, "B of the old array", "F-28", "growing from",
     headers(lambda h: {FLAGS: 8})),
    (GROWING, "a flag that there is not", "F-28", "flags", headers(lambda h: {FLAGS: 32})),
    (CHAINS, "flags at rest", "F-28", "no growth", headers(lambda h: {FLAGS: 8})),
    (CHAINS, "nevacuate at rest", "F-31", "no growth", headers(lambda h: {NEVACUATE: 1})),
    (GROWING, "nevacuate too far", "F-31", "is not evacuated",
     headers(lambda h: {NEVACUATE: h.nevacuate + 1})),
    (GROWING, "nevacuate beyond", "F-31", "nevacuate is",
     headers(lambda h: {NEVACUATE: (1 << h.old.b) + 1})),
    (GROWING, "count", "F-29", "count is", headers(lambda h: {COUNT: h.count + 1})),
    (GROWING, "count of no array", "F-28", "no array", headers(
        lambda h: {at + 8 * i: 0 for at in (BUCKETS_AT, OLD_AT) for i in range(12)})),
    (GROWING, "hash0", "F-12", "", headers(lambda h: {HASH0: h.hash0 ^ 2})),
    (GROWING, "version of a header", "", "", headers(lambda h: {VERSION_AT: 2})),
    (GROWING, "odd version of a header", "F-32", "version", headers(lambda h: {VERSION_AT: 3})),
    (GROWING, "no run of an array", "F-28", "no place", headers(lambda h: {BUCKETS_AT + 24: 0})),
    (GROWING, "an array of one bucket too much", "F-14", "handed out",
     headers(lambda h: {BUCKETS_AT + 16: 1 << 20})),
    (GROWING, "a word behind extents_end", "F-22", "not in use yet", lambda s: s.change_words(
        {s.root.extents_end: (0, 0, 1)})),
    (GROWING, "more extents than words", "F-22", "has room for", more_extents(True)),
    (GROWING, "more extents than the file has", "F-35", "the end is missing", more_extents(False)),
    (GROWING, "a segment of the table behind a gap", "F-23", "a gap", root_words(
        lambda s: {48 + 16: s.sb.heap_offset + s.free_row(1) * s.sb.extent_bytes})),
    (GROWING, "another segment 0", "F-03", "impossible", root_words(
        lambda s: {48: s.header.buckets.run[0]})),
    (GROWING, "flags of a record", "F-76", "cannot be decompressed", record(
        lambda s, at: s.put(at + 6, 2, 2))),
    (GROWING, "a dictionary that there is not", "F-76", "cannot be decompressed", record(
        lambda s, at: s.put(at + 6, 2, 3))),
    (GROWING, "a record of another class", "F-15", "another size class", record(
        lambda s, at: s.put(at + 8, 4, 60))),
    (GROWING, "a key of another bucket", "F-12", "", record(
        lambda s, at: s.put(at + 12, 1, s.data[at + 12] ^ 1))),
    (LARGES, "a shorter large record", "F-15", "its place cannot hold", record(
        lambda s, at: s.put(at + 8, 4, 5000), large=True)),
]

if __name__ == "__main__":
    sys.exit(judge_all(CASES))
