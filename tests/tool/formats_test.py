"""Every format, both ways: the samples of other programs, and records that are hard on buffers."""

import os

import formats
from support import CORRUPT, DATA, FORMATS, NAMELESS, RECORDS, ToolTest, main, seeded_random

# Written by other programs (data/README.md); what the tool makes of each.
READABLE = {
    "kv.bdb-5.3.hash.bytevalue.dump": "db",
    "kv.bdb-5.3.hash.print.dump": "db",
    "kv.lmdb-0.9.24.bytevalue.dump": "db",
    "kv.universal.bytevalue.dump": "db",
    "kv.universal.print.dump": "db",
    "kv.escaped.tsv": "tsv",
    "kv.jsonl": "jsonl",
    "kv.cdbmake": "cdbmake",
    "kv.gdbm-1.23.ascii": "gdbm",
    "kv.tdbdump": "tdb",
}
FOREIGN = ["kv.gdbm-1.23.flat.bin", "kv.resp", "kv.tkrzw.flat"]
# Backslashes are not escaped in it (LMDB ITS#9068): nobody can read it right.
BROKEN = ["kv.lmdb-0.9.24.print.dump"]


class FormatTest(ToolTest):
    def dumped(self, form):
        return formats.READERS[form](self.hmap("dump", "--format", form, self.file).stdout)

    def round_trip(self, records, form):
        """Our text in, the tool's text out, compared by the other implementation."""
        path = self.path("round.hmap")
        text = formats.WRITERS[form](records)
        self.hmap("load", "--format", form, path, data=text)
        back = self.hmap("dump", "--format", form, path).stdout
        self.assertEqual(formats.READERS[form](back), records)
        self.assertEqual(sorted(back.split(b"\n")), sorted(text.split(b"\n")))
        os.unlink(path)


class Samples(FormatTest):
    def test_the_list_is_complete(self):
        names = {path.name for path in DATA.iterdir() if path.name.startswith("kv.")}
        self.assertEqual(names, {*READABLE, *FOREIGN, *BROKEN})

    def test_each_is_recognised_and_gives_the_hard_records_in_every_format(self):
        for name, form in READABLE.items():
            self.file = self.path(name + ".hmap")
            answer = self.answer("load", "--json", self.file, str(DATA / name))
            self.assertEqual((answer["format"], answer["stored"]), (form, len(RECORDS)), name)
            for other in FORMATS:
                self.assertEqual(self.dumped(other), RECORDS, f"{name} as {other}")

    def test_dumps_equal_the_samples_line_by_line(self):
        self.make()
        samples = {"db": "kv.universal.bytevalue.dump", "jsonl": "kv.jsonl"}
        samples |= {"cdbmake": "kv.cdbmake", "tdb": "kv.tdbdump"}
        for form, name in samples.items():
            text = self.hmap("dump", "--format", form, self.file).stdout
            sample = (DATA / name).read_bytes()
            self.assertEqual(sorted(text.split(b"\n")), sorted(sample.split(b"\n")), name)

    def test_other_formats_are_not_recognised(self):
        for name in FOREIGN:
            error = self.error("load", self.file, str(DATA / name), code=CORRUPT)
            self.assertIn("no known format", error["what"], name)

    def test_a_broken_print_dump_of_lmdb_is_warned_of_and_refused(self):
        for name in BROKEN:
            result = self.hmap("load", self.file, str(DATA / name), code=CORRUPT)
            self.assertIn(b"warning: mdb_dump -p", result.stderr)
            self.assertIn(b".dump:18: found", result.stderr)

    def test_what_is_dumped_can_be_recognised_and_loaded(self):
        self.make()
        for form in (form for form in FORMATS if form not in NAMELESS):
            text = self.hmap("dump", "--format", form, self.file).stdout
            answer = self.answer("load", "--json", self.path(form + ".hmap"), data=text)
            self.assertEqual((answer["format"], answer["stored"]), (form, len(RECORDS)))


