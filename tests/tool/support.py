"""What the tests of the tool share: running it, temporary places, and a hard set of records.

The program to test is named by the environment variable HMAP_TOOL.
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import unittest

DATA = pathlib.Path(__file__).resolve().parent / "data"
FORMATS = ("db", "tsv", "jsonl", "cdbmake", "gdbm", "tdb", "hextsv")
# Looks like tsv: it has to be named.
NAMELESS = ("hextsv",)

YES, NO, USAGE, NOT_A_STORE, CORRUPT, SYSTEM, BUSY = range(7)
SKIPPED = 77

# Written out once more, so that a mistake shared by the fixtures and the readers is seen.
RECORDS = {
    b"plain": b"value",
    b"empty": b"",
    b"nul\0in": b"a\0b",
    b"new\nline": b"l1\nl2\n",
    b"back\\slash": b"\\x41\\",
    b" lead": b" sp ",
    b"tab\tkey": b"tab\tval",
    "uni-\u00e9-\u65e5\u672c".encode(): "na\u00efve \u2603".encode(),
    b"\xff\xfe\x80": bytes(range(256)),
    b"long" * 20: b"z" * 600,
    b"DATA=END": b"HEADER=END",
    b"cr\r": b"cr\r\nlf",
    b"#:len=1": b"# c",
    b"+1,1:a->b": b"->",
    b'"q"': b'{"j":1}',
    b"\x7f": b"\x1f",
}


def tool():
    path = os.environ.get("HMAP_TOOL")
    if not path:
        sys.exit("set HMAP_TOOL to the program hmap")
    return os.path.abspath(path)


def run(*arguments, data=b"", **options):
    """Runs `hmap ARGUMENTS...` with `data` as its standard input."""
    options.setdefault("timeout", 120)
    if "stdin" not in options:
        options["input"] = data
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.run([tool(), *arguments], check=False, **options)


def seeded_random():
    """A generator whose seed is printed, or taken from HMAP_TEST_SEED."""
    seed = int(os.environ.get("HMAP_TEST_SEED", random.randrange(1 << 32)))
    print(f"seed {seed} (set HMAP_TEST_SEED to repeat)")
    return random.Random(seed)


def catches(pid, number):
    """Whether the process has a handler of its own for the signal."""
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as status:
        caught = next(line for line in status if line.startswith("SigCgt:"))
    return int(caught.split()[1], 16) >> number - 1 & 1


class ToolTest(unittest.TestCase):
    """A test in a directory of its own, which is also where its files are."""

    def setUp(self):
        place = tempfile.TemporaryDirectory(prefix="hmap-tool-")
        self.addCleanup(place.cleanup)
        self.place = pathlib.Path(place.name)
        self.file = str(self.place / "a.hmap")

    def path(self, name):
        return str(self.place / name)

    def hmap(self, *arguments, code=YES, **options):
        """Runs the tool and checks its exit code; sanitizers and asserts show as other codes."""
        result = run(*arguments, **options)
        self.assertEqual(
            result.returncode, code, f"hmap {arguments}: {result.stdout!r} {result.stderr!r}"
        )
        return result

    def make(self, records=None):
        """A store at self.file with `records` (default: the hard ones)."""
        records = RECORDS if records is None else records
        self.hmap("create", self.file)
        lines = (b"+%d,%d:%s->%s\n" % (len(k), len(v), k, v) for k, v in records.items())
        self.hmap("load", "--format", "cdbmake", self.file, data=b"".join(lines) + b"\n")

    def answer(self, *arguments, **options):
        """The one JSON object that the tool writes."""
        return json.loads(self.hmap(*arguments, **options).stdout)

    def error(self, *arguments, code, **options):
        """The JSON error of a command that must fail with exit code `code`."""
        result = self.hmap(*arguments, "--json", code=code, **options)
        lines = result.stderr.decode().splitlines()
        error = json.loads(lines[-1])["error"]
        self.assertEqual(error["exit"], code)
        return error

    def entries(self):
        return self.answer("stat", "--json", self.file)["entries"]


def main():
    """unittest.main(), and exit code 77 if every test of the program was skipped."""
    program = unittest.main(module="__main__", exit=False)
    result = program.result
    if not result.wasSuccessful():
        sys.exit(1)
    if result.testsRun == 0:
        sys.exit("no test was run")
    sys.exit(SKIPPED if len(result.skipped) == result.testsRun else 0)
