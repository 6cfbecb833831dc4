#!/usr/bin/python3
"""Plants each fault of the tables in a copy of the sources and looks whether a test finds it.

    run.py ROOT --check                 every fault still fits the sources; builds nothing
    run.py ROOT --scratch DIR           builds and tests in DIR; a report is left in DIR/report.md
    run.py ROOT --scratch DIR --only w  those whose name matches; --suite: whose first program does

A fault is killed when a test fails. One that no test finds has survived, and the run fails: either
a test is missing or the fault is none. Before any fault is planted the same tests must pass.
"""

import argparse
import collections
import contextlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import tables

SKIPPED = {".git", "build", "__pycache__"}
MUTANTS_MIN = 40
# The limit of a program is this many times what it takes without a fault, and some seconds.
PATIENCE, PATIENCE_SECONDS = 10, 90


def check(root):
    """What is wrong with the tables: one line each."""
    names = collections.Counter(mutant.name for mutant in tables.MUTANTS)
    for name, count in names.items():
        if count > 1:
            yield f"{name}: there are {count} of this name"
    if len(names) < MUTANTS_MIN:
        yield f"{len(names)} faults, at least {MUTANTS_MIN} are wanted"
    for mutant in tables.MUTANTS:
        try:
            mutant.texts(root)
        except (OSError, ValueError) as error:
            yield f"{mutant.name}: {error}"
        if not mutant.suites:
            yield f"{mutant.name}: no test is expected to find it"


class Workshop:
    """A copy of the sources, and its build."""

    def __init__(self, root, scratch, cxx, jobs):
        self.root, self.tree, self.build = root, scratch / "tree", scratch / "build"
        self.scratch, self.jobs = scratch, jobs
        self.memory = None  # a directory in memory for the files of the tests
        self.copy()
        self.do("cmake", "-S", self.tree, "-B", self.build, "-G", "Ninja",
                f"-DCMAKE_CXX_COMPILER={cxx}", "-DCMAKE_BUILD_TYPE=None",
                "-DCMAKE_CXX_FLAGS=-O2", "-DHMAP_BUILD_TOOLS=OFF", "-DHMAP_BUILD_BENCH=OFF",
                "-DCMAKE_GTEST_DISCOVER_TESTS_DISCOVERY_MODE=PRE_TEST")

    def copy(self):
        """Brings the copy up to date; files that are the same are left alone."""
        wanted = set()
        for folder, folders, files in os.walk(self.root):
            folders[:] = [name for name in folders if name not in SKIPPED]
            for path in (pathlib.Path(folder) / name for name in files):
                inside = path.relative_to(self.root)
                wanted.add(inside)
                copy, text = self.tree / inside, path.read_bytes()
                if copy.exists() and copy.read_bytes() == text:
                    continue
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(text)
        for path in list(self.tree.rglob("*")):
            if path.is_file() and path.relative_to(self.tree) not in wanted:
                path.unlink()

    def do(self, *command):
        done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"{command}\n{done.stdout[-3000:]}")

    def make(self, target):
        self.do("cmake", "--build", self.build, "--parallel", self.jobs, "--target", target)

    def run(self, suite, limit):
        """None if the tests pass, else why not."""
        folder = self.scratch / "files"
        program = next(self.build.glob(f"tests/*/{suite.target}"))
        environment = os.environ | dict(suite.environment)
        environment |= {"TMPDIR": str(folder), "HMAP_TEST_MEMORY": str(self.memory or folder)}
        environment.setdefault("HMAP_TEST_SEED", "1")
        folder.mkdir(exist_ok=True)
        with (self.scratch / "output").open("w+", encoding="utf-8", errors="replace") as output:
            process = subprocess.Popen(
                [program, f"--gtest_filter={suite.tests}", "--gtest_fail_fast"],
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
                env=environment, start_new_session=True)
            try:
                code = process.wait(limit)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                # Stopped children, too.
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                process.wait()
            output.seek(0)
            text = output.read()
        for place in filter(None, (folder, self.memory)):
            for path in place.iterdir():
                shutil.rmtree(path, ignore_errors=True)
        if code != 0 and code is not None or " 0 tests from " in text[:200]:
            return first_failure(text, code)
        return f"not finished after {limit:.0f} s" if code is None else None


