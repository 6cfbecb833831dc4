"""A second implementation of the tool's formats, to compare with; simple rather than fast."""

import base64
import json
import re


def write_db(records, form="bytevalue"):
    def text(data):
        if form == "bytevalue":
            return data.hex().encode()
        return b"".join(
            b"\\\\" if byte == 92 else bytes([byte]) if 32 <= byte < 127 else b"\\%02x" % byte
            for byte in data
        )

    head = f"VERSION=3\nformat={form}\ntype=btree\nHEADER=END\n".encode()
    body = b"".join(b" " + text(k) + b"\n " + text(v) + b"\n" for k, v in records.items())
    return head + body + b"DATA=END\n"


def read_db(text):
    """Reads bytevalue only, and only with exactly the header that the tool must write."""
    head = b"VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\n"
    assert text.startswith(head), text[:80]
    assert text.endswith(b"DATA=END\n"), text[-80:]
    lines = text[len(head) : -len(b"DATA=END\n")].split(b"\n")[:-1]
    for line in lines:
        assert re.fullmatch(rb" ([0-9a-f][0-9a-f])*", line), line[:80]
    data = [bytes.fromhex(line[1:].decode()) for line in lines]
    assert len(data) % 2 == 0
    return pairs(zip(data[::2], data[1::2]))


def write_cdbmake(records):
    lines = (b"+%d,%d:%s->%s\n" % (len(k), len(v), k, v) for k, v in records.items())
    return b"".join(lines) + b"\n"


def read_cdbmake(text):
    found, at = [], 0
    while text[at : at + 1] == b"+":
        head = re.compile(rb"\+(\d+),(\d+):").match(text, at)
        key_end = head.end() + int(head[1])
        assert text[key_end : key_end + 2] == b"->"
        value_end = key_end + 2 + int(head[2])
        found.append((text[head.end() : key_end], text[key_end + 2 : value_end]))
        assert text[value_end : value_end + 1] == b"\n"
        at = value_end + 1
    assert text[at:] == b"\n", text[at : at + 80]
    return pairs(found)


def is_utf8(data):
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def write_tsv(records):
    names = {92: b"\\\\", 9: b"\\t", 10: b"\\n", 13: b"\\r"}

    def text(data):
        # surrogateescape marks exactly the bytes that belong to no valid sequence.
        parts = []
        for char in data.decode("utf-8", "surrogateescape"):
            code = ord(char)
            if 0xDC80 <= code <= 0xDCFF:
                parts.append(b"\\x%02x" % (code - 0xDC00))
            elif code in names:
                parts.append(names[code])
            elif code < 32 or code == 127:
                parts.append(b"\\x%02x" % code)
            else:
                parts.append(char.encode())
        return b"".join(parts)

    return b"".join(text(k) + b"\t" + text(v) + b"\n" for k, v in records.items())


def read_tsv(text):
    names = {b"\\": b"\\", b"t": b"\t", b"n": b"\n", b"r": b"\r"}

    def data(field):
        assert not re.search(rb"[\x00-\x1f\x7f]", field)
        return re.sub(
            rb"\\(x([0-9a-f]{2})|.)",
            lambda match: bytes.fromhex(match[2].decode()) if match[2] else names[match[1]],
            field,
        )

    text.decode()
    lines = text.split(b"\n")
    assert lines.pop() == b""
    found = []
    for line in lines:
        key, value = line.split(b"\t")
        found.append((data(key), data(value)))
    return pairs(found)


def write_jsonl(records):
    def member(name, data):
        if is_utf8(data):
            return name, data.decode()
        return name + "_b64", base64.b64encode(data).decode()

    lines = (
        json.dumps(
            dict([member("key", key), member("value", value)]),
            ensure_ascii=False,
            separators=(",", ":"),
        )
        for key, value in records.items()
    )
    return "".join(line + "\n" for line in lines).encode()


def read_jsonl(text):
    def data(item, name):
        assert (name in item) != (name + "_b64" in item), item
        if name in item:
            return item[name].encode()
        raw = base64.b64decode(item[name + "_b64"], validate=True)
        assert not is_utf8(raw), "base64 is for what is not UTF-8"
        return raw

    lines = text.decode().split("\n")
    assert lines.pop() == ""
    items = [json.loads(line) for line in lines]
    assert all(len(item) == 2 for item in items)
    return pairs((data(item, "key"), data(item, "value")) for item in items)


def write_gdbm(records):
    def datum(data):
        lines = base64.encodebytes(data) if data else b""
        return b"#:len=%d\n%s" % (len(data), lines)

    head = b"# GDBM dump file created by hmap\n#:version=1.1\n#:file=hmap.gdbm\n"
    head += b"#:format=standard\n# End of header\n"
    body = b"".join(datum(k) + datum(v) for k, v in records.items())
    return head + body + b"#:count=%d\n# End of data\n" % len(records)


def read_gdbm(text):
    head, body = text.split(b"# End of header\n")
    assert head.startswith(b"# GDBM dump file"), head
    body, count = re.fullmatch(rb"(?s)(.*)#:count=(\d+)\n# End of data\n", body).groups()
    data = []
    for length, lines in re.findall(rb"#:len=(\d+)\n((?:[A-Za-z0-9+/=]+\n)*)", body):
        assert all(len(line) <= 76 for line in lines.split(b"\n"))
        data.append(base64.b64decode(lines.replace(b"\n", b""), validate=True))
        assert len(data[-1]) == int(length)
    assert len(data) == 2 * int(count)
    return pairs(zip(data[::2], data[1::2]))


def write_tdb(records):
    def text(data):
        plain = set(range(32, 127)) - set(b'"\\')
        return b"".join(bytes([b]) if b in plain else b"\\%02X" % b for b in data)

    return b"".join(
        b'{\nkey(%d) = "%s"\ndata(%d) = "%s"\n}\n' % (len(k), text(k), len(v), text(v))
        for k, v in records.items()
    )


def read_tdb(text):
    def data(length, escaped):
        raw = re.sub(rb"\\([0-9A-F]{2})", lambda m: bytes.fromhex(m[1].decode()), escaped)
        assert len(raw) == int(length)
        return raw

    one = rb'\{\nkey\((\d+)\) = "([ -~]*)"\ndata\((\d+)\) = "([ -~]*)"\n\}\n'
    assert re.fullmatch(b"(?:" + one + b")*", text)
    return pairs((data(kn, k), data(vn, v)) for kn, k, vn, v in re.findall(one, text))


def write_hextsv(records):
    return b"".join(b"%s\t%s\n" % (k.hex().encode(), v.hex().encode()) for k, v in records.items())


def read_hextsv(text):
    lines = text.split(b"\n")
    assert lines.pop() == b""
    fields = (line.decode().split("\t") for line in lines)
    return pairs((bytes.fromhex(key), bytes.fromhex(value)) for key, value in fields)


def pairs(found):
    """A dict, after checking that no key is there twice."""
    found = list(found)
    records = dict(found)
    assert len(records) == len(found), "a key is there twice"
    return records


WRITERS = {
    "db": write_db,
    "tsv": write_tsv,
    "jsonl": write_jsonl,
    "cdbmake": write_cdbmake,
    "gdbm": write_gdbm,
    "tdb": write_tdb,
    "hextsv": write_hextsv,
}
READERS = {
    "db": read_db,
    "tsv": read_tsv,
    "jsonl": read_jsonl,
    "cdbmake": read_cdbmake,
    "gdbm": read_gdbm,
    "tdb": read_tdb,
    "hextsv": read_hextsv,
}
