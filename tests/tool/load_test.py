"""What load does with the store: makes it, fills it, leaves nothing behind when it fails."""

import array
import fcntl
import os
import signal
import subprocess
import termios
import time

from support import CORRUPT, SYSTEM, USAGE, ToolTest, catches, main, tool

GOOD = b"a\t1\nb\t2\n"
BAD = GOOD + b"no tab\nc\t3\n"


class Load(ToolTest):
    def test_makes_the_store_and_says_how_many(self):
        result = self.hmap("load", self.file, data=GOOD)
        self.assertEqual((result.stdout, result.stderr), (b"2 records stored\n", b""))
        self.assertEqual(self.entries(), 2)
        result = self.hmap("load", "--no-overwrite", self.file, data=b"b\tx\nc\t3\n")
        self.assertEqual(result.stdout, b"1 record stored, 1 kept\n")

    def test_json_summary(self):
        self.assertEqual(
            self.answer("load", "--json", self.file, "--sync", data=GOOD),
            {"file": self.file, "format": "tsv", "created": True, "stored": 2, "kept": 0},
        )
        self.assertEqual(self.answer("load", "--json", self.file, data=GOOD)["created"], False)

    def test_reads_a_file_or_standard_input(self):
        (self.place / "in").write_bytes(GOOD)
        self.hmap("load", self.file, self.path("in"))
        self.hmap("load", self.file, "-", data=b"c\t3\n")
        self.assertEqual(self.entries(), 3)

    def test_creates_with_the_shards_asked_for(self):
        self.hmap("load", self.file, "--shards", "4", "--expect", "100", data=GOOD)
        self.hmap("load", self.path("b.hmap"), "--shards", "5", data=GOOD, code=USAGE)
        self.assertFalse(os.path.exists(self.path("b.hmap")))

    def test_how_to_make_a_store_is_no_option_for_one_that_is_there(self):
        self.hmap("load", self.file, data=b"z\t1\n")
        (self.place / "dictionary").write_bytes(b"words" * 100)
        for option in (("--shards", "4"), ("--expect", "9"), ("--compress", "none"),
                       ("--dictionary", self.path("dictionary"))):
            error = self.error("load", *option, self.file, data=GOOD, code=USAGE)
            self.assertIn(f"{option[0]} is for a new store", error["what"])
            self.assertEqual(error["file"], self.file)
            self.assertIn("hmap compact", error["hint"])
        self.assertEqual(self.entries(), 1)

    def test_the_last_of_equal_keys_wins(self):
        self.hmap("load", self.file, data=b"a\t1\nb\t2\na\t3\n")
        self.assertEqual(self.hmap("get", self.file, "a").stdout, b"3")

    def test_no_overwrite_keeps_the_first(self):
        answer = self.answer(
            "load", "--json", "--no-overwrite", self.file, data=b"a\t1\nb\t2\na\t3\n"
        )
        self.assertEqual((answer["stored"], answer["kept"]), (2, 1))
        self.assertEqual(self.hmap("get", self.file, "a").stdout, b"1")

    def test_fail_existing_refuses_a_second_key_with_its_line(self):
        self.hmap("create", self.file)
        text = b"a\t1\nb\t2\na\t3\n"
        error = self.error("load", "--fail-existing", self.file, data=text, code=CORRUPT)
        self.assertEqual((error["line"], error["stored"]), (3, 2))
        self.assertEqual(self.hmap("get", self.file, "a").stdout, b"1")
        error = self.error("load", "--fail-existing", self.file, data=b"b\t9\n", code=CORRUPT)
        self.assertEqual((error["line"], error["stored"]), (1, 0))
        self.hmap("load", "--fail-existing", "--no-overwrite", self.file, data=GOOD, code=USAGE)