def first_failure(text, code):
    """One line: the test that failed and what it said first."""
    if not re.search(r"^\[ RUN ", text, re.M):
        return f"no test has run (exit {code})"
    before = text[:at.start()] if (at := re.search(r"Failure$|HANG:", text, re.M)) else text
    test = re.findall(r"^\[ RUN      \] (\S+)", before, re.M)[-1]
    said = text[at.end():].strip().splitlines() if at else []
    lines = [line.strip() for line in said if line.strip() and not line.startswith("[")]
    how = f"signal {-code}" if code < 0 else f"exit {code}"
    return f"{test}: {' '.join(lines[:4])[:160] or how}"


def control(shop, suite, seconds):
    """Notes the seconds that a suite takes without a fault, the first time it is needed."""
    if suite in seconds:
        return
    shop.make(suite.target)
    start = time.monotonic()
    if why := shop.run(suite, 600):
        sys.exit(f"without any fault {suite} fails: {why}")
    seconds[suite] = time.monotonic() - start
    print(f"control {suite}: {seconds[suite]:.1f} s", flush=True)


@contextlib.contextmanager
def planted(shop, mutant):
    """The fault is in the copy of the sources."""
    changed = mutant.texts(shop.tree)
    before = {path: path.read_bytes() for path in changed}
    try:
        for path, text in changed.items():
            path.write_text(text, "utf-8")
        yield
    finally:
        for path, text in before.items():
            path.write_bytes(text)


def verdict(shop, mutant, seconds):
    """("killed" | "SURVIVED" | "BROKEN", how)."""
    for suite in mutant.suites:
        control(shop, suite, seconds)
        with planted(shop, mutant):
            try:
                shop.make(suite.target)
            except RuntimeError as error:
                return "BROKEN", str(error)
            if why := shop.run(suite, PATIENCE * seconds[suite] + PATIENCE_SECONDS):
                return "killed", f"{suite.target}: {why}"
    return "SURVIVED", ", ".join(map(str, mutant.suites))


def run_all(shop, mutants, report):
    """Plants one fault after the other; returns how many were not killed."""
    seconds, counts = {}, collections.Counter()
    report.write("| Fault | What is left out or out of order | Verdict | By |\n|---|---|---|---|\n")
    for mutant in mutants:
        start = time.monotonic()
        result, how = verdict(shop, mutant, seconds)
        counts[result] += 1
        print(f"{result} {mutant.name} ({time.monotonic() - start:.0f} s): {how}", flush=True)
        how = how.replace("|", "/").replace("\n", " ")[:240]
        report.write(f"| {mutant.name} | {mutant.step} | {result} | {how} |\n")
        report.flush()
    print(", ".join(f"{count} {result}" for result, count in counts.items()))
    return len(mutants) - counts["killed"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("root", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--scratch", type=pathlib.Path)
    parser.add_argument("--only", default="", metavar="REGEX")
    parser.add_argument("--suite", default="", metavar="REGEX")
    parser.add_argument("--cxx", default="c++")
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    findings = list(check(arguments.root))
    print(*findings, sep="\n", end="\n" if findings else "")
    print(f"{len(tables.MUTANTS)} faults")
    if arguments.check or findings:
        sys.exit(1 if findings else 0)
    if arguments.scratch is None:
        parser.error("--scratch DIR is needed")
    mutants = [m for m in tables.MUTANTS if re.search(arguments.only, m.name)
               and re.search(arguments.suite, m.suites[0].target)]
    mutants.sort(key=lambda m: m.suites[0].target)  # each program is built once, and stays warm
    scratch = arguments.scratch.resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    shop = Workshop(arguments.root.resolve(), scratch, arguments.cxx, arguments.jobs)
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as area:
        shop.memory = pathlib.Path(area)
        with (scratch / "report.md").open("w", encoding="utf-8") as report:
            sys.exit(1 if run_all(shop, mutants, report) else 0)


if __name__ == "__main__":
    main()
