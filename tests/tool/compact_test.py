"""compact: smaller, with the same entries, in one step; or nothing, and why."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

from support import BUSY, CORRUPT, RECORDS, SYSTEM, USAGE, ToolTest, catches, main, tool
from terminal import Terminal, environment


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
        self.assertFalse(report["online"])
        # Some of it may have been given back when it was erased.
        self.assertLess(report["allocated_after"], full * 0.2)
        self.assertEqual(self.dump(), before)
        self.assertEqual(len(self.answer("stat", "--json", self.file)["shards"]), 2)
        self.hmap("verify", self.file)
        words = self.hmap("compact", self.file).stdout.decode()
        self.assertRegex(
            words,
            r"^new file with all 500 entries; [\d.]+ [KM]iB on disk before, [\d.]+ [KM]iB now "
            r"\([\d.]+ %\)\n$",
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
            self.assertNotIn("slot", error["what"])  # Nobody knows which.
            self.assertIn("hmap ps", error["hint"])
            self.assertIn("compact --online", error["hint"])
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
            self.assertEqual((report["online"], report["entries"]), (True, 501))
            self.assertGreater(report["records_moved"], 100)
            self.assertLess(report["allocated_after"], report["allocated_before"] * 0.5)
        self.assertEqual((inode, length), (os.stat(self.file).st_ino, report["bytes_after"]))
        self.hmap("del", self.file, "k")
        self.assertEqual(self.dump(), before)
        self.hmap("verify", self.file)
        words = self.hmap("compact", "--online", self.file).stdout.decode()
        self.assertRegex(
            words,
            r"^same file, [\d,]+ entries moved \(.*\); .* on disk before, .* now \([\d.]+ %\)\n$",
        )

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
        for option in (("--shards", "2"), ("--expect", "0"), ("--compress", "none")):
            error = self.error("compact", "--online", *option, self.file, code=USAGE)
            self.assertIn(f"{option[0]} is for a new file", error["what"])

    def test_a_signal_ends_it(self):
        self.make({b"%d" % i: b"w" * 2000 for i in range(30_000)})
        inode = os.stat(self.file).st_ino
        process = subprocess.Popen([tool(), "compact", self.file], stderr=subprocess.PIPE)
        while process.poll() is None and not catches(process.pid, signal.SIGTERM):
            time.sleep(0.002)
        process.send_signal(signal.SIGTERM)
        error = process.stderr.read()
        code = process.wait(60)
        process.stderr.close()
        self.assertEqual(os.listdir(self.place), ["a.hmap"])
        self.assertEqual(self.entries(), 30_000)
        if code != 0:  # Else it was faster.
            self.assertEqual(code, -signal.SIGTERM, error)
            self.assertIn(b"a.hmap: interrupted by a signal\n", error)
            self.assertEqual(os.stat(self.file).st_ino, inode)


class OnTerminal(ToolTest):
    ENTRIES = 5000
    BAR = rb"\r\x1b\[Kcompact +\d+% \[(\x1b\[36m)#*\x1b\[0m\.*\] [\d,]+ of 500 entries, [\d,]+/s, "

    def fill(self):
        """Nine of ten entries are erased: there is work to do, slowly with a small --rate."""
        self.make({b"%d" % i: b"v" * 1000 for i in range(self.ENTRIES)})
        self.hmap("del", self.file, *(str(i) for i in range(self.ENTRIES) if i % 10))

    def run_to(self, terminal, process, wanted=None):
        """What is drawn until `wanted` was seen, or to the end."""
        drawn, end = b"", time.monotonic() + 60
        while process.poll() is None and (wanted is None or not re.search(wanted, drawn)):
            drawn += terminal.read(0.05)
            self.assertLess(time.monotonic(), end, drawn)
        return drawn + terminal.read()

    def test_online_shows_how_far_it_is(self):
        self.fill()
        with Terminal() as terminal:
            arguments = ("compact", "--online", "--rate", "800k", self.file)
            with terminal.start(*arguments, stdout=subprocess.PIPE) as process:
                drawn = self.run_to(terminal, process)
                words = process.stdout.read()
            self.assertEqual(process.returncode, 0, drawn)
        self.assertRegex(drawn, self.BAR + rb"\d+:\d\d left")
        self.assertTrue(drawn.endswith(b"\r\x1b[K"), drawn[-80:])
        self.assertRegex(words, rb"^same file, [\d,]+ entries moved")

    def test_online_is_quiet_where_nobody_looks(self):
        self.fill()
        result = self.hmap("compact", "--online", "--rate", "800k", self.file, env=environment())
        self.assertEqual(result.stderr, b"")
        self.assertEqual(result.stdout.count(b"\n"), 1)

    def test_ctrl_c_keeps_what_is_done_and_the_next_run_goes_on(self):
        self.fill()
        full = os.stat(self.file).st_blocks
        with Terminal() as terminal:
            arguments = ("compact", "--online", "--rate", "50k", self.file)
            with terminal.start(*arguments, stdout=subprocess.PIPE) as process:
                self.assertRegex(self.run_to(terminal, process, self.BAR), self.BAR)
                terminal.type(b"\x03")
                drawn = self.run_to(terminal, process)
                words = process.stdout.read()
            self.assertEqual(process.returncode, -signal.SIGINT, drawn)
        self.assertTrue(drawn.endswith(b"\r\x1b[K"), drawn[-80:])
        self.assertRegex(words, rb"; not finished: the next call goes on from here\n$")
        self.assertEqual(os.listdir(self.place), ["a.hmap"])
        self.assertEqual(self.answer("ps", "--json", self.file)["processes"], [])
        self.hmap("verify", self.file)
        report = self.answer("compact", "--online", "--json", self.file)
        self.assertTrue(report["complete"])
        self.assertGreater(report["records_moved"], 0)
        self.assertLess(os.stat(self.file).st_blocks, full * 0.5)
        self.assertEqual(self.entries(), self.ENTRIES / 10)
        self.hmap("verify", self.file)


if __name__ == "__main__":
    main()
