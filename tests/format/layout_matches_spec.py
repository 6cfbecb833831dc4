#!/usr/bin/env python3
"""Holds the byte tables of format.md against the structs and HMAP_LAYOUT lines of the headers.

Both directions: a field, a size, a type or a struct that only one side has is an error. The
compiler holds the HMAP_LAYOUT lines against the structs, so the document cannot drift from the
code.
Usage: layout_matches_spec.py FORMAT.MD HEADER...
"""
import re
import sys

SCALARS = {"u8": 1, "u16": 2, "u32": 4, "u64": 8}


def number(text):
    return int(text.replace(",", ""))


def read_tables(path):
    """{struct: (bytes, [(field, offset, size, type)])} from captions "**Name**, n bytes"."""
    structs, name = {}, None
    for line in open(path, encoding="ascii"):
        caption = re.match(r"\*\*(\w+)\*\*, ([\d,]+) bytes", line)
        row = re.match(r"\| (\d+) \| (\d+) \| ([\w\[\]]+) \| `(\w+)` \|", line)
        if caption:
            name = caption.group(1)
            if name in structs:
                sys.exit(f"{path}: two tables for {name}")
            structs[name] = (number(caption.group(2)), [])
        elif row and name:
            at, size, kind, field = row.groups()
            structs[name][1].append((field, int(at), int(size), kind))
        elif line.startswith("#") or re.match(r"\*\*\w+", line):
            name = None
    return structs


def read_headers(paths):
    """The same from the code, types out of the struct declarations."""
    text = "\n".join(open(path, encoding="ascii").read() for path in paths)
    constants = {}
    for name, value in re.findall(r"inline constexpr \w+ (\w+) = ([^;]+);", text):
        value = value.replace("u64{1}", "1").replace("~u64{0}", "0").replace("'", "")
        value = re.sub(r"k[A-Z]\w*", lambda found: str(constants.get(found.group(), 0)), value)
        constants[name] = eval(value, {"__builtins__": {}})  # the headers are ours
    types = {}
    for struct, body in re.findall(r"^struct (\w+) \{\n(.*?)^\};", text, re.S | re.M):
        declared = r"^  ([\w<>]+) (\w+)(?:\[([^\]]+)\])?;"
        for kind, field, array in re.findall(declared, body, re.M):
            kind = re.sub(r"^Offset<\w+>$", "u64", kind)  # what lies there is for the compiler
            array = re.sub(r"k[A-Z]\w*", lambda found: str(constants[found.group()]), array)
            count = f"[{eval(array, {'__builtins__': {}})}]" if array else ""
            types[struct, field] = kind + count
    structs = {}
    for struct, size in re.findall(r"sizeof\((\w+)\) == (\d+)\)", text):
        structs[struct] = (int(size), [])
    layout = r"^HMAP_LAYOUT\((\w+), (\w+), (\d+), (\d+)\);"
    for struct, field, at, size in re.findall(layout, text, re.M):
        kind = types.pop((struct, field), "?")
        structs[struct][1].append((field, int(at), int(size), kind))
    for struct, field in types:
        sys.exit(f"{struct}.{field} has no HMAP_LAYOUT line")
    return structs


def type_bytes(kind, structs):
    base, array = re.match(r"(\w+)(?:\[(\d+)\])?$", kind).groups()
    one = SCALARS.get(base) or structs.get(base, (None,))[0]
    return one * int(array or 1) if one else None


def check(spec, code):
    errors = []
    for struct in sorted(set(spec) ^ set(code)):
        errors.append(f"{struct}: only in the {'document' if struct in spec else 'code'}")
    for struct in sorted(set(spec) & set(code)):
        if spec[struct][0] != code[struct][0]:
            errors.append(f"{struct}: {spec[struct][0]} bytes in the document, {code[struct][0]}")
        for row in spec[struct][1]:
            if row not in code[struct][1]:
                errors.append(f"{struct}: the code has no {row}")
        for row in code[struct][1]:
            if row not in spec[struct][1]:
                errors.append(f"{struct}: the document has no {row}")
        end = 0
        for field, at, size, kind in spec[struct][1]:
            if at != end or type_bytes(kind, spec) != size:
                errors.append(f"{struct}.{field}: begins at {at} (not {end}) or is no {kind}")
            end = at + size
        if end != spec[struct][0]:
            errors.append(f"{struct}: fields end at {end}, not {spec[struct][0]}")
    return errors


def main():
    spec, code = read_tables(sys.argv[1]), read_headers(sys.argv[2:])
    errors = check(spec, code)
    for error in errors:
        print(error)
    fields = sum(len(rows) for _, rows in spec.values())
    print(f"{len(spec)} structs, {fields} fields, {len(errors)} differences")
    return 1 if errors or not spec else 0


if __name__ == "__main__":
    sys.exit(main())
