"""train and --compress: smaller, with the same entries; or nothing, and why."""

import json
import os
import subprocess
import time

from support import BUSY, SYSTEM, USAGE, ToolTest, main, tool


def text(number):
    return json.dumps({"id": number, "mail": f"user.{number * 7}@example.org",
                       "roles": ["reader", "writer"], "active": True}).encode()


RECORDS = {b"key %d" % i: text(i) for i in range(4000)}


class Train(ToolTest):
    def dump(self):
        return sorted(self.hmap("dump", "--format", "jsonl", self.file).stdout.splitlines())

    def test_the_store_is_made_anew(self):
        self.make(RECORDS)
        before = self.dump()
        self.assertEqual(self.answer("stat", "--json", self.file)["compression"], "none")
        words = self.hmap("train", self.file).stdout.decode()
        self.assertRegex(words, r"^a dictionary of [\d.]+ [Ki]*B; 4,000 entries, [\d.]+ [KM]iB on "
                                r"disk before, [\d.]+ [KM]iB now \([\d.]+ %\)\n$")
        self.assertEqual(self.dump(), before)
        self.hmap("verify", self.file)
        stat = self.answer("stat", "--json", self.file)
        self.assertEqual(stat["compression"], "lz4")
        self.assertEqual(stat["compressed"]["values"], 4000)
        self.assertEqual(stat["compressed"]["uncompressed_bytes"],
                         sum(len(value) for value in RECORDS.values()))
        self.assertLess(stat["compressed"]["bytes"], stat["compressed"]["uncompressed_bytes"] / 2)
        shown = self.hmap("stat", self.file).stdout.decode()
        self.assertRegex(shown, r"method +lz4 with a dictionary of [\d.]+ [Ki]*B\n")
        self.assertRegex(shown, r"compressed values +4,000 \(100\.?0? % of the entries\)\n")
        report = self.answer("train", "--json", "--bytes", "1024", self.file)
        self.assertLessEqual(report["dictionary_bytes"], 1024)
        self.assertEqual(self.dump(), before)
        self.assertEqual(os.listdir(self.place), ["a.hmap"])

    def test_refused_before_the_work(self):
        """The store has too few values for a dictionary: that it is in use is said first."""
        self.make({b"key": b"value"})
        self.hmap("train", self.file, code=USAGE)
        load = subprocess.Popen([tool(), "load", "--format", "tsv", self.file],
                                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        self.addCleanup(load.wait)
        self.addCleanup(load.stdin.close)
        load.stdin.write(b"a\tb\n" * 100_000)
        load.stdin.flush()
        until = time.monotonic() + 60
        while not json.loads(self.hmap("ps", "--json", self.file).stdout)["processes"]:
            self.assertLess(time.monotonic(), until)
        busy = self.hmap("train", self.file, code=BUSY)
        self.assertIn(b"others have the store open for writing", busy.stderr)
        self.assertIn(b"hmap train --output", busy.stderr)
        # Only a dictionary: that changes nothing, and finds too few values.
        self.hmap("train", "--output", self.path("a.dict"), self.file, code=USAGE)

    def test_a_dictionary_for_another_store(self):
        self.make(RECORDS)
        inode = os.stat(self.file).st_ino
        path = self.path("a.dict")
        report = self.answer("train", "--json", "--output", path, self.file)
        self.assertEqual(report["dictionary_bytes"], os.path.getsize(path))
        self.assertEqual(os.stat(self.file).st_ino, inode)
        self.hmap("train", "--output", path, self.file, code=SYSTEM)
        other = self.path("b.hmap")
        self.hmap("create", "--dictionary", path, other)
        self.assertEqual(self.answer("stat", "--json", other)["dictionary_bytes"],
                         os.path.getsize(path))
        self.hmap("put", other, "key", text(7).decode())
        self.assertEqual(self.hmap("get", other, "key").stdout, text(7))
        self.assertEqual(self.answer("stat", "--json", other)["compressed"]["values"], 1)

    def test_load_and_compact_compress(self):
        data = b"".join(key + b"\t" + value * 3 + b"\n" for key, value in RECORDS.items())
        self.hmap("load", "--format", "tsv", "--compress", "lz4", self.file, data=data)
        self.assertEqual(self.answer("stat", "--json", self.file)["compressed"]["values"], 4000)
        before = self.dump()
        self.hmap("compact", "--compress", "none", self.file)
        self.assertEqual(self.answer("stat", "--json", self.file)["compression"], "none")
        self.assertEqual(self.dump(), before)

    def test_failures(self):
        self.make({b"one": b"value"})
        self.hmap("train", self.path("nowhere"), code=SYSTEM)
        error = self.error("train", self.file, code=USAGE)
        self.assertIn("too few values", error["what"])
        self.assertIn("--compress lz4", error["hint"])
        self.hmap("train", "--bytes", "100", self.file, code=USAGE)
        self.hmap("train", "--bytes", "1M", self.file, code=USAGE)
        self.hmap("create", "--compress", "zip", self.path("b.hmap"), code=USAGE)
        (self.place / "empty").write_bytes(b"")
        (self.place / "long").write_bytes(b"x" * 65537)
        for name in ("empty", "long"):
            self.hmap("create", "--dictionary", self.path(name), self.path("b.hmap"), code=USAGE)
        self.hmap("create", "--dictionary", self.path("none"), self.path("b.hmap"), code=SYSTEM)
        self.hmap("create", "--compress", "none", "--dictionary", self.path("long"),
                  self.path("b.hmap"), code=USAGE)
        self.assertFalse(os.path.exists(self.path("b.hmap")))


class Refused(ToolTest):
    def test_output_says_what_is_in_the_way_before_the_work(self):
        self.make({b"%d" % n: b"some value of an entry, number %d" % n for n in range(3000)})
        there = self.path("there")
        for output, code, words in ((self.file, "Exists", "choose another name"),
                                    (there + "/x", "NotFound", "make the directory first"),
                                    (self.file + "/x", "NotFound", "make the directory first")):
            error = self.error("train", "--output", output, self.file, code=SYSTEM)
            self.assertEqual((error["code"], error["file"]), (code, output))
            self.assertIn(words, error["hint"])
        self.hmap("train", "--output", there, self.file)
        self.assertEqual(self.error("train", "--output", there, self.file, code=SYSTEM)["code"],
                         "Exists")


if __name__ == "__main__":
    main()
