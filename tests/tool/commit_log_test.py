"""A store of commit mode after a power cut: with its commit log, and without it."""

import os
import shlex
import shutil
import subprocess

from support import CORRUPT, NO, SYSTEM, ToolTest, main


class CommitLog(ToolTest):
    def setUp(self):
        super().setUp()
        live = self.path("live.hmap")
        self.hmap("create", live)
        self.hmap("put", live, "before", "1")
        subprocess.run([os.environ["HMAP_COMMITTER"], live, "a", "b"], check=True)
        # Another inode: what a power cut leaves.
        shutil.copyfile(live, self.file)
        shutil.copyfile(live + "-wal", self.file + "-wal")

    def lose_log(self):
        os.unlink(self.file + "-wal")

    def test_without_its_log_each_verb_opens_it_when_told_so(self):
        self.lose_log()
        for arguments in (("get", "before"), ("put", "k", "v"), ("stat",), ("verify",), ("ps",)):
            verb, *rest = arguments
            error = self.error(verb, self.file, *rest, code=CORRUPT)
            self.assertEqual(error["code"], "BadLog")
            self.assertIn(f"hmap copy --ignore-log {self.file} NEW", error["hint"])
        self.assertEqual(self.hmap("get", "--ignore-log", self.file, "before").stdout, b"1")
        for verb in ("list", "dump", "stat", "sample", "verify", "ps"):
            self.hmap(verb, "--ignore-log", self.file)
        copy = self.path("copy.hmap")
        self.hmap("copy", "--ignore-log", self.file, copy)
        self.assertEqual(self.hmap("list", copy).stdout, b"before\n")
        self.hmap("get", self.file, "before", code=CORRUPT)  # Reading has changed nothing.

    def test_who_writes_gives_the_log_up(self):
        self.lose_log()
        for i, arguments in enumerate((("put", "k", "v"), ("del", "before"), ("compact",),
                                       ("compact", "--online"), ("ps", "--clear-dead"), ("load",))):
            copy = self.path(f"{i}.hmap")
            shutil.copyfile(self.file, copy)
            verb, *rest = arguments
            self.hmap(verb, "--ignore-log", copy, *rest, data=b"k\tv\n")
            self.hmap("verify", copy)
            self.hmap("get", copy, "a", code=NO)

    def test_writes_of_the_log_are_brought_in(self):
        hint = self.error("get", self.file, "a", code=SYSTEM)["hint"]
        command = next(part for part in hint.split(": ")[1].split("; "))
        self.hmap(*shlex.split(command)[1:])
        self.assertEqual(self.hmap("get", self.file, "a").stdout, b"value")

    def test_verify_checks_what_is_there(self):
        for options in ((), ("--durable",)):
            text = self.hmap("verify", *options, self.file).stdout.decode()
            self.assertIn("durable state, checkpoint ", text)
            self.assertIn("the commit log has writes that are not in the store yet\n", text)
            self.assertIn("nothing is wrong\n", text)
            self.assertIn(f"hmap ps --clear-dead {self.file}\n", text)
            answer = self.answer("verify", "--json", *options, self.file)
            self.assertTrue(answer["clean"])
            self.assertEqual(answer["durable"]["entries"], 1)
            self.assertIn("the commit log has writes", answer["unchecked"])
        self.hmap("get", self.file, "a", code=SYSTEM)  # It has changed nothing.
        self.hmap("verify", "--hold", self.file)
        self.assertEqual(self.hmap("get", self.file, "a").stdout, b"value")


if __name__ == "__main__":
    main()
