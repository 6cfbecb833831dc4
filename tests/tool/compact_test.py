"""compact: smaller, with the same entries, in one step; or nothing, and why."""

import json
import os
import shutil
import signal
import subprocess
import time

from support import BUSY, CORRUPT, RECORDS, SYSTEM, USAGE, ToolTest, main, tool


def catches(pid, number):
    """Whether the process has a handler of its own for the signal."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        caught = next(line for line in status if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> number - 1 & 1


class Compact(ToolTest):
    def dump(self):
        """The records as a sorted list of lines; the order of a dump is random."""
        return sorted(self.hmap("dump", "--format", "jsonl", self.file).stdout.splitlines())

    def test_words_and_numbers(self):
        records = {b"%d" % i: b"v" * 1000 for i in range(5000)}
        self.make(records)
        full = os.stat(self.file).st_blocks * 512
        self.hmap("del", self.file, *(str(i) for i in range(4500)))
        before = self.dump()
        report = self.answer("compact", "--json", "--shards", "2", self.file)
        self.assertEqual(report["entries"], 500)
        self.assertEqual(report["bytes_after"], os.path.getsize(self.file))
        self.assertEqual(report["allocated_after"], os.stat(self.file).st_blocks * 512)
        # Some of it may have been given back when it was erased.
        self.assertLess(report["allocated_after"], full * 0.2)
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

    def test_online_beside_a_writer(self):
        self.make({b"%d" % i: b"v" * 1000 for i in range(5000)})
        self.hmap("del", self.file, *(str(i) for i in range(5000) if i % 10))
        before = self.dump()
        inode = os.stat(self.file).st_ino
        length = os.path.getsize(self.file)
        with subprocess.Popen(
            [tool(), "load", "--format", "tsv", self.file],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        ) as writer:
            writer.stdin.write(b"k\tv\n" * 100_000)
            writer.stdin.flush()
            report = self.answer("compact", "--online", "--json", self.file)
            self.assertTrue(report["complete"])
            self.assertGreater(report["records_moved"], 100)
            self.assertLess(report["allocated_after"], report["allocated_before"] * 0.5)
        self.assertEqual((inode, length), (os.stat(self.file).st_ino, report["file_bytes"]))
        self.hmap("del", self.file, "k")
        self.assertEqual(self.dump(), before)
        self.hmap("verify", self.file)
        words = self.hmap("compact", "--online", self.file).stdout.decode()
        self.assertRegex(words, r"^[\d,]+ records moved, .* on disk before, .* now \([\d.]+ %\)\n$")

    def test_online_ended_by_a_signal_keeps_what_is_done(self):
        self.make({b"%d" % i: b"v" * 1000 for i in range(5000)})
        self.hmap("del", self.file, *(str(i) for i in range(5000) if i % 10))
        before = self.dump()
        process = subprocess.Popen(
            [tool(), "compact", "--online", "--rate", "10k", "--json", self.file],
            stdout=subprocess.PIPE,
        )
        while not catches(process.pid, signal.SIGINT):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        report = json.loads(process.stdout.read())
        self.assertEqual(process.wait(60), -signal.SIGINT)
        process.stdout.close()
        self.assertFalse(report["complete"])
        self.assertEqual(self.dump(), before)
        self.hmap("verify", self.file)

    def test_online_options(self):
        self.make()
        error = self.error("compact", "--rate", "1k", self.file, code=USAGE)
        self.assertIn("--online", error["what"])
        self.error("compact", "--online", "--shards", "2", self.file, code=USAGE)

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
