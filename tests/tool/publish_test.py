"""publish: a store in the place of another one, and what it says when it cannot be."""

import json
import os
import subprocess
import time

from support import BUSY, NOT_A_STORE, SYSTEM, USAGE, ToolTest, main, tool


class Publish(ToolTest):
    def setUp(self):
        super().setUp()
        self.make()
        self.new = self.path("new.hmap")
        self.hmap("create", self.new)
        self.hmap("put", self.new, "who", "new")

    def test_words_and_numbers(self):
        result = self.hmap("publish", self.new, self.file)
        self.assertEqual(result.stdout, b"1 entries in the place of 16\n")
        self.assertEqual(result.stderr, b"")
        self.assertFalse(os.path.exists(self.new))
        self.assertEqual(self.hmap("get", self.file, "who").stdout, b"new")
        self.hmap("verify", self.file)
        self.hmap("create", self.new)
        answer = self.answer("publish", "--json", self.new, self.file)
        self.assertEqual(answer, {"file": self.file, "replaced": True, "entries": 0,
                                  "entries_before": 1, "writers": 0})

    def test_the_first_one(self):
        there = self.path("there.hmap")
        self.assertEqual(self.hmap("publish", self.new, there).stdout, b"1 entries\n")
        self.assertEqual(self.hmap("get", there, "who").stdout, b"new")
        missing = self.path("no/directory")
        failed = self.hmap("publish", there, missing, code=SYSTEM)
        self.assertIn(b"make the directory first", failed.stderr)
        self.assertTrue(os.path.exists(there))

    def test_who_watches_follows(self):
        """A program that has the old store open all the time."""
        watch = subprocess.Popen(
            [tool(), "watch", "--json", "--interval", "0.05", self.file],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(watch.kill)
        self.assertEqual(json.loads(watch.stdout.readline())["entries"], 16)
        self.hmap("publish", self.new, self.file)
        until = time.monotonic() + 60
        while json.loads(watch.stdout.readline())["entries"] != 1:
            self.assertLess(time.monotonic(), until)
        watch.kill()
        watch.communicate()

    def test_refused(self):
        text = self.path("text")
        with open(text, "w", encoding="ascii") as file:
            file.write("text")
        # About the file that is wrong, whichever it is.
        for new, old in ((text, self.file), (self.new, text)):
            failed = self.hmap("publish", new, old, code=NOT_A_STORE)
            self.assertIn(text.encode() + b": NotAStore", failed.stderr)
        failed = self.hmap("publish", self.path("nothing"), self.file, code=SYSTEM)
        self.assertIn(b"nothing: NotFound", failed.stderr)
        typed = self.path("typed.hmap")
        self.hmap("create", "--key-type", "u64", "--value-type", "u64", typed)
        failed = self.hmap("publish", typed, self.file, code=USAGE)
        self.assertIn(b"TypeMismatch", failed.stderr)
        self.assertIn(b"is as it was", failed.stderr)
        same = self.hmap("publish", self.file, self.file, code=USAGE)
        self.assertIn(b"a file of its own", same.stderr)
        os.link(self.file, self.path("link"))
        failed = self.hmap("publish", self.new, self.file, code=SYSTEM)
        self.assertIn(b"hard link", failed.stderr)
        failed = self.hmap("publish", "--json", self.new, self.file, code=SYSTEM)
        self.assertEqual(json.loads(failed.stderr)["error"]["code"], "Unsupported")

    def test_busy(self):
        loading = subprocess.Popen([tool(), "load", self.new], stdin=subprocess.PIPE,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(loading.kill)
        loading.stdin.write(b"a\tb\n" * 10000)
        loading.stdin.flush()
        until = time.monotonic() + 60
        while not json.loads(self.hmap("ps", "--json", self.new).stdout)["processes"]:
            self.assertLess(time.monotonic(), until)
        failed = self.hmap("publish", self.new, self.file, code=BUSY)
        self.assertIn(b"hmap ps", failed.stderr)
        self.assertNotIn(b"slot 0", failed.stderr)  # Nobody can tell in which one they are.
        loading.stdin.close()
        loading.wait()
        self.hmap("publish", self.new, self.file)
        self.assertEqual(self.hmap("get", self.file, "a").stdout, b"b")


if __name__ == "__main__":
    main()
