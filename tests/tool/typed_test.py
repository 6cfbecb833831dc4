"""Typed stores: keys and values as numbers or hex digits, by option or by the store's type."""

import json

from support import CORRUPT, NO, USAGE, ToolTest, main


class Typed(ToolTest):
    def setUp(self):
        super().setUp()
        self.hmap("create", self.file, "--key-type", "u64", "--value-type", "i32")

    def test_numbers_are_taken_and_given_as_the_store_says(self):
        self.hmap("put", self.file, "42", "--", "-7")
        self.assertEqual(self.hmap("get", self.file, "42").stdout, b"-7\n")
        self.assertEqual(self.answer("get", "--json", self.file, "42"), {"key": 42, "value": -7})
        self.assertEqual(self.hmap("list", self.file).stdout, b"42\n")
        self.hmap("get", self.file, "43", code=NO)
        self.assertEqual(self.hmap("get", self.file, "42", "--value-type", "hex").stdout,
                         b"f9ffffff\n")
        self.assertEqual(self.hmap("get", self.file, "--key-hex", "2a00000000000000").stdout,
                         b"-7\n")
        self.assertEqual(self.hmap("get", self.file, "42", "--value-type", "bytes").stdout,
                         b"\xf9\xff\xff\xff")
        self.assertEqual(self.answer("del", "--json", self.file, "42", "43", code=NO),
                         {"removed": 1, "absent": [{"key": 43}]})

    def test_what_is_no_number_or_of_a_wrong_length_is_refused(self):
        for key, value, words in (("x", "1", 'the key "x" is no u64'),
                                  ("18446744073709551616", "1", "is no u64"),
                                  ("1", "2147483648", 'the value "2147483648" is no i32'),
                                  ("1", "1.5", 'the value "1.5" is no i32'),
                                  ("", "1", "is no u64")):
            result = self.hmap("put", self.file, key, value, code=USAGE)
            self.assertIn(words, result.stderr.decode())
        result = self.hmap("put", self.file, "--key-hex", "2a", "1", code=USAGE)
        self.assertIn("every key of this store has exactly 8 bytes", result.stderr.decode())
        result = self.hmap("put", self.file, "1", "-", data=b"12345", code=USAGE)
        self.assertIn("every value of this store has exactly 4 bytes", result.stderr.decode())
        self.hmap("get", self.file, "--key-type", "u128", "1", code=USAGE)
        self.assertEqual(self.entries(), 0)

    def test_dump_and_load_as_numbers_and_as_bytes(self):
        lines = b"".join(b"%d\t%d\n" % (n, -n * n) for n in range(100))
        types = ("--key-type", "u64", "--value-type", "i32")
        self.hmap("load", "--format", "tsv", *types, self.file, data=lines)
        dumped = self.hmap("dump", "--format", "tsv", *types, self.file).stdout
        self.assertEqual(sorted(dumped.splitlines()), sorted(lines.splitlines()))
        # The bytes themselves, in a store that load makes.
        raw = self.hmap("dump", self.file).stdout
        copy = self.path("copy.hmap")
        self.hmap("load", copy, data=raw)
        self.assertEqual(sorted(self.hmap("dump", copy).stdout.split(b"\n")),
                         sorted(raw.split(b"\n")))
        # A typed one that load makes.
        typed = self.path("typed.hmap")
        self.hmap("load", "--format", "tsv", *types, typed, data=lines)
        self.assertEqual(self.answer("stat", "--json", typed)["type"],
                         self.answer("stat", "--json", self.file)["type"])
        result = self.hmap("load", "--format", "tsv", *types, self.file, data=b"1\t2\nx\t3\n",
                           code=CORRUPT)
        self.assertIn(':2: found the key "x", expected u64 (--key-type)', result.stderr.decode())

    def test_load_tells_the_line_of_a_wrong_length(self):
        for data, words in ((b"12345678\t1234\n1\t1234\n",
                             ":2: found a key of 1 byte, expected 8 bytes, as every key of this"),
                            (b"12345678\t\n", ":1: found a value of 0 bytes, expected 4 bytes,")):
            for option in ((), ("--no-overwrite",)):
                result = self.hmap("load", "--format", "tsv", *option, self.file, data=data,
                                   code=CORRUPT)
                self.assertIn(words, result.stderr.decode())
        self.assertEqual(self.entries(), 1)

    def test_sample_is_read_by_load_as_dump_is(self):
        types = ("--key-type", "u64", "--value-type", "i32")
        lines = b"".join(b"%d\t%d\n" % (n, -n) for n in range(50))
        self.hmap("load", "--format", "tsv", *types, self.file, data=lines)
        drawn = self.hmap("sample", "--count", "50", *types, self.file).stdout
        self.assertEqual(sorted(drawn.splitlines()), sorted(lines.splitlines()))
        again = self.path("again.hmap")
        self.hmap("load", *types, again, data=drawn)
        self.hmap("diff", self.file, again)
        self.hmap("sample", "--key-type", "u16", self.file, code=USAGE)

    def test_a_prefix_is_written_as_the_keys_are(self):
        """Of numbers there is none: that of their bytes would select what nobody expects."""
        for key in ("1", "256", "49"):
            self.hmap("put", self.file, key, "0")
        for option in ((), ("--json",), ("--key-type", "u64")):
            refused = self.hmap("list", self.file, "--prefix", "1", *option, code=USAGE)
            self.assertIn(b"the keys are numbers", refused.stderr)
            self.assertIn(b"--key-hex", refused.stderr)
        for option in (("--key-hex",), ("--key-type", "hex")):
            listed = self.hmap("list", self.file, "--prefix", "0001", *option).stdout
            self.assertEqual(listed, b"0001000000000000\n")
        self.assertEqual(self.hmap("list", "--json", self.file, "--prefix", "0001", "--key-hex")
                         .stdout, b'{"key":256}\n')
        listed = self.hmap("list", self.file, "--prefix", "1", "--key-type", "bytes").stdout
        self.assertEqual(listed, b"1" + rb"\x00" * 7 + b"\n")
        self.hmap("list", self.file, "--prefix", "0", "--key-hex", code=USAGE)

    def test_every_verb_opens_it(self):
        self.hmap("put", self.file, "1", "2")
        other = self.path("other.hmap")
        self.hmap("copy", self.file, other)
        self.hmap("diff", self.file, other)
        self.hmap("merge", self.file, other)
        self.hmap("compact", self.file)
        self.hmap("recover", other, self.path("recovered.hmap"))
        for path in (self.file, other, self.path("recovered.hmap")):
            self.assertEqual(self.hmap("get", path, "1").stdout, b"2\n")
            self.assertEqual(self.answer("stat", "--json", path)["type"]["name"], "u64 -> i32")
        for verb in ("verify", "inspect", "stat", "sample", "warm", "map", "ps"):
            self.hmap(verb, self.file)
        self.assertIn(b'"u64 -> i32"', self.hmap("inspect", self.file).stdout)

    def test_json_has_numbers_whichever_verb_answers(self):
        """All digits of large ones; what JSON has no number for is a string."""
        file, other = self.path("one.hmap"), self.path("two.hmap")
        for path, value in ((file, "-0"), (other, "1.5")):
            self.hmap("create", path, "--key-type", "u64", "--value-type", "f64")
            self.hmap("put", path, "18446744073709551615", "--", value)
            self.hmap("put", path, "9007199254740993", "--", "-inf")
        large = b"18446744073709551615"
        self.assertEqual(self.hmap("get", "--json", file, large).stdout,
                         b'{"key":%s,"value":-0.0}\n' % large)
        self.assertEqual(self.hmap("get", "--json", file, "9007199254740993").stdout,
                         b'{"key":9007199254740993,"value":"-inf"}\n')
        difference = b'{"difference":"different","key":%s,"value":-0.0,"other":1.5}\n' % large
        self.assertEqual(self.hmap("diff", "--json", "--values", file, other, code=NO).stdout,
                         difference)
        self.assertEqual(self.hmap("diff", "--values", file, other, code=NO).stdout,
                         b"!\t%s\t-0\t1.5\n" % large)
        self.assertIn(b'"key":%s,' % large,
                      self.hmap("merge", "--json", file, other, code=NO).stdout)
        self.assertIn(b'of the key "%s"' % large, self.hmap("merge", file, other, code=NO).stderr)
        # Stores that do not agree on what the bytes are.
        self.assertIn(b"\\xff" * 8, self.hmap("diff", file, self.file, code=NO).stdout)

    def test_inspect_takes_the_key_as_get_does(self):
        self.hmap("put", self.file, "42", "7")
        hexadecimal = "2a00000000000000"
        for key in (("42",), (hexadecimal, "--key-hex"), (hexadecimal, "--key-type", "hex")):
            tree = self.answer("inspect", self.file, "--json", "--key", *key)
            self.assertEqual(tree["meaning"], "found")
        self.hmap("inspect", self.file, "--key", "43", code=NO)
        refused = self.hmap("inspect", self.file, "--key", "x", code=USAGE)
        self.assertIn(b'the key "x" is no u64', refused.stderr)
        refused = self.hmap("inspect", self.file, "--key-hex", "--key", "2a", code=USAGE)
        self.assertIn(b"every key of this store has exactly 8 bytes", refused.stderr)

    def test_stat_names_the_type(self):
        # The fingerprint is that of hmap::Map<uint64_t, int32_t>: FNV-1a of "u64 8 8 -> i32 4 4".
        print_ = 0xcbf29ce484222325
        for byte in b"u64 8 8 -> i32 4 4":
            print_ = (print_ ^ byte) * 0x100000001b3 & 2**64 - 1
        self.assertEqual(json.loads(self.hmap("stat", "--json", self.file).stdout)["type"], {
            "key": {"kind": "fixed", "bytes": 8, "align": 8},
            "value": {"kind": "fixed", "bytes": 4, "align": 4},
            "name": "u64 -> i32", "fingerprint": f"{print_:016x}"})
        self.assertIn(b"  type                u64 -> i32 (key 8 bytes",
                      self.hmap("stat", self.file).stdout)

    def test_floating_point_and_bytes(self):
        path = self.path("floats.hmap")
        self.hmap("create", path, "--value-type", "f64")
        self.hmap("put", path, "pi", "3.141592653589793")
        self.hmap("put", path, "none", "nan")
        self.assertEqual(self.hmap("get", path, "pi").stdout, b"3.141592653589793\n")
        self.assertEqual(self.answer("get", "--json", path, "pi")["value"], 3.141592653589793)
        self.assertEqual(self.answer("get", "--json", path, "none")["value"], "nan")

    def test_floating_point_keys_are_those_of_the_library(self):
        """map_types.h: -0.0 is stored as +0.0, every NaN as the quiet one without a sign."""
        for key_type, zero, nan in (("f32", "00" * 4, "0000c07f"),
                                    ("f64", "00" * 8, "000000000000f87f")):
            types = ("--key-type", key_type, "--value-type", "f64")
            path = self.path(key_type)
            self.hmap("create", path, *types)
            self.hmap("put", path, "--", "-0", "-0")
            self.assertEqual(self.hmap("get", path, "0").stdout, b"-0\n")
            self.hmap("put", path, "--", "-nan", "1")
            self.assertEqual(self.hmap("get", path, "nan").stdout, b"1\n")
            self.hmap("get", path, "--", "-nan")
            keys = self.hmap("list", path, "--key-hex").stdout.decode().split()
            self.assertEqual(sorted(keys), [zero, nan])
            self.hmap("del", path, "--", "-0.0", "-nan")
            self.hmap("load", "--format", "tsv", *types, path, data=b"-0\t1\n0\t2\n-nan\t3\n")
            self.assertEqual(self.hmap("get", path, "--", "-0").stdout, b"2\n")
            self.assertEqual(self.hmap("get", path, "nan").stdout, b"3\n")
            self.hmap("del", path, "--keys-from", "-", data=b"-0\n-nan\n")
            self.assertEqual(self.hmap("list", path).stdout, b"")


if __name__ == "__main__":
    main()
