#!/usr/bin/python3
"""Installs the built tool under a prefix, moves the tree, uses it: program, manual, completions."""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys


def run(*command, code=0, **options):
    """Runs a command and returns what it printed; ends the test if the exit code is another."""
    words = [str(word) for word in command]
    done = subprocess.run(words, text=True, capture_output=True, check=False, **options)
    if done.returncode != code:
        sys.exit(f"{words}\nexit {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def check(condition, message):
    if not condition:
        sys.exit(message)


def main():
    parser = argparse.ArgumentParser()
    for name in ("build", "work", "cmake"):
        parser.add_argument(f"--{name}", required=True, type=pathlib.Path)
    args = parser.parse_args()
    staging, prefix = args.work / "staging", args.work / "moved"
    for directory in (staging, prefix):
        shutil.rmtree(directory, ignore_errors=True)
    run(args.cmake, "--install", args.build, "--component", "tool", "--prefix", staging)
    staging.rename(prefix)
    found = {str(path.relative_to(prefix)) for path in prefix.rglob("*") if path.is_file()}
    share = pathlib.Path("share")
    wanted = {
        "bin/hmap": None,
        str(share / "man/man1/hmap.1"): "man",
        str(share / "bash-completion/completions/hmap"): "bash",
        str(share / "zsh/site-functions/_hmap"): "zsh",
        str(share / "fish/vendor_completions.d/hmap.fish"): "fish",
    }
    check(found == set(wanted), f"installed: {sorted(found)}, expected: {sorted(wanted)}")
    hmap = prefix / "bin/hmap"
    for path, kind in wanted.items():
        if kind is not None:
            text = (prefix / path).read_text(encoding="utf-8")
            check(text == run(hmap, "docs", kind), f"{path} is not what `hmap docs {kind}` writes")
            check(str(args.build) not in text, f"{path} contains the build path")
    store = args.work / "store.hmap"
    store.unlink(missing_ok=True)
    run(hmap, "put", "--create", store, "ada", "Lovelace")
    check(run(hmap, "get", store, "ada") == "Lovelace", "the installed hmap forgets")
    if shutil.which("man"):
        page = run("man", "hmap", env={**os.environ, "MANPATH": str(prefix / share / "man"),
                                       "MANPAGER": "cat", "LC_ALL": "C.UTF-8"})
        check("hmap compact FILE" in page, "man does not show the manual")


if __name__ == "__main__":
    main()
