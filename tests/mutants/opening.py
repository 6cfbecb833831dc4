"""Faults in opening, in starting from a root, and in closing."""

from mutant import mutant
from suites import DYING_BATCH, REBOOT

MUTANTS = (
    mutant("o_boot_not_compared", "the runtime area is of this boot", (
        "life/open.cc",
        "std::memcmp(runtime.boot_id, session.boot_id.data(), sizeof runtime.boot_id) == 0 &&",
        "true &&"),
        REBOOT),
    mutant("o_older_root", "the newer of two valid roots", (
        "life/recovery.cc", "a.root.generation > b.root.generation);",
        "a.root.generation < b.root.generation);"),
        REBOOT),
    mutant("o_dead_locks_left", "who opens alone finishes what dead owners of locks began", (
        "life/open.cc",
        "return seam::load(lock.word) == 0; }", "return seam::load(lock.word) != 1; }"),
        DYING_BATCH),
)
