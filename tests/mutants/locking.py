"""Faults in locks, in the proof of life, and in taking over."""

from mutant import mutant
from suites import DYING_COMMIT, OPENING, unit

LOCK = "Lock.*:LockThreads.*"

MUTANTS = (
    mutant("k_taken_from_the_living", "a living owner keeps its lock", (
        "system/lock.cc", "      if (!owner_alive(seen)) {\n", "      if (true) {\n"),
        unit(LOCK)),
    mutant("k_death_not_told", "who takes over learns of it", (
        "system/lock.cc",
        "if (seam::compare_exchange(lock.word, seen, word_ | kWaiters)) return "
        "Acquired::kOwnerDied;",
        "if (seam::compare_exchange(lock.word, seen, word_ | kWaiters)) return Acquired::kClean;"),
        unit(LOCK)),
    mutant("k_two_take_over", "of many who find a dead owner one wins", (
        "system/lock.cc",
        "if (seam::compare_exchange(lock.word, seen, word_ | kWaiters)) return "
        "Acquired::kOwnerDied;",
        "seam::store(lock.word, word_ | kWaiters);\n        return Acquired::kOwnerDied;"),
        unit(LOCK)),
    mutant("k_nobody_woken", "unlocking wakes one who waits", (
        "system/lock.cc",
        "  ::syscall(SYS_futex, &lock.word, FUTEX_WAKE, 1, nullptr, nullptr, 0);\n", ""),
        unit(LOCK)),
    mutant("k_opening_unguarded", "O0: one opens at a time", (
        "life/open.cc",
        "  const Result<OpenGuard> opening = OpenGuard::take(session->fd.get());\n"
        "  if (!opening) return opening.error();\n", ""),
        OPENING),
    mutant("k_log_not_settled", "recovery: the dead process's record in the log is settled first", (
        "state/engine.cc", "  if (Status s = settle_log(engine); !s.ok()) return s;\n", ""),
        DYING_COMMIT),
)
