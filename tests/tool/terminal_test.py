"""Terminals, pipes, full disks and closed descriptors: what a shell does to a program."""

import fcntl
import os
import re
import signal
import struct
import subprocess
import termios
import time

from support import SYSTEM, ToolTest, main, tool
from terminal import Terminal, environment

VERBS_WITH_OUTPUT = (("get", "k"), ("list",), ("dump",), ("stat",), ("get", "--json", "k"))


class ProgressBar(ToolTest):
    RECORDS = 4000

    def fill(self):
        self.hmap("create", self.file)
        text = b"".join(b"key%d\t" % i + b"v" * 300 + b"\n" for i in range(self.RECORDS))
        self.hmap("load", self.file, data=text)

    def slow_dump(self, env):
        """Reads a dump slower than it is written, which leaves the bar time to be drawn."""
        with Terminal() as terminal:
            with subprocess.Popen(
                [tool(), "dump", self.file],
                stdout=subprocess.PIPE,
                stderr=terminal.theirs,
                env=env,
            ) as process:
                drawn, size = b"", 0
                while part := os.read(process.stdout.fileno(), 200_000):
                    size += len(part)
                    time.sleep(0.04)
                    drawn += terminal.read()
                self.assertEqual(process.wait(60), 0)
            self.assertGreater(size, self.RECORDS * 600)
            return drawn + terminal.read()

    def test_dump_shows_share_rate_and_time_left(self):
        self.fill()
        drawn = self.slow_dump(environment())
        pattern = rb"\r\x1b\[Kdump +\d+% \[(\x1b\[36m)#*\x1b\[0m\.*\] [\d,]+ of 4,000 entries, "
        pattern += rb"[\d,]+/s, \d+:\d\d left"
        self.assertRegex(drawn, pattern)
        self.assertTrue(drawn.endswith(b"\r\x1b[K"), drawn[-80:])

    def test_no_color_leaves_the_bar_and_takes_the_colour(self):
        self.fill()
        drawn = self.slow_dump(environment(NO_COLOR="1"))
        self.assertRegex(drawn, rb"dump +\d+% \[#*\.*\] ")
        self.assertNotIn(b"\x1b[3", drawn)

    def test_a_dumb_terminal_gets_nothing(self):
        self.fill()
        self.assertEqual(self.slow_dump(dict(os.environ, TERM="dumb")), b"")

    def test_a_narrow_terminal_is_never_overrun(self):
        self.fill()
        for columns in (10, 30, 90, 200):
            self.check_width(columns)

    def check_width(self, columns):
        with Terminal() as probe:
            fcntl.ioctl(probe.theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            with subprocess.Popen(
                [tool(), "dump", self.file],
                stdout=subprocess.PIPE,
                stderr=probe.theirs,
                env=environment(),
            ) as process:
                while os.read(process.stdout.fileno(), 200_000):
                    time.sleep(0.04)
                self.assertEqual(process.wait(60), 0)
            drawn = probe.read()
        lines = re.sub(rb"\x1b\[\d*m", b"", drawn).split(b"\r\x1b[K")
        self.assertGreater(len(lines), 2)
        self.assertLess(max(map(len, lines)), columns, lines)

    def test_load_of_a_file_shows_bytes(self):
        """Larger and larger inputs, until one takes long enough for a bar to be worth it."""
        count = 20_000
        while count <= 1_280_000:
            with open(self.path("in.tsv"), "wb") as file:
                file.writelines(b"key%d\t%s\n" % (i, b"\\x00" * 100) for i in range(count))
            with Terminal() as terminal:
                with subprocess.Popen(
                    [tool(), "load", self.path(f"{count}.hmap"), self.path("in.tsv")],
                    stdout=subprocess.DEVNULL,
                    stderr=terminal.theirs,
                    env=environment(),
                ) as process:
                    drawn = b""
                    while process.poll() is None:
                        drawn += terminal.read()
                        time.sleep(0.01)
                drawn += terminal.read()
            self.assertEqual(process.returncode, 0, drawn)
            if drawn:
                break
            count *= 2
        pattern = rb"load 100% \[.*\] [\d.]+ [KM]iB of [\d.]+ [KMG]iB, finishing\r"
        self.assertRegex(drawn, pattern)
        pattern = rb"load +\d+% \[.*\] [\d.]+ [KM]iB of [\d.]+ [KMG]iB, "
        pattern += rb"[\d.]+ [KMG]iB/s, \d+:\d\d left"
        self.assertRegex(drawn, pattern)
        self.assertTrue(drawn.endswith(b"\r\x1b[K"), drawn[-80:])

    def test_lines_of_a_diff_and_its_bar_keep_apart(self):
        text = b"".join(b"key%d\tvalue\n" % i for i in range(200_000))
        self.hmap("load", self.file, data=text)
        self.hmap("copy", self.file, self.path("b.hmap"))
        self.hmap("put", self.path("b.hmap"), "key7", "other")
        self.hmap("del", self.path("b.hmap"), "key8")
        with Terminal() as terminal:
            arguments = ("diff", self.file, self.path("b.hmap"))
            with terminal.start(*arguments, stdout=terminal.theirs) as process:
                drawn = b""
                while process.poll() is None:
                    drawn += terminal.read(0.05)
            drawn += terminal.read()
        self.assertEqual(process.returncode, 1, drawn)
        pattern = rb"((?:\r\x1b\[K[^\r\n]*)*?(?:\r\x1b\[K)?)([!-].*)"
        bars, rows = re.fullmatch(pattern, drawn, re.S).groups()
        self.assertEqual(sorted(rows.splitlines()), [b"!\tkey7", b"-\tkey8"])
        self.assertNotIn(b"key", bars)

    def test_nothing_is_drawn_elsewhere(self):
        """No terminal: nothing at all. Input without a known end: no guess."""
        self.fill()
        self.assertEqual(self.hmap("dump", self.file, env=environment()).stderr, b"")
        with Terminal() as terminal:
            text = b"".join(b"k%d\tv\n" % i for i in range(200_000))
            self.hmap("load", self.file, data=text, stderr=terminal.theirs, env=environment())
            self.assertEqual(terminal.read(), b"")
        # On a terminal the records themselves run by.
        with Terminal() as terminal:
            command = [tool(), "dump", self.file]
            with subprocess.Popen(
                command, stdout=terminal.theirs, stderr=terminal.theirs, env=environment()
            ) as process:
                drawn = b""
                while process.poll() is None:
                    drawn += terminal.read()
                    time.sleep(0.001)
            drawn += terminal.read()
            self.assertEqual(process.returncode, 0)
            self.assertNotIn(b"\x1b", drawn)


class Pipes(ToolTest):
    def setUp(self):
        super().setUp()
        self.make({b"k": b"v" * 1000} | {b"%d" % i: b"w" * 100 for i in range(5000)})

    def test_a_closed_pipe_ends_the_tool_quietly(self):
        """As the shell expects it: dead of SIGPIPE, not a word; also if the caller ignores it."""
        for restore in (True, False):
            with subprocess.Popen(
                [tool(), "dump", self.file],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                restore_signals=restore,
            ) as process:
                process.stdout.read(10)
                process.stdout.close()
                self.assertEqual(process.stderr.read(), b"")
                self.assertEqual(process.wait(60), -signal.SIGPIPE)

    def test_a_full_standard_output_is_a_failure(self):
        for verb, *rest in VERBS_WITH_OUTPUT:
            with open("/dev/full", "wb") as full:
                result = self.hmap(verb, self.file, *rest, stdout=full, code=SYSTEM)
            self.assertIn(b"standard output", result.stderr)
            self.assertIn(b"No space left on device", result.stderr)
        for arguments in (("--help",), ("dump", "--help"), ("--version",)):
            with open("/dev/full", "wb") as full:
                self.hmap(*arguments, stdout=full, code=SYSTEM)

    def test_closed_descriptors_never_become_the_store(self):
        """Without care open() gives the store the number 1, and the dump is written into it."""
        before = (self.place / "a.hmap").read_bytes()
        for closing in (">&-", "<&- >&-", "<&- >&- 2>&-"):
            for verb, *rest in VERBS_WITH_OUTPUT:
                command = f'exec "$0" "$@" {closing}'
                result = subprocess.run(
                    ["sh", "-c", command, tool(), verb, self.file, *rest],
                    check=False,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    timeout=60,
                )
                self.assertEqual(result.returncode, SYSTEM, (closing, verb, result.stderr))
        self.assertEqual((self.place / "a.hmap").read_bytes(), before)

    def test_answers_of_writers_never_go_into_the_store(self):
        """These open the store for writing, and then write a line to the number 1."""
        for verb, *rest in (("load",), ("put", "--json", "new", "v"), ("del", "--json", "0")):
            command = 'exec "$0" "$@" >&-'
            result = subprocess.run(
                ["sh", "-c", command, tool(), verb, self.file, *rest],
                check=False,
                input=b"1\t2\n",
                stderr=subprocess.PIPE,
                timeout=60,
            )
            self.assertEqual(result.returncode, SYSTEM, (verb, result.stderr))
            self.assertIn(b"standard output", result.stderr)
        self.assertEqual(self.hmap("get", self.file, "1").stdout, b"2")
        self.assertEqual(self.entries(), 5001)

    def test_closed_standard_input_is_no_value(self):
        command = 'exec "$0" put "$1" k - <&-'
        result = subprocess.run(
            ["sh", "-c", command, tool(), self.file], capture_output=True, check=False, timeout=60
        )
        self.assertEqual(result.returncode, SYSTEM, result.stderr)
        self.assertEqual(self.hmap("get", self.file, "k").stdout, b"v" * 1000)

    def test_a_closed_standard_error_changes_no_exit_code(self):
        command = 'exec "$0" get "$1" k 2>&-'
        result = subprocess.run(
            ["sh", "-c", command, tool(), self.file], capture_output=True, check=False, timeout=60
        )
        self.assertEqual((result.returncode, result.stdout), (0, b"v" * 1000))


if __name__ == "__main__":
    main()
