#!/usr/bin/env python3
"""A checkpoint killed anywhere: what the next process leaves behind is whole on disk.

For each event of a checkpoint: a process dies there, the next one goes on and closes the store;
then reader.py, which checks every checksum it passes, must find exactly what that process saw.
Usage: killed_checkpoint.py READER.PY KILLED_CHECKPOINT
"""
import itertools
import pathlib
import sys
import tempfile

from both_readers import run
from second_reader import SecondReader

FEWER_EVENTS = 3


def check(reader, program, path, event, how):
    """What is wrong, "" if nothing; None if the checkpoint has fewer events."""
    done = run(program, str(path), str(event), *how)
    if done.returncode == FEWER_EVENTS:
        return None
    if done.returncode != 0:
        return f"the next process: {done.returncode}: {done.stderr}"
    code, out, err = reader.read(path, "--list")
    if code != 0:
        return f"reader.py: {code}: {err}"
    return "" if out == done.stdout else "the last state is not the durable one"


def main():
    reader, program = SecondReader(sys.argv[1]), sys.argv[2]
    failures = events = 0
    with tempfile.TemporaryDirectory() as directory:
        path = pathlib.Path(directory, "a.hmap")
        for how in itertools.product(("same", "other"), ("0", "3")):
            for event in itertools.count():
                wrong = check(reader, program, path, event, how)
                if wrong is None:
                    break
                events += 1
                if wrong:
                    failures += 1
                    print(f"dead at event {event}, then boot {how[0]}, {how[1]} writes: {wrong}")
    print(f"{events} deaths, {failures} failures")
    return 1 if failures or not events else 0


if __name__ == "__main__":
    sys.exit(main())
