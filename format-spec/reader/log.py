"""The commit log: what was written since the durable root (format.md, section 23)."""
import os
import struct

from reader.basics import PAGE, Damaged, File, checksum, decoded, need, round_up

PUT, ERASE, CLEAR, MARKER, BATCH = range(1, 6)


class Log:
    """A log that belongs to the store, with a right header (F-60)."""

    HEADER = struct.Struct("<QII16sQ")
    RECORD = struct.Struct("<IIQBBHI")

    def __init__(self, store):
        path = os.path.realpath(store.file.path) + "-wal"
        try:
            self.file = File(path)
        except (FileNotFoundError, NotADirectoryError):
            raise Damaged("F-60: the root says that there is a commit log, and there is none")
        try:
            self.check_header(store.superblock)
        except Damaged:
            self.close()
            raise
        self.seed = store.superblock.seed

    def close(self):
        os.close(self.file.fd)

    def check_header(self, superblock):
        need(self.file.is_regular and self.file.size >= 512, "F-60", "the commit log is no log")
        raw = self.file.read(0, 512)
        magic, version, check, uuid, self.area = self.HEADER.unpack_from(raw)
        need(magic == 0x676F6C2D70616D68 and version == 1, "F-60", "the commit log is no log")
        need(checksum(raw[:12] + bytes(4) + raw[16:], 0) == check, "F-60",
             "header of the commit log")
        need(uuid == superblock.uuid, "F-60", "the commit log is another store's")
        need(1 << 14 <= self.area <= 1 << 32 and self.area % 4096 == 0, "F-60",
             "area_bytes of the commit log")
        need(self.file.size >= PAGE + self.area, "F-60", "the commit log is cut short")

    def read(self, position, count):
        """Bytes of the area, which go on at its beginning."""
        at = position % self.area
        first = min(count, self.area - at)
        return self.file.read(PAGE + at, first) + self.file.read(PAGE, count - first)

    def record(self, position):
        """(op, flags, key, value, shard, length) of the record at a position; None: there is none
        (F-61, F-100)."""
        head = self.read(position, 24)
        length, check, lsn, op, flags, key_bytes, value_bytes = self.RECORD.unpack(head)
        body = key_bytes + (0 if op == CLEAR else value_bytes)
        if (lsn != position or not PUT <= op <= BATCH or flags and op != PUT or
                op in (CLEAR, MARKER) and body or length != round_up(24 + body, 8) or
                length > self.area // 8):
            return None
        raw = self.read(position, length)
        if checksum(raw[:4] + bytes(4) + raw[8:], self.seed ^ position) != check:
            return None
        end = 24 + key_bytes
        return op, flags, raw[24:end], raw[end:24 + body], value_bytes, length

    def row(self, position):
        """The records that count."""
        while (found := self.record(position)) and found[0] != MARKER:
            yield position, found[:5]
            position += found[5]


def operations(at, value, superblock):
    """(op, flags, key, value) of a batch (F-101)."""
    found, inside = [], 0
    while inside < len(value):
        need(inside + 8 <= len(value), "F-101", "half an operation of a batch", at)
        op, flags, key_bytes, value_bytes = struct.unpack_from("<BBHI", value, inside)
        key_end = inside + 8 + key_bytes
        need(op in (PUT, ERASE) and key_end + value_bytes <= len(value), "F-101",
             "operation of a batch", at)
        found.append((op, flags, value[inside + 8:key_end], value[key_end:key_end + value_bytes]))
        inside = key_end + value_bytes
    need(len(found) <= superblock.batch_ops, "F-101", f"a batch of {len(found)} operations", at)
    for op, _, key, stored in found:
        need(op == ERASE or superblock.class_of(12 + len(key) + len(stored)) is not None, "F-101",
             "a large record in a batch", at)
    return found


class Replayed:
    """What the log says about keys: the durable state counts for the others."""

    def __init__(self, store):
        self.store, self.superblock = store, store.superblock
        self.changes = {}  # key: (flags, stored value); None: gone
        self.cleared = set()  # shards
        if not store.root.log_in_use:
            return
        log = Log(store)
        try:
            for at, record in log.row(store.root.log_position):
                self.do(at, *record)
        finally:
            log.close()

    def do(self, at, op, flags, key, value, shard):
        if op == CLEAR:
            need(shard < self.superblock.shards, "F-101", f"a clear of shard {shard}", at)
            self.cleared.add(shard)
            for known in [k for k in self.changes if self.store.shard_of(k) == shard]:
                del self.changes[known]
        elif op == BATCH:
            for operation in operations(at, value, self.superblock):
                self.change(at, *operation)
        else:
            self.change(at, op, flags, key, value)

    def change(self, at, op, flags, key, value):
        sb = self.superblock
        need(not sb.key_kind or len(key) == sb.key_bytes, "F-101", "a key of another length", at)
        if op == PUT:
            need(flags in (0, 1) or flags == 3 and sb.dictionary, "F-101", f"flags {flags}", at)
            need(flags == 0 or not sb.inline, "F-101", "a compressed value in a bucket", at)
            need(flags or not sb.elem_kind or len(value) == sb.elem_bytes, "F-101",
                 "a value of another length", at)
        self.changes[key] = (flags, value) if op == PUT else None

    def has(self, key):
        return key in self.changes or self.store.shard_of(key) in self.cleared

    def get(self, key):
        """The value of a key that has() is true of, or None."""
        change = self.changes.get(key)
        if change is None:
            return None
        value = decoded(change[1], change[0], self.superblock.dictionary, None)
        need(self.superblock.fits(key, value), "F-81", "value in the commit log")
        return value

    def over(self, entries):
        """The entries of the durable state, a dict, with what the log has."""
        found = {key: value for key, value in entries.items() if not self.has(key)}
        found.update((key, self.get(key)) for key, change in self.changes.items() if change)
        return found
