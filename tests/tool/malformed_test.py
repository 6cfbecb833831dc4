"""Input that has to be refused: exit code 4, the line, what was found and what was expected."""

import os

import formats
from support import CORRUPT, DATA, FORMATS, RECORDS, YES, ToolTest, main, run, seeded_random

HEAD = b"VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\n"
PRINT = b"VERSION=3\nformat=print\nHEADER=END\n"
ONE = b" 61\n 62\n"
LONG_KEY = 65536
GDBM = b"# GDBM dump file\n# End of header\n"
GDBM_ONE = b"#:len=1\nYQ==\n#:len=1\nYg==\n"

# data/malformed: (line, words of the message), or the number of entries if it is well for us.
SAMPLES = {
    "crlf.dump": (1, "CR before LF"),
    "dup-key.dump": 1,
    "empty-key.dump": 1,
    "key-512.dump": 1,
    "no-data-end.dump": (37, "DATA=END"),
    "no-empty-line.cdbmake": (3, "an empty line"),
    "no-version.dump": (3, "VERSION=3"),
    "odd-hex.dump": (5, "odd number of hex digits"),
    "odd-pair.dump": (6, "the value of the key in line 5"),
    "two-sections.dump": (8, "a second section"),
    "unknown-keyword.dump": 1,
    "upper-hex.dump": 1,
}

