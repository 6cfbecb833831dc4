"""merge, diff, sample, warm and bench: what they say and what they change."""

import collections
import json
import os
import shutil

from support import CORRUPT, NO, RECORDS, SYSTEM, USAGE, ToolTest, main


class Stores(ToolTest):
    def make_at(self, name, records):
        path = self.path(name)
        self.hmap("create", path)
        lines = (b"+%d,%d:%s->%s\n" % (len(k), len(v), k, v) for k, v in records.items())
        self.hmap("load", "--format", "cdbmake", path, data=b"".join(lines) + b"\n")
        return path

    def records(self, path):
        """The small ones, which are text."""
        lines = self.hmap("dump", "--format", "jsonl", path).stdout.splitlines()
        return {r["key"]: r["value"] for r in map(json.loads, lines)}


class Merge(Stores):
    def setUp(self):
        super().setUp()
        self.file = self.make_at("a.hmap", {b"a": b"1", b"b": b"2"})
        self.second = self.make_at("b.hmap", {b"b": b"2", b"c": b"3"})
        self.third = self.make_at("c.hmap", {b"a": b"other", b"d": b"4"})

    def test_without_conflict(self):
        answer = self.answer("merge", "--json", self.file, self.second)
        counts = {name: answer[name] for name in ("added", "same", "replaced", "kept")}
        self.assertEqual(counts, {"added": 1, "same": 1, "replaced": 0, "kept": 0})
        self.assertEqual(self.records(self.file), {"a": "1", "b": "2", "c": "3"})
        words = self.hmap("merge", self.file, self.second).stdout
        self.assertEqual(words, b"0 added, 2 the same, 0 replaced, 0 kept\n")

    def test_a_conflict_changes_nothing(self):
        result = self.hmap("merge", self.file, self.second, self.third, code=NO)
        self.assertIn(b'different values of the key "a"', result.stderr)
        self.assertEqual(self.records(self.file), {"a": "1", "b": "2"})
        answer = self.answer("merge", "--json", self.file, self.second, self.third, code=NO)
        self.assertEqual(answer["conflict"]["key"], "a")
        self.assertEqual(answer["conflict"]["other"], self.third)
        # Also one between the others.
        fresh = self.path("fresh.hmap")
        self.hmap("merge", "--create", fresh, self.file, self.third, code=NO)
        self.assertFalse(os.path.exists(fresh))

    def test_rules(self):
        self.hmap("merge", "--on-conflict", "ours", self.file, self.third)
        self.assertEqual(self.records(self.file), {"a": "1", "b": "2", "d": "4"})
        answer = self.answer("merge", "--json", "--on-conflict", "theirs", self.file, self.third)
        self.assertEqual((answer["replaced"], answer["same"]), (1, 1))
        self.assertEqual(self.records(self.file), {"a": "other", "b": "2", "d": "4"})
        self.hmap("merge", "--on-conflict", "mine", self.file, self.third, code=USAGE)

    def test_create_and_failures(self):
        fresh = self.path("fresh.hmap")
        error = self.error("merge", fresh, self.second, code=SYSTEM)
        self.assertEqual(error["file"], fresh)
        self.hmap("merge", "--create", "--shards", "8", fresh, self.file, self.second)
        self.assertEqual(self.records(fresh), {"a": "1", "b": "2", "c": "3"})
        self.assertEqual(len(self.answer("stat", "--json", fresh)["shards"]), 8)
        for create, words in (((), "--shards is for --create"),
                              (("--create",), "--shards is for a new store")):
            error = self.error("merge", *create, "--shards", "2", fresh, self.file, code=USAGE)
            self.assertEqual((error["file"], error["what"].startswith(words)), (fresh, True))
        error = self.error("merge", self.file, self.path("nowhere"), code=SYSTEM)
        self.assertEqual(error["file"], self.path("nowhere"))
        self.hmap("merge", self.file, code=USAGE)
        # A store that was made goes away again with the merge that made it.
        shutil.copyfile(self.second, self.path("damaged.hmap"))
        with open(self.path("damaged.hmap"), "r+b") as file:
            at = file.read().index(b"c3")
            file.seek(at)
            file.write(b"X")
        another = self.path("another.hmap")
        rule = ("--create", "--on-conflict", "theirs")
        damaged = self.path("damaged.hmap")
        result = self.hmap("merge", *rule, another, self.file, damaged, code=CORRUPT)
        self.assertIn(b"another.hmap, made by this merge, was removed again", result.stderr)
        self.assertFalse(os.path.exists(another))
        result = self.hmap("merge", *rule, self.third, damaged, code=CORRUPT)
        self.assertIn(b"stored before, in ", result.stderr)
        self.assertEqual(self.records(self.third)["d"], "4")
        # Into itself nothing is new.
        self.hmap("merge", "--on-conflict", "theirs", self.file, self.file)
        self.assertEqual(self.records(self.file), {"a": "1", "b": "2"})


