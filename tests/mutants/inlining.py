"""Faults in what lies in buckets, in compressed values, and where memory or a page is lost."""

from mutant import mutant
from suites import COMPRESSED_POWER, DYING_BATCH, batch, commit, compress

MUTANTS = (
    mutant("z_flags_behind_the_checksum", "the checksum covers how a value is compressed", [
        ("records/records.cc", "header_lengths(key.size(), value.bytes.size(), value.flags)",
         "header_lengths(key.size(), value.bytes.size(), 0)"),
        ("records/records.cc", "  seam::copy_in(to, &sum, kSum);\n",
         "  seam::copy_in(to, &sum, kSum);\n"
         "  const u64 flagged = header_lengths(key.size(), value.bytes.size(), value.flags);\n"
         "  seam::copy_in(to + kSum, &flagged, sizeof flagged);\n")],
        COMPRESSED_POWER, compress("*")),
    mutant("i_redone_by_key", "B7: an operation is done iff the slot has its value", (
        "map/insert.cc", "    if (location.found && location.entry.record == record) return {};\n",
        "    if (location.found && (shape().is_inline() || location.entry.record == record))\n"
        "      return {};\n"),
        DYING_BATCH),
    mutant("b5_marks_left_without_memory", "B5: what keeps a batch from happening unmarks it", (
        "life/apply.cc", "    Marks marks(engine_, shards_);\n",
        "    Marks marks(engine_, shards_);\n    marks.stay();\n"),
        batch("*NoMemory*")),
    mutant("l_waits_for_what_never_comes", "L6: a position behind the tail is damage", (
        "life/commit.cc", "    if (seam::load(log.tail) < position) return damaged",
        "    if (false) return damaged"),
        commit("HostileLogWords.AnEnd*")),
)