class RoundTrips(FormatTest):
    def test_the_hard_records(self):
        for form in FORMATS:
            self.round_trip(RECORDS, form)

    def test_no_records(self):
        for form in FORMATS:
            self.round_trip({}, form)

    def test_empty_key_and_empty_value(self):
        for form in FORMATS:
            self.round_trip({b"": b""}, form)

    def test_the_longest_key(self):
        for form in FORMATS:
            self.round_trip({b"\\" * 65535: b"v", b"\xff" * 65535: b"w"}, form)

    def test_tokens_across_the_ends_of_buffers(self):
        """The reader's buffer has 512 KiB, the writer's 64 KiB; escapes have 1 to 4 bytes."""
        for form in FORMATS:
            step = {"db": 2, "tsv": 4, "tdb": 3, "hextsv": 2}.get(form, 1)
            # Tokens of one length have as many places to be cut.
            for shift in range(-1, 2) if form in ("tdb", "hextsv", "gdbm") else range(-6, 7):
                length = (1 << 19) // step + shift
                records = {b"k": b"\x01" * length, b"m": "\u2603".encode() * 30_000, b"z": b"end"}
                self.round_trip(records, form)

    def test_what_is_utf8_and_what_only_looks_like_it(self):
        """The first and the last of every length, and just beyond; Python is the judge."""
        words = (
            "7f c280 dfbf e0a080 ed9fbf ee8080 efbfbf f0908080 f48fbfbf "
            "80 bf c080 c1bf e08080 e09fbf eda080 edbfbf f0808080 f08fbfbf f4908080 f5808080 "
            "f8888080 ff c2 e0a0 f09080 c261 e28261 e2c2a0 f09f98c2 c2c280 e282ace2 61ff f09f98"
        ).split()
        records = {bytes.fromhex(word): b"a" + bytes.fromhex(word) + b"z" for word in words}
        for form in FORMATS:
            self.round_trip(records, form)

    def test_random_bytes(self):
        source = seeded_random()
        alphabets = [b"\\\t\n\rx0a+,:->= \"{}", bytes(range(256))]
        alphabets.append(b"\xc3\xa9\xe2\x98\x83\xed\xa0\xff")

        def data(length_max):
            alphabet = source.choice(alphabets)
            return bytes(source.choices(alphabet, k=source.randrange(length_max)))

        for _ in range(6):
            records = {data(30): data(300) for _ in range(300)}
            for form in FORMATS:
                self.round_trip(records, form)


