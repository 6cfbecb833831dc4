"""Each verb: what it does, what it writes, and its answer with --json."""

import base64
import json
import re

from support import NO, RECORDS, USAGE, ToolTest, main


class Create(ToolTest):
    def test_makes_an_empty_store_and_says_nothing(self):
        result = self.hmap("create", self.file)
        self.assertEqual(result.stdout + result.stderr, b"")
        self.assertEqual(self.entries(), 0)

    def test_takes_shards_and_expected_entries(self):
        answer = self.answer("create", "--json", self.file, "--shards", "4", "--expect", "1000")
        self.assertTrue(answer["created"])
        self.assertEqual(len(self.answer("stat", "--json", self.file)["shards"]), answer["shards"])

    def test_refuses_numbers_that_make_no_sense(self):
        for shards in ("3", "512", "-1", "many"):
            self.hmap("create", self.file, "--shards", shards, code=USAGE)
        for arguments in (("--mode", "9"), ("--mode", "7777"), ("--durability", "often")):
            self.hmap("create", self.file, *arguments, code=USAGE)
        self.assertEqual(list(self.place.iterdir()), [])

    def test_a_number_out_of_range_is_told_with_the_option_and_the_range(self):
        """0 is out of range, and not another word for the default."""
        for option, value, words in (
                ("--slots", "0", "takes 1 to 255"), ("--slots", "256", "takes 1 to 255"),
                ("--slots", "-1", "takes 1 to 255"), ("--slots", "4294967297", "takes 1 to 255"),
                ("--shards", "0", "takes 1 to 256"), ("--shards", "x", "takes 1 to 256"),
                ("--shards", "3", "is not a power of two"),
                ("--intent-words", "0", "takes 64 to 256"),
                ("--block-bytes", "0", "takes 512 to 65,536 bytes"),
                ("--block-bytes", "128k", "takes 512 to 65,536 bytes"),
                ("--block-bytes", "4x", "takes 512 to 65,536 bytes"),
                ("--extent-bytes", "1", "takes 2,048 to 16,777,216 bytes"),
                ("--expect", "-1", "takes a whole number")):
            error = self.error("create", self.file, option, value, code=USAGE)
            self.assertIn(option, error["what"])
            self.assertIn(words, error["what"])
        # What the library finds.
        for option, value, words in (("--block-bytes", "1000", "block_bytes: a power of two"),
                                     ("--extent-bytes", "8KiB", "at least 4 times block_bytes"),
                                     ("--block-bytes", "512", "extent_bytes: at most")):
            error = self.error("create", self.file, option, value, code=USAGE)
            self.assertIn(words, error["what"])
            self.assertIn(option, error["hint"])
        new = self.path("new.hmap")
        for verb in (("load", new), ("compact", new), ("copy", new, new), ("merge", new, new),
                     ("bench", new), ("recover", new, new)):
            self.assertIn("--shards takes 1 to 256",
                          self.error(*verb, "--shards", "0", code=USAGE)["what"])
        for option, value in (("--damaged-shards", "0"), ("--damaged-block-bytes", "4294971392")):
            error = self.error("recover", new, new, option, value, code=USAGE)
            self.assertIn(option, error["what"])
        self.assertEqual(list(self.place.iterdir()), [])

    def test_gives_the_file_the_mode_asked_for(self):
        self.hmap("create", self.file, "--mode", "0600")
        self.assertEqual((self.place / "a.hmap").stat().st_mode & 0o777, 0o600)

    def test_takes_geometry(self):
        sizes = ("--slots", "7", "--block-bytes", "512", "--extent-bytes", "4KiB")
        self.hmap("create", self.file, *sizes)
        stat = self.answer("stat", "--json", self.file)
        self.assertEqual((stat["slots"], stat["block_bytes"], stat["extent_bytes"]), (7, 512, 4096))