# (format, text, line, words of the message)
CASES = [
    ("db", b"", 1, "HEADER=END"),
    ("db", b"VERSION=3\n", 2, "HEADER=END"),
    ("db", b"VERSION=3\nHEADER=END", 2, "HEADER=END"),
    ("db", b"VERSION=2\nHEADER=END\nDATA=END\n", 1, "VERSION=3"),
    ("db", b"VERSION=3\nformat=hex\nHEADER=END\nDATA=END\n", 2, "format=print"),
    ("db", b"VERSION=3\ntype=recno\nHEADER=END\nDATA=END\n", 2, "type=hash"),
    ("db", b"VERSION=3\nkeys=0\nHEADER=END\nDATA=END\n", 2, "keys=1"),
    ("db", b"VERSION=3\nnonsense\nHEADER=END\nDATA=END\n", 2, "NAME=VALUE"),
    ("db", b"VERSION=3\n" + b"x" * 5000 + b"=1\nHEADER=END\nDATA=END\n", 2, "a line of more"),
    ("db", HEAD, 5, "DATA=END"),
    ("db", HEAD + ONE, 7, "DATA=END"),
    ("db", HEAD + ONE + b"DATA=EN", 7, "DATA=END"),
    ("db", HEAD + ONE + b" 63\n", 8, "the value of a key"),
    ("db", HEAD + ONE + b" 63\n 6", 8, "cut"),
    ("db", HEAD + ONE + b" 63\n 64", 8, "cut"),
    ("db", HEAD + b" 6g\n 62\nDATA=END\n", 5, "a hex digit of the key"),
    ("db", HEAD + b" 61\n 0x62\nDATA=END\n", 6, "a hex digit of the value"),
    ("db", HEAD + b" 61\n  62\nDATA=END\n", 6, "a hex digit of the value"),
    ("db", HEAD + b" 61\n 62 \nDATA=END\n", 6, "a hex digit of the value"),
    ("db", HEAD + b"61\n 62\nDATA=END\n", 5, "one space"),
    ("db", HEAD + b" 61\n62\nDATA=END\n", 6, "the value of the key"),
    ("db", HEAD + b" 61\n\nDATA=END\n", 6, "the value of the key"),
    ("db", HEAD + ONE + b"\nDATA=END\n", 7, "one space"),
    ("db", HEAD + b" 61\r\n 62\nDATA=END\n", 5, "CR before LF"),
    ("db", HEAD + ONE + b"DATA=END\r\n", 7, "CR before LF"),
    ("db", HEAD + ONE + b"DATA=END\n# end\n", 8, "the end of the input"),
    ("db", HEAD + ONE + b"DATA=END\n\n", 8, "the end of the input"),
    ("db", HEAD + ONE + b"DATA=END\n" + HEAD, 8, "a second section"),
    ("db", HEAD + b" " + b"61" * LONG_KEY + b"\n 62\nDATA=END\n", 5, "at most 65535 bytes"),
    ("db", PRINT + b" a\\n\n b\nDATA=END\n", 4, "after a backslash"),
    ("db", PRINT + b" a\\0\n b\nDATA=END\n", 4, "within an escape"),
    ("db", PRINT + b" a\\\n b\nDATA=END\n", 4, "within an escape"),
    ("db", PRINT + b" a\n b\r\nDATA=END\n", 5, "CR"),
    ("db", PRINT + b" " + b"k" * LONG_KEY + b"\n b\nDATA=END\n", 4, "at most 65535 bytes"),
    ("tsv", b"a\tb\nab\n", 2, "exactly one TAB"),
    ("tsv", b"a\tb\n\n", 2, "exactly one TAB"),
    ("tsv", b"a\tb\tc\n", 1, "a second TAB"),
    ("tsv", b"a\tb\nc\td", 2, "LF after the value"),
    ("tsv", b"a\tb\nc", 2, "a TAB"),
    ("tsv", b"a\tb\r\n", 1, "CR before LF"),
    ("tsv", b"a\\q\tb\n", 1, "the escape"),
    ("tsv", b"a\\x4\tb\n", 1, "within an escape"),
    ("tsv", b"a\\x4g\tb\n", 1, "two hex digits"),
    ("tsv", b"a\\\tb\n", 1, "within an escape"),
    ("tsv", b"a\tb\\\n", 1, "within an escape"),
    ("tsv", b"a\t\\01\n", 1, "\\x00 before a digit"),
    ("tsv", b"a\t\\07\n", 1, "\\x00 before a digit from 0 to 7"),
    ("tsv", b"a\tb\n" + b"k" * LONG_KEY + b"\tv\n", 2, "at most 65535 bytes"),
    ("tsv", b"a\tb\n" + b"\\x00" * LONG_KEY + b"\tv\n", 2, "at most 65535 bytes"),
    ("jsonl", b'{"key":"a","value":"b"}\n\n', 2, "an empty line"),
    ("jsonl", b'{"key":"a","value":"b"}\n{"key":"a"}\n', 2, "without a value"),
    ("jsonl", b'{"value":"a"}\n', 1, "without a key"),
    ("jsonl", b"{}\n", 1, "without a key"),
    ("jsonl", b'{"key":"a","value":1}\n', 1, "a number"),
    ("jsonl", b'{"key":"a","value":null}\n', 1, "null"),
    ("jsonl", b'{"key":"a","value":true}\n', 1, "a truth value"),
    ("jsonl", b'{"key":"a","value":[]}\n', 1, "an array"),
    ("jsonl", b'{"key":"a","value":{"key":"b"}}\n', 1, "an object"),
    ("jsonl", b'["a","b"]\n', 1, "an array"),
    ("jsonl", b'"a"\n', 1, "a string"),
    ("jsonl", b'{"key":"a","key":"b","value":"c"}\n', 1, "a second key"),
    ("jsonl", b'{"key":"a","value":"b","value_b64":""}\n', 1, "a second value"),
    ("jsonl", b'{"key":"a","value":"b","ttl":"1"}\n', 1, "a member"),
    ("jsonl", b'{"key":"a","value_b64":"YQ"}\n', 1, "base64"),
    ("jsonl", b'{"key":"a","value_b64":"YR=="}\n', 1, "base64"),
    ("jsonl", b'{"key":"a","value_b64":"Y_=="}\n', 1, "base64"),
    ("jsonl", b'{"key":"a","value":"\xff"}\n', 1, "no JSON"),
    ("jsonl", b'{"key":"a","value":"\\ud800"}\n', 1, "no JSON"),
    ("jsonl", b'{"key":"a","value":"b"} x\n', 1, "no JSON"),
    ("jsonl", b'{"key":"a","value":"b"}{}\n', 1, "no JSON"),
    ("jsonl", b'{"key":"a","value":"b"', 1, "ends within the object"),
    ("jsonl", b'{"key":"a","value":\n"b"}\n', 1, "ends within the object"),
    ("jsonl", b'{"key":"' + b"k" * LONG_KEY + b'","value":""}\n', 1, "at most 65535 bytes"),
    ("cdbmake", b"", 1, "an empty line"),
    ("cdbmake", b"+1,1:a->b\n", 2, "an empty line"),
    ("cdbmake", b"+1,1:a->b", 1, "LF after a value of 1 bytes"),
    ("cdbmake", b"+1,1:a->b\n\nx\n", 3, "the end of the input"),
    ("cdbmake", b"+1,1:a->b\n\n\n", 3, "the end of the input"),
    ("cdbmake", b"-1,1:a->b\n\n", 1, "at the beginning of a record"),
    ("cdbmake", b"+,1:->b\n\n", 1, "a digit of the key's length"),
    ("cdbmake", b"+1;1:a->b\n\n", 1, "a digit of the key's length or ','"),
    ("cdbmake", b"+1,1,a->b\n\n", 1, "a digit of the value's length or ':'"),
    ("cdbmake", b"+1,1:ab->b\n\n", 1, '"->" after a key of 1 bytes'),
    ("cdbmake", b"+1,1:a=>b\n\n", 1, '"->" after a key of 1 bytes'),
    ("cdbmake", b"+1,1:a->bc\n\n", 1, "LF after a value of 1 bytes"),
    ("cdbmake", b"+1,9:a->bc\n\n", 1, "5 more bytes of the value"),
    ("cdbmake", b"+65536,1:a->b\n\n", 1, "at most 65535 bytes"),
    ("cdbmake", b"+1,4294967296:a->b\n\n", 1, "at most 4294967295 bytes"),
    ("cdbmake", b"+1,99999999999999999999:a->b\n\n", 1, "a length of more than"),
    ("gdbm", b"", 1, "# End of header"),
    ("gdbm", b"#:version=2.0\n# End of header\n", 1, "#:version=1.1"),
    ("gdbm", b"x\n# End of header\n", 1, "a header line"),
    ("gdbm", GDBM, 3, "#:len= or #:count="),
    ("gdbm", GDBM + b"#:len=x\n", 3, "#:len= with a number"),
    ("gdbm", GDBM + b"#:len=1\nYQ==\n#:count=1\n# End of data\n", 3, "both"),
    ("gdbm", GDBM + b"#:len=1\n", 4, "the rest of the key"),
    ("gdbm", GDBM + b"#:len=1\nYQ==", 4, "LF"),
    ("gdbm", GDBM + b"#:len=1\nYWJj\n", 5, "1 as #:len= says"),
    ("gdbm", GDBM + b"#:len=6\nYQ==\nYQ==\n", 4, "base64 of the key of 6 bytes"),
    ("gdbm", GDBM + b"#:len=1\nY===\n", 4, "base64"),
    ("gdbm", GDBM + b"#:len=1\nYQ==\r\n", 4, "LF only"),
    ("gdbm", GDBM + GDBM_ONE + b"#:count=2\n# End of data\n", 7, "#:count=1"),
    ("gdbm", GDBM + GDBM_ONE + b"#:count=1\n", 8, "# End of data"),
    ("gdbm", GDBM + GDBM_ONE + b"#:count=1\n# End of data\nx\n", 9, "the end of the input"),
    ("gdbm", GDBM + b"#:len=65536\n", 4, "at most 65535 bytes"),
    ("tdb", b"x", 1, "at the beginning of a record"),
    ("tdb", b"{\n", 2, '"key" in a record'),
    ("tdb", b'{\nkey(1) = "ab"\n', 2, "1 as the length says"),
    ("tdb", b'{\nkey() = "a"\n', 2, "a length in parentheses"),
    ("tdb", b'{\nkey(99999999999) = "a"\n', 2, "a length in parentheses"),
    ("tdb", b'{\nkey(65536) = "a"\n', 2, "at most 65535 bytes"),
    ("tdb", b'{\nkey(1) = "\\4g"\n', 2, "two hex digits"),
    ("tdb", b'{\nkey(1) = "a\n', 3, "a quote at the end"),
    ("tdb", b'{\nkey(1) = "a"\n}\n', 3, '"data" in a record'),
    ("tdb", b'{\nkey(1) = "a"\ndata(0) = ""\n', 4, "at the end of a record"),
    ("hextsv", b"61\n", 1, "a hex digit of the key or a TAB"),
    ("hextsv", b"61\t62", 1, "a hex digit or LF"),
    ("hextsv", b"6\t62\n", 1, "the second hex digit"),
    ("hextsv", b"6 1\t62\n", 1, "the second hex digit"),
    ("hextsv", b"61\t62\t63\n", 1, "a hex digit of the value or LF"),
    ("hextsv", b"61\t62\r\n", 1, "a hex digit of the value or LF"),
    ("hextsv", b"00" * LONG_KEY + b"\t62\n", 1, "at most 65535 bytes"),
]


