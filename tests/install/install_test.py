#!/usr/bin/python3
"""Installs hmap as one kind of library and uses it as a stranger would.

Fails with what was run and what it said. The work directory is kept for the next run, so that the
library is only compiled again when it changed.
"""

import argparse
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys


def run(*command, env=None):
    """Runs a command and returns what it printed; ends the test if it fails."""
    words = [str(word) for word in command]
    done = subprocess.run(words, env=env, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        sys.exit(f"{shlex.join(words)}\nexit {done.returncode}:\n{done.stdout}")
    return done.stdout


def check(condition, message):
    if not condition:
        sys.exit(message)


def install(args):
    """Installs what is built, or builds the library alone, then moves the tree: nothing may point
    back."""
    staging, prefix = args.work / "staging", args.work / "moved"
    build = args.built or build_alone(args)
    for directory in (staging, prefix):
        shutil.rmtree(directory, ignore_errors=True)
    run(args.cmake, "--install", build, "--prefix", staging)
    staging.rename(prefix)
    return prefix


def build_alone(args):
    build = args.work / "build"
    run(args.cmake, "-S", args.source, "-B", build, "-G", args.generator,
        f"-DCMAKE_CXX_COMPILER={args.cxx}", "-DCMAKE_CXX_FLAGS=-O0",
        f"-DBUILD_SHARED_LIBS={'ON' if args.kind == 'shared' else 'OFF'}",
        "-DHMAP_BUILD_TESTS=OFF", "-DHMAP_BUILD_TOOLS=OFF", "-DHMAP_BUILD_BENCH=OFF")
    run(args.cmake, "--build", build)
    return build


def check_files(args, prefix):
    """The public headers and no other, the right kind of library, no path into the build."""
    wanted = {path.name for path in (args.source / "lib/include/hmap").glob("*.h")} | {"export.h"}
    found = {path.name for path in (prefix / "include/hmap").iterdir()}
    check(found == wanted, f"installed headers: {sorted(found)}, expected: {sorted(wanted)}")
    library = "libhmap.a" if args.kind == "static" else "libhmap.so"
    check((prefix / "lib" / library).exists(), f"{library} is not installed")
    for path in prefix.rglob("*"):
        if path.suffix in {".cmake", ".pc", ".h"}:
            text = path.read_text(encoding="utf-8")
            for place in (str(args.source), str(args.work)):
                # Not what only ends like it: `include/hmap`, where the source is in `/hmap`.
                absolute = rf"((?<=-[IL])|(?<![\w}}.-])){re.escape(place)}(?![\w.-])"
                check(not re.search(absolute, text), f"{path} contains the build path {place}")
            for name in ("Boost", "xxhash", "hmap_build_flags", "hmap_dependencies"):
                check(path.suffix == ".h" or name not in text, f"{path} asks for {name}")


def check_symbols(prefix):
    """A shared library shows the names of namespace hmap and nothing else of its own."""
    library = prefix / "lib/libhmap.so"
    strong = re.findall(r"^\S+ [TDBR] (.*)$", run("nm", "-DC", "--defined-only", library), re.M)
    check(any(name.startswith("hmap::Store::open(") for name in strong), "Store::open is hidden")
    ours = re.compile(r"hmap::|(vtable|typeinfo|typeinfo name) for hmap::")
    strange = [name for name in strong if not ours.match(name)]
    check(not strange, f"exported by mistake: {strange}")
    soname = re.search(r"SONAME\s+(\S+)", run("objdump", "-p", library))
    check(soname and soname[1] == "libhmap.so.0.1", f"the soname is {soname and soname[1]}")


def use_program(program, store, env=None):
    store.unlink(missing_ok=True)
    output = run(program, store, env=env)
    check(output == "Lovelace\n", f"{program} printed {output!r}")


def with_find_package(args, prefix):
    consumer, build = pathlib.Path(__file__).parent / "consumer", args.work / "find_package"
    shutil.rmtree(build, ignore_errors=True)
    run(args.cmake, "-S", consumer, "-B", build, "-G", args.generator,
        f"-DCMAKE_CXX_COMPILER={args.cxx}", f"-DCMAKE_PREFIX_PATH={prefix}")
    run(args.cmake, "--build", build)
    use_program(build / "consumer", args.work / "find_package.hmap")


def with_pkg_config(args, prefix):
    env = dict(os.environ, PKG_CONFIG_PATH=str(prefix / "lib/pkgconfig"))
    flags = shlex.split(run(args.pkg_config, "--cflags", "--libs", "hmap", env=env))
    source = pathlib.Path(__file__).parent / "consumer/consumer.cc"
    program = args.work / "pkg_config_consumer"
    run(args.cxx, "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow",
        "-Werror", source, "-o", program, *flags)
    use_program(program, args.work / "pkg_config.hmap",
                env=dict(os.environ, LD_LIBRARY_PATH=str(prefix / "lib")))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=["static", "shared"], required=True)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    for name in ("--cmake", "--cxx", "--generator", "--pkg-config"):
        parser.add_argument(name, required=True)
    parser.add_argument("--built", type=pathlib.Path, help="a tree where this kind is built")
    args = parser.parse_args()

    prefix = install(args)
    check_files(args, prefix)
    if args.kind == "shared":
        check_symbols(prefix)
    with_find_package(args, prefix)
    with_pkg_config(args, prefix)


if __name__ == "__main__":
    main()