class PutGetDel(ToolTest):
    def test_put_then_get_gives_the_bytes_and_nothing_else(self):
        self.hmap("create", self.file)
        self.assertEqual(self.hmap("put", self.file, "ada", "Lovelace").stdout, b"")
        self.assertEqual(self.hmap("get", self.file, "ada").stdout, b"Lovelace")

    def test_values_come_from_standard_input(self):
        self.hmap("create", self.file)
        value = bytes(range(256)) * 5000
        self.hmap("put", self.file, "big", "-", data=value)
        self.assertEqual(self.hmap("get", self.file, "big").stdout, value)

    def test_hex_arguments(self):
        self.hmap("create", self.file)
        self.hmap("put", self.file, "--key-hex", "00Ff", "--value-hex", "2d")
        self.assertEqual(self.hmap("get", self.file, "--key-hex", "00fF").stdout, b"-")
        result = self.hmap("get", self.file, "--key-hex", "00ff", "--value-hex")
        self.assertEqual(result.stdout, b"2d\n")
        self.hmap("del", self.file, "--key-hex", "00ff")
        self.hmap("get", self.file, "--key-hex", "00ff", code=NO)
        for wrong in ("0", "0g", "0x00"):
            self.hmap("get", self.file, "--key-hex", wrong, code=USAGE)

    def test_any_argument_can_be_a_key_or_a_value(self):
        """CLI11 gives meanings to most of these; none may reach the store changed."""
        self.hmap("create", self.file)
        words = ["[a,b]", "[", "[]", "{}", "{a}", "%%", "++", "", "-5", "a=b", "list", "put", "#"]
        words += ["\x01", "\x01[", "'", '"quoted"', " blank ", "a,b", "\u00e9"]
        for word in words:
            self.hmap("put", self.file, word, "value of " + word)
            self.hmap("put", self.file, "a key", word)
            self.assertEqual(self.hmap("get", self.file, "a key").stdout, word.encode(), word)
        for word in words:
            self.assertEqual(self.hmap("get", self.file, word).stdout, b"value of " + word.encode())
        self.hmap("del", self.file, "a key", *words)
        self.assertEqual(self.entries(), 0)

    def test_arguments_with_dashes_follow_two_dashes(self):
        self.hmap("create", self.file)
        self.hmap("put", self.file, "--", "--json", "-x")
        self.assertEqual(self.hmap("get", self.file, "--", "--json").stdout, b"-x")
        self.hmap("put", self.file, "--", "--a=[b]", "v")
        self.assertEqual(self.hmap("get", self.file, "--", "--a=[b]").stdout, b"v")
        self.hmap("get", self.file, "--no-such-option", code=USAGE)

    def test_put_can_insist_on_absence_or_presence(self):
        self.hmap("create", self.file)
        self.hmap("put", self.file, "--only-replace", "k", "1", code=NO)
        self.hmap("put", self.file, "--no-overwrite", "k", "2")
        self.hmap("put", self.file, "--no-overwrite", "k", "3", code=NO)
        self.assertEqual(self.hmap("get", self.file, "k").stdout, b"2")
        self.hmap("put", self.file, "--only-replace", "k", "4")
        self.assertEqual(self.hmap("get", self.file, "k").stdout, b"4")
        self.hmap("put", self.file, "--only-replace", "--no-overwrite", "k", "5", code=USAGE)

    def test_put_makes_a_store_only_when_asked(self):
        self.hmap("put", self.file, "k", "v", code=5)
        self.assertEqual(list(self.place.iterdir()), [])
        self.hmap("put", self.file, "k", "v", "--create", "--sync", "--wait", "1")
        self.assertEqual(self.hmap("get", self.file, "k").stdout, b"v")

    def test_get_of_an_absent_key_is_silent(self):
        self.make()
        result = self.hmap("get", self.file, "absent", code=NO)
        self.assertEqual(result.stdout + result.stderr, b"")

    def test_del_removes_what_is_there_and_tells_of_the_rest(self):
        self.make({b"a": b"1", b"b": b"2", b"c": b"3"})
        self.hmap("del", self.file, "a", "nope", "b", code=NO)
        self.assertEqual(self.hmap("list", self.file).stdout, b"c\n")
        self.hmap("del", self.file, "c")
        self.assertEqual(self.entries(), 0)

    def test_json(self):
        self.make()
        self.assertEqual(
            self.answer("put", "--json", self.file, "k", "v"),
            {"key": "k", "value_bytes": 1, "stored": True},
        )
        self.assertEqual(self.answer("get", "--json", self.file, "k"), {"key": "k", "value": "v"})
        self.assertEqual(
            self.answer("get", "--json", self.file, "--key-hex", "fffe80"),
            {"key_b64": "//6A", "value_b64": base64.b64encode(bytes(range(256))).decode()},
        )
        self.assertEqual(
            self.answer("get", "--json", self.file, "nope", code=NO), {"key": "nope", "value": None}
        )
        self.assertEqual(
            self.answer("del", "--json", self.file, "k", "nope", code=NO),
            {"removed": 1, "absent": [{"key": "nope"}]},
        )