class FailedLoad(ToolTest):
    def test_removes_a_store_that_it_made(self):
        for text in (BAD, b"no tab\n", b"", b"\0" * 1000):
            result = self.hmap("load", self.file, data=text, code=CORRUPT)
            self.assertEqual(list(self.place.iterdir()), [])
            self.assertRegex(result.stderr, rb"^hmap: stdin:\d+: found .+, expected .+\nhmap: ")
        result = self.hmap("load", self.file, data=BAD, code=CORRUPT)
        self.assertIn(b"2 records were stored before", result.stderr)
        self.assertIn(b"removed again", result.stderr)

    def test_leaves_a_store_that_was_there_with_the_records_before_the_line(self):
        self.hmap("create", self.file)
        (self.place / "in.tsv").write_bytes(BAD)
        result = self.hmap("load", self.file, self.path("in.tsv"), code=CORRUPT)
        self.assertTrue(result.stderr.startswith(f"hmap: {self.path('in.tsv')}:3: ".encode()))
        self.assertIn(b"2 records were stored before", result.stderr)
        self.assertEqual(result.stdout, b"")
        self.assertEqual(sorted(self.hmap("list", self.file).stdout), sorted(b"a\nb\n"))

    def test_touches_no_store_when_the_input_cannot_be_read(self):
        self.hmap("load", self.file, self.path("none"), code=SYSTEM)
        self.hmap("load", self.file, str(self.place), code=SYSTEM)
        self.assertEqual(list(self.place.iterdir()), [])

    def test_a_full_standard_output_is_an_error_but_the_store_stays(self):
        with open("/dev/full", "wb") as full:
            self.hmap("load", self.file, data=GOOD, stdout=full, code=SYSTEM)
        self.assertEqual(self.entries(), 2)


def unread_bytes(pipe):
    """What lies in the pipe."""
    count = array.array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, count)
    return count[0]


class InterruptedLoad(ToolTest):
    """SIGINT and the like: told how far it came, nothing half-made left, and died of it."""

    def interrupt(self, number):
        """Sends `number` while the load waits for more input."""
        with subprocess.Popen(
            [tool(), "load", "--format", "tsv", self.file],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            process.stdin.write(GOOD)
            process.stdin.flush()
            self.wait_for_entries(2)
            process.send_signal(number)
            _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, -number, errors)
        self.assertIn(b"interrupted", errors)
        self.assertIn(b"2 records were stored before", errors)

    def wait_for_entries(self, count):
        for _ in range(2000):
            if os.path.exists(self.file):
                result = subprocess.run(
                    [tool(), "list", self.file], capture_output=True, check=False
                )
                if result.returncode == 0 and len(result.stdout.splitlines()) == count:
                    return
            time.sleep(0.005)
        self.fail("the records did not appear")

    def test_removes_the_store_that_it_made(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self.interrupt(number)
            self.assertEqual(list(self.place.iterdir()), [])

    def test_keeps_a_store_that_was_there(self):
        self.hmap("create", self.file)
        self.interrupt(signal.SIGINT)
        self.assertEqual(self.entries(), 2)

    def test_a_signal_just_before_the_wait_for_input_counts(self):
        """It comes when all is read and the store is being opened, not while read() waits."""
        for number in (signal.SIGINT, signal.SIGTERM):
            with subprocess.Popen([tool(), "load", "--format", "tsv", self.file],
                                  stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
                process.stdin.write(GOOD)
                process.stdin.flush()
                while unread_bytes(process.stdin) != 0:
                    pass
                process.send_signal(number)
                try:
                    self.assertEqual(process.wait(20), -number)
                finally:
                    process.kill()
            self.assertEqual(list(self.place.iterdir()), [])

    def test_a_fifo_is_waited_for_and_a_signal_ends_that(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        with subprocess.Popen([tool(), "load", self.file, fifo], stdout=subprocess.PIPE) as process:
            with open(fifo, "wb") as writer:
                writer.write(GOOD)
            self.assertEqual(process.communicate(timeout=60)[0], b"2 records stored\n")
        with subprocess.Popen([tool(), "load", self.file, fifo], stderr=subprocess.PIPE) as process:
            while not catches(process.pid, signal.SIGINT):
                time.sleep(0.001)
            process.send_signal(signal.SIGINT)
            try:
                self.assertEqual(process.wait(20), -signal.SIGINT)
            finally:
                process.kill()
            self.assertIn(b"fifo: interrupted by a signal", process.stderr.read())


if __name__ == "__main__":
    main()