class Malformed(ToolTest):
    def refused(self, text, form, line, words, stored=None):
        result = self.hmap("load", "--format", form, self.file, data=text, code=CORRUPT)
        message = result.stderr.decode()
        about = f"{form} {text[:200]!r}: {message}"
        self.assertRegex(message, rf"(?m)^hmap: stdin:{line}: found .+, expected .+$", about)
        self.assertIn(words, message, about)
        self.assertEqual(result.stdout, b"", about)
        self.assertEqual(list(self.place.iterdir()), [], about)

    def test_samples(self):
        names = {path.name for path in (DATA / "malformed").iterdir()}
        self.assertEqual(names, set(SAMPLES))
        for name, expected in SAMPLES.items():
            path = str(DATA / "malformed" / name)
            if isinstance(expected, int):
                self.hmap("load", self.file, path, code=YES)
                self.assertEqual(self.entries(), expected, name)
                os.unlink(self.file)
                continue
            result = self.hmap("load", self.file, path, code=CORRUPT)
            self.assertIn(f"hmap: {path}:{expected[0]}: found ".encode(), result.stderr)
            self.assertIn(expected[1].encode(), result.stderr, name)
            self.assertEqual(list(self.place.iterdir()), [], name)

    def test_cases(self):
        for form, text, line, words in CASES:
            self.refused(text, form, line, words)

    def test_the_accepted_samples_have_the_right_values(self):
        for name, key, value in (
            ("dup-key.dump", "61", b"c"),
            ("empty-key.dump", "", b"b"),
            ("key-512.dump", "66" * 512, b"b"),
            ("upper-hex.dump", "4a", b"K"),
        ):
            self.file = self.path(name + ".hmap")
            self.hmap("load", self.file, str(DATA / "malformed" / name))
            self.assertEqual(self.hmap("get", self.file, "--key-hex", key).stdout, value)

    def test_every_cut_is_noticed(self):
        """A whole file ends where it ends: no shorter piece of it may pass as complete."""
        records = {b"a": b"one", b"bc": b"t\\wo", b"d": b"\xff"}
        # Every third one, other ones each time.
        first = seeded_random().randrange(3)
        for form in ("db", "cdbmake", "gdbm"):
            text = formats.WRITERS[form](records)
            # db: the last LF may be missing, the line DATA=END says it all.
            for end in range(first, len(text) - (form == "db"), 3):
                self.refused(text[:end], form, r"\d+", "expected")
        for form in ("tsv", "jsonl", "tdb", "hextsv"):
            text = formats.WRITERS[form](records)
            for end in range(1 + first, len(text), 3):
                whole = form == "jsonl" and text[end - 1 : end + 1] == b"}\n"
                complete = b"\n}\n" if form == "tdb" else b"\n"
                if whole or text[:end].endswith(complete):
                    continue
                self.refused(text[:end], form, r"\d+", "expected")


class Damaged(ToolTest):
    def test_random_damage_is_read_or_refused_but_never_fatal(self):
        source = seeded_random()
        for turn in range(80):
            form = FORMATS[turn % len(FORMATS)]
            text = bytearray(formats.WRITERS[form](RECORDS))
            for _ in range(source.randrange(1, 4)):
                at = source.randrange(len(text))
                change = source.randrange(3)
                if change == 0:
                    text[at] = source.randrange(256)
                elif change == 1:
                    del text[at : at + source.randrange(1, 20)]
                else:
                    text[at:at] = text[source.randrange(len(text)) :][: source.randrange(1, 20)]
            result = run("load", "--format", form, self.file, data=bytes(text))
            self.assertIn(result.returncode, (YES, CORRUPT), (form, bytes(text), result.stderr))
            if result.returncode == YES:
                os.unlink(self.file)
            self.assertEqual(list(self.place.iterdir()), [])


if __name__ == "__main__":
    main()