class Dialects(FormatTest):
    """What the readers take beyond what the writers write."""

    def load(self, text, form, expected):
        path = self.path("dialect.hmap")
        result = self.hmap("load", "--format", form, path, data=text)
        self.file = path
        self.assertEqual(self.dumped("cdbmake"), expected, text)
        os.unlink(path)
        return result

    def test_db_header(self):
        data = b" 61\n 62\nDATA=END\n"
        for head in (
            b"VERSION=3\nHEADER=END\n",
            b"type=hash\nformat=bytevalue\nh_nelem=16\ndb_pagesize=4096\nVERSION=3\nHEADER=END\n",
            b"VERSION=3\ngeometry=l1;c2;u3\nmapsize=1\nmaxreaders=2\ntype=btree\nHEADER=END\n",
            b"VERSION=3\ndatabase=main\ncanary=v1\nsequence=7\nkeys=1\nHEADER=END\n",
        ):
            result = self.load(head + data, "db", {b"a": b"b"})
            self.assertEqual(result.stderr, b"")

    def test_db_warnings(self):
        for line, word in ((b"x_tool=1", b'unknown keyword "x_tool"'), (b"dupsort=1", b"several")):
            text = b"VERSION=3\n" + line + b"\nHEADER=END\n 61\n 62\nDATA=END\n"
            result = self.load(text, "db", {b"a": b"b"})
            self.assertIn(b"stdin:2: warning: ", result.stderr)
            self.assertIn(word, result.stderr)

    def test_db_data(self):
        head = b"VERSION=3\nHEADER=END\n"
        self.load(head + b" 4aFf\n 4B\nDATA=END\n", "db", {b"J\xff": b"K"})
        self.load(head + b" \n \nDATA=END", "db", {b"": b""})
        text = b"VERSION=3\nformat=print\nHEADER=END\n a\\\\\\0aB\n  \xc3\xa9\\FF \nDATA=END\n"
        self.load(text, "db", {b"a\\\nB": b" \xc3\xa9\xff "})
        self.load(formats.write_db(RECORDS, "print"), "db", RECORDS)

    def test_tsv_escapes_of_c_and_raw_bytes(self):
        text = rb"a\a\b\f\v\0\"\'\?" + b"\t" + rb"\x00\xfFz\0\0\tq" + b"\xff\x01\rz\n"
        self.load(text, "tsv", {b"a\a\b\f\v\0\"'?": b"\0\xffz\0\0\tq\xff\x01\rz"})

    def test_gdbm_lines(self):
        head = b"# GDBM dump file created by GDBM version 1.23.\n#:version=1.1\n# End of header\n"
        # An empty line after #:len=0, as some versions write it, and lines of any length.
        text = head + b"#:len=6\nYWJj\nZGVm\n#:len=0\n\n#:len=0\n#:len=1\nYQ==\n"
        text += b"#:count=2\n# End of data\n"
        self.load(text, "gdbm", {b"abcdef": b"", b"": b"a"})

    def test_tdb_digits(self):
        text = b'{\nkey(2) = "\\aF\\22"\ndata(1) = "\xff"\n}\n'
        self.load(text, "tdb", {b"\xaf\"": b"\xff"})

    def test_tsv_a_nul_before_8_or_9(self):
        """No octal digits: tkrzw_dbm_util export --escape writes this."""
        self.load(b"\\08\t\\09\\0\\08\n", "tsv",
                  {b"\x008": b"\x009\0\x008"})

    def test_hextsv_spaces(self):
        self.load(b"FF 00\t 0a \n\t41\n", "hextsv", {b"\xff\0": b"\n", b"": b"A"})

    def test_lmdb_is_db_with_a_mapsize(self):
        self.make()
        plain = self.hmap("dump", self.file).stdout
        text = self.hmap("dump", "--format", "lmdb", self.file).stdout
        other = self.hmap("dump", "--dialect", "lmdb", self.file).stdout
        self.assertEqual(sorted(other.splitlines()), sorted(text.splitlines()))
        size = int(text.split(b"mapsize=")[1].split(b"\n")[0])
        self.assertEqual(size % (1 << 20), 0)
        self.assertEqual(text.replace(b"mapsize=%d\n" % size, b"")[:50], plain[:50])
        self.load(text, "lmdb", RECORDS)

    def test_jsonl_spellings(self):
        text = b' { "value" : "\\u00e9\\ud83d\\ude00\\/" , "key" : "a" } \n'
        text += b'{"key_b64":"","value":"x"}'
        self.load(text, "jsonl", {b"a": "\u00e9\U0001f600/".encode(), b"": b"x"})
        self.load(b'{"key_b64":"YQ==","value_b64":"YWI="}\n', "jsonl", {b"a": b"ab"})


class Recognition(FormatTest):
    def test_first_lines(self):
        cases = {
            b"format=print\nVERSION=3\nHEADER=END\nDATA=END\n": "db",
            b"a=b\tv\n": "tsv",
            b"+1,1:a->b\n\n": "cdbmake",
            b"+1\tplus one\n": "tsv",
            b"+1,1:a->b\tv\n": "tsv",
            b"\n": "cdbmake",
            b'{"key":"a","value":"b"}\n': "jsonl",
            b"{x}\tv\n": "tsv",
            b'{\nkey(1) = "a"\ndata(0) = ""\n}\n': "tdb",
            b"\t\n": "tsv",
            b"k" * 65535 + b"\tv\n": "tsv",
            b"\\x00" * 65535 + b"\tv\n": "tsv",
        }
        for text, form in cases.items():
            answer = self.answer("load", "--json", self.path("x.hmap"), data=text)
            self.assertEqual(answer["format"], form, text[:40])


if __name__ == "__main__":
    main()
