"""copy: beside a writer, to a file and to a pipe; what it says; what it leaves."""

import json
import os
import pty
import signal
import subprocess
import time

from support import BUSY, CORRUPT, RECORDS, SYSTEM, USAGE, ToolTest, main, run, tool


class Copy(ToolTest):
    def setUp(self):
        super().setUp()
        self.new = self.path("new.hmap")

    def dump(self, file):
        """The records as a sorted list of lines; the order of a dump is random."""
        return sorted(self.hmap("dump", "--format", "jsonl", file).stdout.splitlines())

    def check(self, file):
        self.hmap("verify", file)
        self.assertEqual(self.dump(file), self.dump(self.file))

    def test_words_and_numbers(self):
        self.make()
        result = self.hmap("copy", self.file, self.new)
        self.assertRegex(
            result.stdout.decode(),
            rf"^{len(RECORDS)} entries copied, [\d.]+ [KM]iB of [\d.]+ [KM]iB\n$",
        )
        self.assertEqual(result.stderr, b"")
        self.check(self.new)
        report = self.answer("copy", "--json", "--shards", "8", self.file, self.path("b.hmap"))
        self.assertEqual(report["entries"], len(RECORDS))
        self.assertEqual(report["file_bytes"], os.path.getsize(self.path("b.hmap")))
        self.assertEqual(report["source_bytes"], os.path.getsize(self.file))
        self.assertEqual(len(self.answer("stat", "--json", self.path("b.hmap"))["shards"]), 8)

    def test_reflink(self):
        """Shared blocks or not, as the file system can; the answer says which."""
        self.make()
        report = self.answer("copy", "--json", "--reflink", self.file, self.new)
        self.assertEqual(report["entries"], len(RECORDS))
        self.assertEqual(report["file_bytes"], os.path.getsize(self.new))
        self.check(self.new)
        clones = subprocess.run(
            ["cp", "--reflink=always", self.file, self.path("by_cp")],
            stderr=subprocess.DEVNULL, check=False,
        ).returncode == 0
        self.assertEqual(report["reflink"], clones)
        words = self.hmap("copy", "--reflink", self.file, self.path("words.hmap")).stdout
        self.assertIn(b"shares its blocks" if clones else b"the file system shares no blocks",
                      words)
        plain = self.hmap("copy", self.file, self.path("plain.hmap")).stdout
        self.assertNotIn(b"blocks", plain)
        self.hmap("copy", "--reflink", self.file, "-", code=USAGE)
        for option in (("--shards", "8"), ("--compress", "lz4"), ("--expect", "9")):
            self.hmap("copy", "--reflink", *option, self.file, self.path("b.hmap"), code=USAGE)
        self.assertFalse(os.path.exists(self.path("b.hmap")))
        again = self.hmap("copy", "--reflink", self.file, self.new, code=SYSTEM)
        self.assertIn(b"Exists", again.stderr)

    def test_standard_output_is_the_store(self):
        self.make()
        result = self.hmap("copy", self.file, "-", "--tmp", str(self.place))
        self.assertEqual(result.stderr, b"")
        (self.place / "piped.hmap").write_bytes(result.stdout)
        self.check(self.path("piped.hmap"))
        self.assertEqual(sorted(os.listdir(self.place)), ["a.hmap", "piped.hmap"])
        # Another seed, so perhaps another size.
        again = self.hmap("copy", self.file, "-", env=dict(os.environ, TMPDIR=str(self.place)))
        (self.place / "again.hmap").write_bytes(again.stdout)
        self.check(self.path("again.hmap"))
        self.assertEqual(sorted(os.listdir(self.place)), ["a.hmap", "again.hmap", "piped.hmap"])

    def test_failures_of_a_stream_are_about_what_failed(self):
        self.make()
        error = self.error("copy", "--shards", "1", "--expect", "100000000000", self.file, "-",
                           code=USAGE)
        self.assertEqual((error["file"], error["note"]), (self.file, "no copy was made"))
        none = self.path("none")
        error = self.error("copy", self.file, "-", "--tmp", none, code=SYSTEM)
        self.assertEqual((error["file"], error["note"]), (none, "no copy was made"))
        self.assertIn("--tmp", error["hint"])

    def test_a_terminal_wants_no_store(self):
        self.make()
        ours, theirs = pty.openpty()
        result = run("copy", self.file, "-", stdout=theirs)
        os.close(theirs)
        os.close(ours)
        self.assertEqual(result.returncode, USAGE, result.stderr)

    def test_beside_a_writer(self):
        """A load that goes on: the copy is a store, with what was there before and no half."""
        self.make()
        writer = subprocess.Popen(
            [tool(), "load", "--format", "tsv", self.file], stdin=subprocess.PIPE
        )
        for i in range(20_000):
            writer.stdin.write(b"new%d\tvalue %d\n" % (i, i))
        writer.stdin.flush()
        while self.entries() < 10_000:
            time.sleep(0.01)
        report = self.answer("copy", "--json", self.file, self.new)
        self.assertGreater(report["epoch"], 0)
        writer.stdin.close()
        self.assertEqual(writer.wait(60), 0)
        self.hmap("verify", self.new)
        copied = self.dump(self.new)
        self.assertEqual(len(copied), report["entries"])
        self.assertGreaterEqual(len(copied), 10_000)
        self.assertLessEqual(set(copied), set(self.dump(self.file)))

    def test_failures_leave_nothing(self):
        self.make()
        error = self.error("copy", self.file, self.file, code=SYSTEM)
        self.assertEqual((error["code"], error["file"]), ("Exists", self.file))
        error = self.error("copy", self.file, self.path("no/such"), code=SYSTEM)
        self.assertEqual((error["code"], error["file"]), ("NotFound", self.path("no/such")))
        self.assertIn("directory", error["hint"])
        error = self.error("copy", self.path("nowhere"), self.new, code=SYSTEM)
        self.assertEqual((error["code"], error["file"]), ("NotFound", self.path("nowhere")))
        self.hmap("copy", "--shards", "3", self.file, self.new, code=USAGE)
        self.hmap("copy", self.file, code=USAGE)
        with open("/dev/full", "wb") as full:
            arguments = ("copy", self.file, "-", "--tmp", str(self.place))
            result = self.hmap(*arguments, stdout=full, code=SYSTEM)
        self.assertIn(b"standard output", result.stderr)
        self.assertEqual(os.listdir(self.place), ["a.hmap"])

    def test_a_damaged_source_is_told(self):
        self.make({b"ada": b"Lovelace" * 10})
        data = bytearray((self.place / "a.hmap").read_bytes())
        data[data.index(b"Lovelace")] ^= 1
        damaged = self.path("damaged.hmap")
        with open(damaged, "wb") as file:
            file.write(data)
        error = self.error("copy", damaged, self.new, code=CORRUPT)
        self.assertEqual(error["file"], damaged)
        self.assertFalse(os.path.exists(self.new))

    def test_a_stopped_writer(self):
        """Its lock keeps a snapshot from being taken: busy, with who it is, not a hang."""
        self.make()
        writer = subprocess.Popen(
            [tool(), "load", "--format", "tsv", self.file], stdin=subprocess.PIPE
        )
        try:
            writer.stdin.write(b"k\tv\n" * 50_000)
            writer.stdin.flush()
            writer.send_signal(signal.SIGSTOP)
            # Stopped between two writes it is in nobody's way: then the copy succeeds.
            result = run("copy", "--wait", "0.2", "--json", self.file, self.new)
            self.assertIn(result.returncode, (0, BUSY), result.stderr)
            if result.returncode == BUSY:
                self.assertEqual(json.loads(result.stderr)["error"]["code"], "Busy")
                self.assertFalse(os.path.exists(self.new))
        finally:
            writer.kill()
            writer.wait()
            writer.stdin.close()

    def test_a_signal_ends_it(self):
        records = {b"%d" % i: b"w" * 2000 for i in range(30_000)}
        self.make(records)
        process = subprocess.Popen([tool(), "copy", self.file, self.new], stderr=subprocess.PIPE)
        time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        error = process.stderr.read()
        code = process.wait(60)
        process.stderr.close()
        if code == 0:  # It was faster.
            return self.check(self.new)
        self.assertEqual(code, -signal.SIGINT, error)
        self.assertEqual(os.listdir(self.place), ["a.hmap"])


if __name__ == "__main__":
    main()
