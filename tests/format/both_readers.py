"""Runs the two readers, the library's and reader.py, on one file and compares what they say."""
import json
import subprocess
import sys

TIMEOUT = 120


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)


class Readers:
    def __init__(self, reader, store_lines):
        self.reader, self.store_lines = reader, store_lines

    def python(self, path, *arguments):
        return run(sys.executable, "-B", self.reader, str(path), *arguments)

    def library(self, *arguments):
        return run(self.store_lines, *map(str, arguments))

    def facts(self, path):
        """Header facts and entries as reader.py sees them; checks everything that it can check."""
        done = self.python(path, "--json")
        if done.returncode != 0:
            raise AssertionError(f"reader.py --json: {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def check(self, path, entries):
        """Both readers list exactly these [key, value] pairs (hexadecimal), sorted by key."""
        lines = "".join(f"{key}\t{value}\n" for key, value in entries)
        for name, done in (("reader.py", self.python(path, "--list")),
                           ("the library", self.library("list", path))):
            if done.returncode != 0:
                raise AssertionError(f"{name}: {done.returncode}: {done.stderr}")
            if done.stdout != lines:
                raise AssertionError(f"{name} lists {len(done.stdout.splitlines())} entries, "
                                     f"expected are {len(entries)}; or their bytes differ")

    def check_gets(self, path, expected):
        """Single look-ups by hashing; `expected` maps keys to values, None for an absent key."""
        for key, value in expected.items():
            done = self.python(path, "--get", key)
            found = done.stdout.strip() if done.returncode == 0 else None
            if done.returncode not in (0, 1) or found != value:
                raise AssertionError(f"reader.py --get {key}: {done.returncode}: {done.stderr}")
        done = self.library("get", path, *expected)
        answers = [None if line == "-" else line for line in done.stdout.splitlines()]
        if done.returncode != 0 or answers != list(expected.values()):
            raise AssertionError(f"store_lines get: {done.stderr}")
