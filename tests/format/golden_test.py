#!/usr/bin/env python3
"""Both readers find in the committed golden files what their JSON files say.

Usage: golden_test.py GOLDEN_DIRECTORY READER.PY STORE_LINES
"""
import json
import pathlib
import shutil
import sys
import tempfile

from both_readers import Readers

NAMES = {"empty", "one_entry", "overflow_chain", "half_evacuated", "half_shrunk",
         "erased_slots", "binary_keys",
         "large_record", "compressed", "dictionary", "inline"}
ABSENT = ["00ff00ff", "616e20616273656e74206b6579"]
ABSENT_OF_LENGTH = {"inline": ["6b39393939", "0000000000"]}


def check(readers, path):
    expected = json.loads(path.with_suffix(".json").read_text(encoding="ascii"))
    before = path.read_bytes()
    readers.check(path, expected["entries"])
    some = dict(expected["entries"][:40])
    some.update({key: None for key in ABSENT_OF_LENGTH.get(path.stem, ABSENT) if key not in some})
    readers.check_gets(path, some)
    shard = readers.facts(path)["header"]["shards"][0]
    for fact, value in expected["shard"].items():
        if shard[fact] != value:
            raise AssertionError(f"{fact} is {shard[fact]}, expected is {value}")
    if path.read_bytes() != before:
        raise AssertionError("a reader changed the file")


def main():
    golden, reader, store_lines = sys.argv[1:]
    readers = Readers(reader, store_lines)
    paths = sorted(pathlib.Path(golden).glob("*.hmap"))
    missing = NAMES - {path.stem for path in paths}
    failures = [f"{name}: no such golden file" for name in sorted(missing)]
    with tempfile.TemporaryDirectory() as directory:
        for original in paths:
            path = pathlib.Path(directory, original.name)
            shutil.copy(original, path)
            shutil.copy(original.with_suffix(".json"), path.with_suffix(".json"))
            try:
                check(readers, path)
            except AssertionError as error:
                failures.append(f"{original.name}: {error}")
    print("\n".join(failures) or f"{len(paths)} golden files agree")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
