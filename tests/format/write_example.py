#!/usr/bin/env python3
"""Writes section 22 of format.md, the annotated bytes of a golden file, anew.

Part of `cmake --build build/release --target golden`, for when the format has changed.

Usage: write_example.py FORMAT.MD ONE_ENTRY.HMAP
"""
import pathlib
import re
import sys
import textwrap

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "format-spec"))
sys.dont_write_bytecode = True

from reader.basics import key_hash, mix, tophash  # noqa: E402
from reader.store import Store  # noqa: E402

KEY = b"ada"


def places(store):
    """Where the parts of this one store are: names of the text to offsets."""
    sb, root, shard = store.superblock, store.root, store.shards[0]
    h = shard.header
    array, directory, extents = shard.current[0], shard.directory[0], store.extent_runs[0]
    root_at = 4096 + root.index * sb.root_bytes
    bucket = array.entry(0)[0] * sb.block_bytes
    (_, _, record), = shard.slots(h.buckets, shard.current, 0)
    span = directory.entry(0)[0] * sb.block_bytes
    words = extents.entry(0)[0] * sb.block_bytes
    return {"root": root_at, "header": root_at + 512, "bucket": bucket, "record": record,
            "span": span, "words": words, "array": array, "directory": directory,
            "extents": extents}


def word_at(data, offset):
    return int.from_bytes(data[offset:offset + 8], "little")


def extent_words(at, data):
    """The lines of the first three words of the extent table."""
    names = {1: "kBuckets, shard 0, id", 2: "kDirectory, shard 0, id",
             5: "kSpan, shard 0, span id"}
    for extent in range(3):
        word = word_at(data, at + 8 * extent)
        block = "that block: " if extent == 0 else ""
        yield at + 8 * extent, 8, f"{block}extent {extent}: {names[word & 0xff]} {word >> 16}"


def span_extent(at, data):
    return (word_at(data, at["span"]) & 0xffffffff) - 1


def lines(store, at, table, data):
    """(offset, bytes, what they are)"""
    header, root = at["header"], at["root"]
    return [
        (0, 16, "magic, version 1, checksum"),
        (0x20, 8, "features_refuse: short records have CRC-32C"),
        (0x28, 16, "uuid"),
        (0x38, 8, "store_seed"),
        (0x48, 16, "S = 0, blocks of 512, extents of 4096, 4 slots"),
        (0x58, 4, "224 words an intent"),
        (0x68, 16, "root_bytes, runtime_offset"),
        (0x78, 16, "runtime_bytes, extent_table_offset"),
        (0x88, 8, "heap_offset"),
        (root, 16, f'root {table}: "hmaproot", its checksum, that of the headers'),
        (root + 0x10, 16, f"generation {store.root.generation}, cut {store.root.cut}"),
        (root + 0x20, 8, f"extents_end = {store.root.extents_end}"),
        (root + 0x30, 8, "segment 0 of the extent table"),
        (header + 8, 16, "shard 0: count 1, flags 0"),
        (header + 0x18, 16, "B = 0, no overflow bucket"),
        (header + 0x28, 8, "hash0"),
        (header + 0x40, 16, f"buckets: id {word_at(data, header + 0x40)}, b = 0"),
        (header + 0x50, 16, "next_overflow 1, run[0]"),
        (header + 0x168, 8, "span_count 1"),
        (header + 0x178, 8, "directory[0]"),
        (at["extents"].table, 16,
         f"extent table, table {table}: checksum; place, checksum of block 0"),
        *extent_words(at["words"], data),
        (at["array"].table, 16, f"bucket array, table {table}: page checksum; place, checksum"),
        (at["bucket"], 8, "bucket 0: tophash of slot 0"),
        (at["bucket"] + 16, 8, "no overflow bucket; hash bits of slot 0"),
        (at["bucket"] + 24, 8, "reference 0: offset / 16"),
        (at["directory"].table, 16,
         f"span directory, table {table}: page checksum; place, checksum"),
        (at["span"], 16, f"span 0: extent {span_extent(at, data)}, class 0, last of its class; "
         "slot 0 taken"),
        (at["record"], 12, "record: checksum, 3 bytes of key, flags, 8 of value"),
        (at["record"] + 12, 11, '"ada", "Lovelace"'),
    ]


def section(path):
    store = Store(str(path))
    sb, at, table = store.superblock, places(store), "AB"[store.root.index]
    h = key_hash(KEY, sb.seed)
    hh = mix(h, store.shards[0].header.hash0)
    data = path.read_bytes()
    shown = "".join(f"{offset:06x}  {data[offset:offset + size].hex(' '):<47}  {text}\n"
                    for offset, size, text in lines(store, at, table, data))
    about = (
        "`golden/one_entry.hmap`: one entry, `ada` = `Lovelace`, in the smallest geometry but one. "
        f"A test holds these lines against the file. h = {h:016x}, with hash0 hh = {hh:016x}: "
        f"bucket 0, tophash {tophash(hh):02x}.")
    return (f"## 22. Example\n\n{textwrap.fill(about, 120)}\n\n```\n{shown}```\n\n"
            f"{textwrap.fill(way(store, at, table, data), 120)}\n\n")


def way(store, at, table, data):
    page, array = store.superblock.block_bytes, at["array"].offset
    other, place = store.roots[1 - store.root.index], at["bucket"] // page
    return (
        f"The way of a look-up: root {table} is valid and the newer one (root "
        f"{'AB'[other.index]} has generation {other.generation}); shard 0, B = 0, bucket 0 of the "
        f"run at {array:x}: one block, t = 1, so table A is at {array + page:x} and table B at "
        f"{array + 2 * page:x}. Its entry says place {place:x} (hexadecimal): {place:x} * {page:x} "
        f"= {at['bucket']:x}, at home. Slot 0 has tophash "
        f"{store.shards[0].bucket(store.shards[0].current, 0)[0]:02x}; reference "
        f"{at['record'] // 16:04x} * 10 = {at['record']:x}: extent {span_extent(at, data)}, a "
        f"span, whose entry 0 of the directory at {at['directory'].offset:x} has the bit of slot 0 "
        "set. The record's key is "
        "`ada`.")


def main():
    spec, golden = map(pathlib.Path, sys.argv[1:])
    text = spec.read_text(encoding="ascii")
    found = re.search(r"^## 22\. Example\n.*?(?=^## 23\. )", text, re.S | re.M)
    new = section(golden)
    spec.write_text(text[:found.start()] + new + text[found.end():], encoding="ascii")


if __name__ == "__main__":
    main()
