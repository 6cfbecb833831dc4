#!/usr/bin/python3
"""Holds the repository to its own numbers: python3 tidy.py ROOT

Prints one line per finding, FILE:LINE: what is wrong, and exits 1 if there is any. What needs a
compiler (names, suspicious code) is clang-tidy's: cmake --workflow --preset tidy.
"""

import ast
import pathlib
import re
import sys

from cpp_functions import cpp_functions

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
LINE_COLUMNS_MAX = 100

# What may lie at the top; dot-files may, too.
TOP_LEVEL = {"lib", "tools", "tests", "format-spec", "CMakeLists.txt", "CMakePresets.json",
             "README.md", "build"}

# The folders of lib/src are its layers, from the bottom (lib/README.md): a file includes its own
# layer and those below.
LAYERS = ("format", "system", "state", "records", "map", "life", "verify",
          "store salvage copies inspect")
LEVELS = {folder: level for level, names in enumerate(LAYERS) for folder in names.split()}
PUBLIC_LEVELS = {"export": 0, "status": 0, "result": 0, "options": 0, "type": 0, "position": 0,
                 "verify": 0, "recover": 0, "batch": 0, "view": 0, "inspect": 0,
                 "activity": len(LAYERS) - 1,
                 "compact": len(LAYERS) - 1, "copy": len(LAYERS) - 1, "train": len(LAYERS) - 1,
                 "publish": len(LAYERS) - 1,
                 "map_types": 0, "map": len(LAYERS) - 1, "map_coding": len(LAYERS) - 1,
                 "map_iteration": len(LAYERS) - 1,
                 "snapshot": len(LAYERS) - 1, "store": len(LAYERS) - 1}

# Libraries of others, and the only files of lib/src that may know them.
FOREIGN = {"boost/": {"mapping"}, "xxhash": {"hash"}, "lz4": {"codec"}, "zdict": {"train"}}

CODE = {".cc", ".h", ".py"}
TEXT = CODE | {".cmake", ".in", ".txt", ".json", ".md", ".sh", ""}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^">]+)[">]')
HOME = re.compile(r"(?<![\w.$}-])/(?:home|root|work|Users|mnt)/")


def files(root):
    """Every file of the repository that is text, with its path relative to the root."""
    for path in sorted(root.rglob("*")):
        inside = path.relative_to(root)
        if not path.is_file() or path.suffix not in TEXT:
            continue
        if inside.parts[0] in {".git", "build"} or "__pycache__" in inside.parts:
            continue
        if inside.parts[:2] == ("format-spec", "golden"):
            continue
        yield inside, path.read_bytes()


def check_top_level(root):
    for path in root.iterdir():
        if path.name not in TOP_LEVEL and not path.name.startswith("."):
            yield path.name, 1, "is not one of the allowed entries at the top"


def check_lines(inside, raw):
    """Length of lines and of the file; alphabet; paths of somebody's machine."""
    lines = raw.decode("utf-8", "replace").split("\n")
    is_code = inside.suffix in CODE
    if is_code and len(lines) - 1 > FILE_LINES_MAX:
        yield inside, len(lines) - 1, f"{len(lines) - 1} lines, the limit is {FILE_LINES_MAX}"
    if raw and not raw.endswith(b"\n"):
        yield inside, len(lines), "no line end at the end of the file"
    for number, line in enumerate(lines, 1):
        if is_code and len(line) > LINE_COLUMNS_MAX:
            yield inside, number, f"{len(line)} columns, the limit is {LINE_COLUMNS_MAX}"
        if inside.parts[0] in {"lib", "tools"} and not line.isascii():
            yield inside, number, "a character beyond ASCII"
        if line.endswith((" ", "\t", "\r")):
            yield inside, number, "white space at the end of the line"
        if inside.parts[:2] != ("tests", "tidy") and HOME.search(line):
            yield inside, number, "an absolute path of one machine"


def check_functions(inside, text):
    if inside.suffix == ".py":
        found = [(node.name, node.lineno, node.end_lineno) for node in ast.walk(ast.parse(text))
                 if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    elif inside.suffix in {".cc", ".h"}:
        found = cpp_functions(text)
    else:
        return
    for name, first, last in found:
        if last - first + 1 > FUNCTION_LINES_MAX:
            yield (inside, first,
                   f"{name} has {last - first + 1} lines, the limit is {FUNCTION_LINES_MAX}")


def check_guard(inside, text):
    """HMAP_, the path (public headers: behind hmap/; outside lib, outer folders may be left out)
    and _H_; #ifndef and #define agree."""
    if inside.suffix != ".h":
        return
    parts = list(inside.with_suffix("").parts)
    if inside.is_relative_to("lib"):
        parts = parts[3:] if parts[1] == "include" else parts[1:]
    shortest = len(parts) if inside.is_relative_to("lib") else 1
    names = [re.sub(r"\W", "_", "_".join(["HMAP", *parts[-count:], "H_"])).upper()
             for count in range(len(parts), shortest - 1, -1)]
    guard = re.search(r"^#ifndef (\w+)\n#define (\w+)$", text, re.M)
    if not guard or guard[1] not in names or guard[2] != guard[1]:
        yield inside, 1, f"the include guard is not {names[0]}"


def includes(text):
    for number, line in enumerate(text.split("\n"), 1):
        if found := INCLUDE.match(line):
            yield number, found[1] == "<", found[2]


def check_layers(inside, text):
    """lib/src: only this layer and those below, foreign libraries in their one place."""
    if inside.parts[:2] != ("lib", "src") or inside.suffix not in {".cc", ".h"}:
        return
    folder = inside.parts[2]
    if folder not in LEVELS or len(inside.parts) != 4:
        yield inside, 1, "is in no folder that is a layer: see LAYERS in tests/tidy/tidy.py"
        return
    for number, is_angled, name in includes(text):
        for library, allowed in FOREIGN.items():
            if name.startswith(library) and inside.stem not in allowed:
                yield inside, number, f"<{name}> may be included by {sorted(allowed)} only"
        header = pathlib.PurePath(name)
        if not is_angled and len(header.parts) == 1:
            yield inside, number, f"includes {name} without its folder"
        level = (PUBLIC_LEVELS.get(header.stem, 0) if header.parts[0] == "hmap"
                 else LEVELS.get(header.parts[0], 0))
        if name.endswith(".h") and level > LEVELS[folder]:
            yield inside, number, f"includes {name}, which is of a layer above"


def check_public_header(inside, text):
    """Public headers know the standard library and each other: no system, no private header."""
    if inside.parts[:2] != ("lib", "include") or inside.suffix != ".h":
        return
    for number, is_angled, name in includes(text):
        if ("." in name or "/" in name) if is_angled else not name.startswith("hmap/"):
            yield inside, number, f"a public header includes {name}"


def findings(root):
    yield from check_top_level(root)
    for inside, raw in files(root):
        text = raw.decode("utf-8", "replace")
        yield from check_lines(inside, raw)
        for check in (check_functions, check_guard, check_layers, check_public_header):
            yield from check(inside, text)


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    count = 0
    for count, (place, line, message) in enumerate(findings(root), 1):
        print(f"{place}:{line}: {message}")
    if count:
        sys.exit(f"{count} findings")


if __name__ == "__main__":
    main()
