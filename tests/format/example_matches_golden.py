#!/usr/bin/env python3
"""The annotated bytes at the end of format.md are those of the golden file they are taken from.

Usage: example_matches_golden.py FORMAT.MD ONE_ENTRY.HMAP
"""
import pathlib
import re
import sys

LINE = re.compile(r"^([0-9a-f]{6})  ((?:[0-9a-f]{2} ){0,15}[0-9a-f]{2}) ")


def main():
    text = pathlib.Path(sys.argv[1]).read_text(encoding="ascii")
    data = pathlib.Path(sys.argv[2]).read_bytes()
    lines = wrong = 0
    for line in text[text.index("## 22. Example"):].splitlines():
        if found := LINE.match(line):
            at, expected = int(found.group(1), 16), bytes.fromhex(found.group(2))
            lines += 1
            if data[at:at + len(expected)] != expected:
                wrong += 1
                print(f"not in the file: {line}")
    print(f"{lines} lines, {wrong} wrong")
    return 1 if wrong or lines < 20 else 0


if __name__ == "__main__":
    sys.exit(main())
