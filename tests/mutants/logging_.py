"""Faults in the commit log: steps L1 to L6 of lib/README.md, replay, and its file."""

from mutant import mutant
from suites import CUT_COMMIT, DYING_COMMIT, commit, committed, named

FILES = commit("LogFiles.*")
FULL = commit("LogFull.*")
GROUP = committed("GroupCommit.*")

MUTANTS = (
    mutant("l_named_before_flushed", "the log's header is flushed before the file has its name", (
        "system/log_file.cc", "  if (::fsync(file->fd.get()) != 0)\n", "  if (false)\n"),
        named("*")),
    mutant("l_visible_before_logged", "L2 before W5: nobody builds on what is not in the log", (
        "state/intent.cc",
        "  if (Status s = append.write(domain_, intent_.state + 1, what); !s.ok()) return s;\n"
        "  declare();\n",
        "  declare();\n  apply();\n"
        "  if (Status s = append.write(domain_, intent_.state, what); !s.ok()) return s;\n"
        "  append.commit();\n  return {};\n"),
        DYING_COMMIT),
    mutant("l_tail_before_state", "L4 before L5: the record counts when the write has happened", [
        ("state/intent.cc",
         "  LogAppend append(engine_);\n", "  {\n  LogAppend append(engine_);\n"),
        ("state/intent.cc", "!s.ok()) return s;\n  declare();\n", "!s.ok()) return s;\n"),
        ("state/intent.cc", "  append.commit();\n  apply();\n",
         "  append.commit();\n  }\n  declare();\n  apply();\n")],
        DYING_COMMIT),
    mutant("l_checksum_not_compared", "replay: a record's checksum", (
        "system/log_file.cc",
        "if (record_checksum(record, store_seed_, lsn) != head.checksum) return "
        "std::optional<LogEntry>();", ""),
        FILES, CUT_COMMIT),
    mutant("l_overruns_its_head", "L2: nothing is overwritten that no checkpoint has", (
        "state/log.cc",
        "  if (end - seam::load(log.head) > area) return {Code::kNoSpace, kFull};\n", ""),
        FULL, CUT_COMMIT),
    mutant("l_marker_not_noted", "what is not in the log waits for a checkpoint", (
        "state/log.cc", "  if (too_large) seam::store(log.marker, end);\n", ""),
        FULL, CUT_COMMIT),
)
