"""Runs the two readers, the library's and reader.py, on one file and compares what they say."""
import json
import subprocess
import sys

from second_reader import SecondReader

TIMEOUT = 120


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)


class Readers:
    def __init__(self, reader, store_lines):
        self.reader, self.store_lines = reader, store_lines
        self.second = SecondReader(reader)

    def library(self, *arguments):
        return run(self.store_lines, *map(str, arguments))

    def facts(self, path):
        """Header facts and entries as reader.py sees them; checks everything that it can check."""
        code, out, err = self.second.read(path, "--json")
        if code != 0:
            raise AssertionError(f"reader.py --json: {code}: {err}")
        return json.loads(out)

    def check_program(self, path):
        """reader.py started as people start it says what it says within this process."""
        done = run(sys.executable, "-B", self.reader, str(path), "--json")
        if (done.returncode, done.stdout, done.stderr) != self.second.read(path, "--json"):
            raise AssertionError(f"reader.py as a program: {done.returncode}: {done.stderr}")

    def check(self, path, entries):
        """Both readers list exactly these [key, value] pairs (hexadecimal), sorted by key."""
        lines = "".join(f"{key}\t{value}\n" for key, value in entries)
        done = self.library("list", path)
        for name, (code, out, err) in (
                ("reader.py", self.second.read(path, "--list")),
                ("the library", (done.returncode, done.stdout, done.stderr))):
            if code != 0:
                raise AssertionError(f"{name}: {code}: {err}")
            if out != lines:
                raise AssertionError(f"{name} lists {len(out.splitlines())} entries, "
                                     f"expected are {len(entries)}; or their bytes differ")

    def check_second(self, path, entries):
        """The same, of reader.py only."""
        code, out, err = self.second.read(path, "--list")
        if code != 0 or out != "".join(f"{key}\t{value}\n" for key, value in entries):
            raise AssertionError(f"reader.py: {code}: {err or 'other entries'}")

    def check_second_gets(self, path, expected):
        """Single look-ups by hashing; `expected` maps keys to values, None for an absent key."""
        for key, value in expected.items():
            code, out, err = self.second.read(path, "--get", key)
            found = out.strip() if code == 0 else None
            if code not in (0, 1) or found != value:
                raise AssertionError(f"reader.py --get {key}: {code}: {err}")

    def check_gets(self, path, expected):
        """The same, of both readers."""
        self.check_second_gets(path, expected)
        done = self.library("get", path, *expected)
        answers = [None if line == "-" else line for line in done.stdout.splitlines()]
        if done.returncode != 0 or answers != list(expected.values()):
            raise AssertionError(f"store_lines get: {done.stderr}")
