"""Bounded reading, hashing (format.md, section 6), and what can be wrong with a file."""
import os
import stat
import struct
import sys

try:
    import lz4.block
    import xxhash
except ImportError:
    sys.exit("reader.py: needs the Debian packages python3-xxhash and python3-lz4 "
             "(run it with /usr/bin/python3)")

U64 = (1 << 64) - 1
PAGE = 4096
FREE, BUCKETS, DIRECTORY, EXTENT_TABLE, FRAMES, SPAN, LARGE, LARGE_REST, LARGE_PENDING = range(9)
CLASSES = list(range(32, 257, 16)) + [
    (256 << d) + (32 << d) * i for d in range(8) for i in range(1, 9)]


class NotAStore(Exception):
    """The file is no store, or of a version or with features that format.md does not describe."""


class Damaged(Exception):
    """The file breaks a statement of format.md."""


def need(condition, statement, what, offset=None):
    if not condition:
        where = "" if offset is None else f" at offset {offset}"
        raise Damaged(f"{statement}: {what}{where}")


def ceil_div(a, b):
    return -(-a // b)


def round_up(a, b):
    return ceil_div(a, b) * b


def key_hash(key, seed):
    return xxhash.xxh3_64_intdigest(key, seed=seed)


def checksum(data, seed):
    return xxhash.xxh3_64_intdigest(data, seed=seed & U64) & 0xFFFFFFFF


def crc_table():
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        yield byte


CRC_TABLE = tuple(crc_table())
CRC_BYTES = 240


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = CRC_TABLE[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def record_checksum(data, seed, crc_sums):
    """Of the bytes behind the checksum; `crc_sums`: as the superblock's features say (F-104)."""
    if crc_sums and len(data) <= CRC_BYTES:
        return crc32c(struct.pack("<Q", seed & U64) + data)
    return checksum(data, seed)


def mix(h, hash0):
    x = (h ^ hash0) * 0x9E3779B97F4A7C15 & U64
    x ^= x >> 32
    x = x * 0xD6E8FEB86659FD93 & U64
    return x ^ (x >> 32)


def tophash(hh):
    top = hh >> 56
    return top + 5 if top < 5 else top


def decoded(stored, flags, dictionary, offset):
    """A value as it was put (section 26)."""
    if flags == 0:
        return stored
    need(flags == 1 or flags == 3 and dictionary, "F-76", f"flags {flags} of a record", offset)
    need(len(stored) > 4, "F-76", "compressed value", offset)
    length, block = struct.unpack("<I", stored[:4])[0], stored[4:]
    need(length <= 255 * len(block), "F-76", "length of a compressed value", offset)
    try:
        value = lz4.block.decompress(block, uncompressed_size=length,
                                     dict=dictionary if flags == 3 else b"")
    except lz4.block.LZ4BlockError:
        value = None
    need(value is not None and len(value) == length, "F-76", "compressed value", offset)
    return value


class File:
    """Bounded reading: nothing outside of the size the file had when it was opened."""

    def __init__(self, path):
        self.path = path
        self.fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        facts = os.fstat(self.fd)
        self.size, self.is_regular = facts.st_size, stat.S_ISREG(facts.st_mode)

    def read(self, offset, count):
        need(0 <= offset and offset + count <= self.size, "F-35", "reaches beyond the file", offset)
        parts = []
        while count > 0:
            part = os.pread(self.fd, min(count, 1 << 24), offset)
            need(part, "F-35", "file ends", offset)
            parts.append(part)
            offset += len(part)
            count -= len(part)
        return b"".join(parts)