class Diff(Stores):
    def test_no_difference(self):
        self.make()
        self.hmap("copy", "--shards", "8", self.file, self.path("b.hmap"))
        self.assertEqual(self.hmap("diff", self.file, self.path("b.hmap")).stdout, b"")

    def test_differences(self):
        one = self.make_at("one", {b"a": b"1", b"b": b"2", b"t\tb": b"x"})
        two = self.make_at("two", {b"b": b"3", b"c": b"4", b"t\tb": b"x", b"\xff": b""})
        lines = self.hmap("diff", one, two, code=NO).stdout.splitlines()
        self.assertEqual(sorted(lines), [b"!\tb", b"+\t\\xff", b"+\tc", b"-\ta"])
        lines = self.hmap("diff", "--values", one, two, code=NO).stdout.splitlines()
        self.assertEqual(sorted(lines), [b"!\tb\t2\t3", b"+\t\\xff\t", b"+\tc\t4", b"-\ta\t1"])
        result = self.hmap("diff", "--json", "--values", one, two, code=NO)
        found = [json.loads(line) for line in result.stdout.splitlines()]
        self.assertIn({"difference": "different", "key": "b", "value": "2", "other": "3"}, found)
        self.assertIn({"difference": "only_file", "key": "a", "value": "1"}, found)
        self.assertIn({"difference": "only_other", "key_b64": "/w==", "value": ""}, found)
        self.assertEqual(self.hmap("diff", "--quiet", one, two, code=NO).stdout, b"")
        # Each way of being different is enough.
        three = self.make_at("three", {b"a": b"1", b"b": b"2"})
        self.hmap("diff", "--quiet", one, three, code=NO)
        self.hmap("diff", "--quiet", three, one, code=NO)
        self.hmap("put", three, "b", "other")
        self.hmap("del", one, "t\tb")
        self.hmap("diff", "--quiet", three, one, code=NO)
        self.hmap("diff", one, self.path("nowhere"), code=SYSTEM)


class Sample(Stores):
    def test_some(self):
        self.make()
        text = self.hmap("sample", "--count", "5", "--format", "jsonl", self.file).stdout
        self.assertEqual(len(text.splitlines()), 5)
        everything = self.hmap("sample", "--count", "99", "--format", "db", self.file).stdout
        copy = self.path("copy.hmap")
        self.hmap("load", copy, data=everything)
        self.assertEqual(self.answer("stat", "--json", copy)["entries"], len(RECORDS))
        self.assertEqual(self.hmap("sample", "--count", "0", self.file).stdout, b"")

    def test_each_is_as_likely_as_another(self):
        self.make({b"%d" % i: b"" for i in range(20)})
        drawn = collections.Counter()
        for seed in range(100):
            text = self.hmap("sample", "--count", "4", "--seed", str(seed), self.file).stdout
            lines = text.splitlines()
            self.assertEqual(len(set(lines)), 4)
            drawn.update(lines)
        # 20 on the average, with a deviation below 5.
        self.assertEqual(len(drawn), 20)
        self.assertGreater(min(drawn.values()), 5)
        self.assertLess(max(drawn.values()), 40)
        first = self.hmap("sample", "--seed", "7", self.file).stdout
        self.assertEqual(self.hmap("sample", "--seed", "7", self.file).stdout, first)


class WarmAndBench(Stores):
    def test_warm(self):
        self.make({b"%d" % i: b"w" * 1000 for i in range(2000)})
        fd = os.open(self.file, os.O_RDWR)
        self.addCleanup(os.close, fd)
        os.fsync(fd)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        answer = self.answer("warm", "--json", self.file)
        size = os.path.getsize(self.file)
        self.assertEqual(answer["file_bytes"], size)
        # What the system keeps is its business, and holes of a tmpfs are nowhere.
        self.assertLessEqual(answer["resident_before"], answer["resident_after"])
        self.assertLessEqual(answer["resident_after"], size)
        self.assertGreater(answer["resident_after"], size // 4)
        self.assertRegex(self.hmap("warm", self.file).stdout, rb"in memory before, .* now\n$")
        self.hmap("warm", self.path("nowhere"), code=SYSTEM)

    def test_bench_says_what_the_directory_has_to_be(self):
        self.make()
        for place in (self.path("nowhere"), self.file):
            error = self.error("bench", place, code=SYSTEM)
            self.assertEqual((error["code"], error["file"]), ("NotFound", place))
            self.assertIn("has to be a directory", error["hint"])

    def test_bench(self):
        arguments = ("bench", "--entries", "3000", "--threads", "2", str(self.place))
        answer = self.answer(*arguments, "--json")
        names = [step["name"] for step in answer["steps"]]
        self.assertEqual(names[:3], ["insert", "checkpoint", "get"])
        for step in answer["steps"]:
            self.assertGreater(step["seconds"], 0)
            self.assertEqual(step["operations"], 1 if step["name"] == "checkpoint" else 3000)
        text = self.hmap(*arguments).stdout.decode()
        self.assertRegex(text, r"(?m)^  get +[\d.]+ s +[\d,]+/s$")
        self.assertEqual(os.listdir(self.place), [])
        self.hmap("bench", self.path("no/such"), code=SYSTEM)
        self.hmap("bench", "--threads", "0", code=USAGE)


if __name__ == "__main__":
    main()