class List(ToolTest):
    def test_escapes_keys(self):
        self.make()
        lines = self.hmap("list", self.file).stdout.split(b"\n")
        self.assertEqual(lines.pop(), b"")
        expected = [rb"plain", rb"empty", rb"nul\x00in", rb"new\nline", rb"back\\slash", rb" lead"]
        expected += [rb"tab\tkey", "uni-\u00e9-\u65e5\u672c".encode(), rb"\xff\xfe\x80"]
        expected += [b"long" * 20, rb"DATA=END", rb"cr\r", rb"#:len=1", rb"+1,1:a->b", rb'"q"']
        self.assertEqual(sorted(lines), sorted(expected + [rb"\x7f"]))

    def test_prefix_and_limit(self):
        self.make({f"user:{i}".encode(): b"" for i in range(50)} | {b"other": b"", b"": b""})
        lines = self.hmap("list", self.file, "--prefix", "user:4").stdout.split()
        self.assertEqual(sorted(lines), [b"user:4"] + [b"user:4%d" % i for i in range(10)])
        self.assertEqual(len(self.hmap("list", self.file, "--limit", "7").stdout.splitlines()), 7)
        self.assertEqual(self.hmap("list", self.file, "--limit", "0").stdout, b"")
        self.assertEqual(self.hmap("list", self.file, "--prefix", "nobody").stdout, b"")
        self.assertEqual(len(self.hmap("list", self.file).stdout.splitlines()), 52)
        self.hmap("list", self.file, "--limit", "-1", code=USAGE)

    def test_hex(self):
        self.make({b"\0a": b"", b"b": b""})
        result = self.hmap("list", self.file, "--key-hex", "--prefix", "00")
        self.assertEqual(result.stdout, b"0061\n")

    def test_json(self):
        self.make()
        found = set()
        for line in self.hmap("list", "--json", self.file).stdout.splitlines():
            item = json.loads(line)
            key = item["key"].encode() if "key" in item else base64.b64decode(item["key_b64"])
            found.add(key)
        self.assertEqual(found, set(RECORDS))


class Dump(ToolTest):
    def test_json_is_the_format_jsonl(self):
        self.make({b"a": b"1"})
        result = self.hmap("dump", "--json", self.file)
        self.assertEqual(result.stdout, b'{"key":"a","value":"1"}\n')
        self.hmap("dump", "--json", "--format", "jsonl", self.file)
        self.hmap("dump", "--json", "--format", "tsv", self.file, code=USAGE)
        self.hmap("dump", "--format", "xml", self.file, code=USAGE)

    def test_of_an_empty_store_is_complete(self):
        self.make({})
        self.assertEqual(
            self.hmap("dump", self.file).stdout,
            b"VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\nDATA=END\n",
        )
        self.assertEqual(self.hmap("dump", "--format", "cdbmake", self.file).stdout, b"\n")
        self.assertEqual(self.hmap("dump", "--format", "tsv", self.file).stdout, b"")
        self.assertEqual(self.hmap("dump", "--format", "jsonl", self.file).stdout, b"")


class Help(ToolTest):
    def test_lists_verbs_and_exit_codes(self):
        text = self.hmap("--help").stdout.decode()
        for verb in ("create", "put", "get", "del", "list", "load", "dump", "stat"):
            self.assertRegex(text, rf"(?m)^  {verb} ")
            page = self.hmap(verb, "--help").stdout.decode()
            self.assertRegex(page, rf"(?s)Example.*  hmap {verb} ")
        self.assertIn("Exit codes", text)

    def test_version_names_the_format_that_is_written(self):
        text = self.hmap("--version").stdout.decode()
        versions = re.fullmatch(r"hmap \d+\.\d+\.\d+ \(file format version (\d+)\)\n", text)
        self.assertTrue(versions, text)
        self.hmap("create", self.file)
        stat = self.answer("stat", "--json", self.file)
        self.assertEqual(int(versions[1]), stat["format_version"])


if __name__ == "__main__":
    main()
