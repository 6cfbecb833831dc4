#!/usr/bin/env python3
"""A second reader of hmap store files, written from format.md alone.

Reads the durable state (the last checkpoint) of a file and what its commit log has since then, as
after a power cut; never writes, and checks every statement of format.md that it passes on the way
(named F-nn in messages). Needs python3-xxhash and python3-lz4.

  reader.py FILE --json        header facts and all entries, as one JSON object
  reader.py FILE --list        one line per entry: key and value in hexadecimal, sorted by key
  reader.py FILE --get KEYHEX  the value of one key in hexadecimal, found by hashing
  reader.py FILE --header      header facts only, as JSON; those of the last checkpoint
  --ignore-log                 with one of these: the last checkpoint, whatever the log has

Exit codes: 0 yes, 1 no such key, 2 usage, 3 not a store, 4 damaged (or the log is, or is missing),
5 system error.
"""
import argparse
import json
import os
import sys

sys.dont_write_bytecode = True

from reader.basics import Damaged, NotAStore  # noqa: E402
from reader.log import Replayed  # noqa: E402
from reader.owners import check_owners  # noqa: E402
from reader.store import Store  # noqa: E402

ATTEMPTS = 5  # at a file that others write to


def header_facts(store):
    sb, root = store.superblock, store.root
    shards = [{"count": h.count, "b": h.b, "noverflow": h.noverflow, "growing": h.growing,
               "same_size": bool(h.flags & 8), "half_size": bool(h.flags & 16),
               "old_b": h.old.b if h.growing else None,
               "nevacuate": h.nevacuate if h.growing else None, "spans": h.span_count - h.span_free}
              for h in root.headers]
    return {"version": sb.version, "uuid": sb.uuid.hex(), "shard_bits": sb.shard_bits,
            "block_bytes": sb.block_bytes, "extent_bytes": sb.extent_bytes, "slots": sb.slots,
            "root": "AB"[root.index], "generation": root.generation, "cut": root.cut,
            "extents_end": root.extents_end, "count": sum(h.count for h in root.headers),
            "shards": shards}


def all_entries(store, log):
    found, large = {}, []
    for shard in store.shards:
        entries, offsets = shard.entries()
        found.update(entries)
        large.append(offsets)
    check_owners(store, large)
    return sorted((log.over(found) if log else found).items())


def answer(store, arguments):
    """(text to print, exit code)"""
    if arguments.header:
        return json.dumps(header_facts(store), indent=1) + "\n", 0
    log = None if arguments.ignore_log else Replayed(store)
    if (key := arguments.get) is not None:
        in_log = log is not None and log.has(key)
        value = log.get(key) if in_log else store.shards[store.shard_of(key)].get(key)
        return (value.hex() + "\n", 0) if value is not None else ("", 1)
    entries = [(key.hex(), value.hex()) for key, value in all_entries(store, log)]
    if arguments.list:
        return "".join(f"{key}\t{value}\n" for key, value in entries), 0
    return json.dumps({"header": header_facts(store), "entries": entries}, indent=1) + "\n", 0


def read(arguments):
    """A file that others write to may change under us: then begin again."""
    for attempt in range(ATTEMPTS):
        store = Store(arguments.file)
        try:
            result = answer(store, arguments)
            if not store.changed():
                if store.root.log_in_use and (arguments.ignore_log or arguments.header):
                    print(f"reader.py: {arguments.file}: this is the last checkpoint; the commit "
                          "log may have more (F-60)", file=sys.stderr)
                return result
        except Damaged:
            if attempt == ATTEMPTS - 1 or not store.changed():
                raise
        finally:
            os.close(store.file.fd)
    raise OSError("the file changes faster than it can be read")


def main():
    parser = argparse.ArgumentParser(
        description="Reads the durable state of an hmap store, and its commit log.")
    parser.add_argument("file")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--json", action="store_true")
    what.add_argument("--list", action="store_true")
    what.add_argument("--header", action="store_true")
    what.add_argument("--get", type=bytes.fromhex, metavar="KEYHEX")
    parser.add_argument("--ignore-log", action="store_true")
    arguments = parser.parse_args()
    try:
        text, code = read(arguments)
        sys.stdout.write(text)
        return code
    except NotAStore as error:
        print(f"reader.py: {arguments.file}: not a store: {error}", file=sys.stderr)
        return 3
    except Damaged as error:
        print(f"reader.py: {arguments.file}: damaged: {error}", file=sys.stderr)
        return 4
    except (OSError, MemoryError) as error:
        print(f"reader.py: {error}", file=sys.stderr)
        return 5


if __name__ == "__main__":
    sys.exit(main())
