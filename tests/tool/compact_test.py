"""compact: smaller, with the same entries, in one step; or nothing, and why."""

import os
import shutil
import signal
import subprocess
import time

from support import BUSY, CORRUPT, RECORDS, SYSTEM, USAGE, ToolTest, main, tool


class Compact(ToolTest):
    def dump(self):
        """The records as a sorted list of lines; the order of a dump is random."""
        return sorted(self.hmap("dump", "--format", "jsonl", self.file).stdout.splitlines())

    def test_words_and_numbers(self):
        records = {b"%d" % i: b"v" * 1000 for i in range(5000)}
        self.make(records)
        self.hmap("del", self.file, *(str(i) for i in range(4500)))
        before = self.dump()
        report = self.answer("compact", "--json", "--shards", "2", self.file)
        self.assertEqual(report["entries"], 500)
        self.assertEqual(report["bytes_after"], os.path.getsize(self.file))
        self.assertEqual(report["allocated_after"], os.stat(self.file).st_blocks * 512)
        self.assertLess(report["allocated_after"], report["allocated_before"] * 0.15)
        self.assertEqual(self.dump(), before)
        self.assertEqual(len(self.answer("stat", "--json", self.file)["shards"]), 2)
        self.hmap("verify", self.file)
        words = self.hmap("compact", self.file).stdout.decode()
        self.assertRegex(
            words, r"^500 entries; [\d.]+ [KM]iB on disk before, [\d.]+ [KM]iB now \([\d.]+ %\)\n$"
        )
        self.assertEqual(os.listdir(self.place), ["a.hmap"])

    def test_others_have_it(self):
        self.make()
        inode = os.stat(self.file).st_ino
        with subprocess.Popen(
            [tool(), "load", "--format", "tsv", self.file],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        ) as writer:
            writer.stdin.write(b"k\tv\n" * 100_000)
            writer.stdin.flush()
            error = self.error("compact", self.file, code=BUSY)
            self.assertEqual(error["code"], "Busy")
            self.assertIn("hmap ps", error["hint"])
        self.assertEqual(os.stat(self.file).st_ino, inode)
        self.hmap("compact", self.file)
        self.assertNotEqual(os.stat(self.file).st_ino, inode)
        self.assertEqual(self.entries(), len(RECORDS) + 1)

    def test_failures(self):
        self.make({b"ada": b"Lovelace" * 10})
        self.hmap("compact", self.path("nowhere"), code=SYSTEM)
        self.hmap("compact", "--shards", "3", self.file, code=USAGE)
        data = bytearray((self.place / "a.hmap").read_bytes())
        data[data.index(b"Lovelace")] ^= 1
        damaged = self.path("damaged.hmap")
        with open(damaged, "wb") as file:
            file.write(data)
        error = self.error("compact", damaged, code=CORRUPT)
        self.assertIn("recover", error["hint"])
        self.assertIn("is as it was", error["note"])
        with open(damaged, "rb") as file:
            self.assertEqual(file.read()[-1000:], bytes(data[-1000:]))
        os.link(self.file, self.path("link"))
        self.assertIn("link", self.error("compact", self.file, code=SYSTEM)["what"])
        self.assertEqual(sorted(os.listdir(self.place)), ["a.hmap", "damaged.hmap", "link"])

    def test_an_entry_that_nobody_reaches_is_not_lost_in_silence(self):
        """A slot that says it is empty: the store has fewer entries than it counts."""
        self.make({b"ada": b"Lovelace", b"grace": b"Hopper"})
        damaged = self.path("damaged.hmap")
        shutil.copyfile(self.file, damaged)
        steps = self.answer("inspect", damaged, "--json", "--key", "ada")["children"]
        bucket = next(n for n in steps if n["name"].startswith("bucket") and "offset" in n)
        slot = next(n["name"] for n in bucket["children"] if n["name"].startswith("slot"))
        with open(damaged, "r+b") as file:
            file.seek(bucket["offset"] + int(slot.split()[1]))
            file.write(b"\x01")
        error = self.error("compact", damaged, code=CORRUPT)
        self.assertIn("not as many entries as it says", error["what"])
        self.error("copy", damaged, self.path("new.hmap"), code=CORRUPT)
        self.assertEqual(sorted(os.listdir(self.place)), ["a.hmap", "damaged.hmap"])

    def test_a_signal_ends_it(self):
        self.make({b"%d" % i: b"w" * 2000 for i in range(30_000)})
        inode = os.stat(self.file).st_ino
        process = subprocess.Popen([tool(), "compact", self.file], stderr=subprocess.PIPE)
        time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        error = process.stderr.read()
        code = process.wait(60)
        process.stderr.close()
        self.assertEqual(os.listdir(self.place), ["a.hmap"])
        self.assertEqual(self.entries(), 30_000)
        if code != 0:  # Else it was faster.
            self.assertEqual(code, -signal.SIGTERM, error)
            self.assertEqual(os.stat(self.file).st_ino, inode)


if __name__ == "__main__":
    main()
