"""Faults in a read: what is looked at again, read through, and not trusted."""

from mutant import mutant
from suites import errors, stopped, unit, verify

MUTANTS = (
    mutant("r_waits_for_the_writer", "an odd version is read through its intent", (
        "map/read_through.cc", "  if (state % 2 == 0) return Look::kMoved;\n",
        "  if (state != ~u64{0}) return Look::kMoved;\n"),
        stopped("FirstInserts")),
    mutant("r_bounds_of_the_mapping", "no address outside the file", (
        "system/mapping.cc",
        "  if (offset <= limit && bytes <= limit - offset) return base_ + offset;\n"
        "  return nullptr;",
        "  return offset <= limit + bytes ? base_ + offset : base_;"),
        unit("Mapping.*")),
    mutant("r_evacuated_is_absent", "an evacuated bucket of an array at rest is damage", (
        "map/find.cc", "      if (!growing) return Outcome::kAgain;\n",
        "      if (!growing) return Outcome::kAbsent;\n"),
        errors("DamagedBlocks.*")),
    mutant("r_long_copies_unchecked", "the copy of a long value is checked", (
        "map/find.cc", "    if (copy_is_intact()) {\n", "    if (true) {\n"),
        errors("*DamagedRecord.*")),
    mutant("r_short_sums_of_any_place", "F-104: a short record's checksum has its seed", (
        "format/record_sum.h", "  crc.add_word(seed);\n", ""),
        unit("RecordChecksum.*")),
    mutant("r_keys_alike_at_both_ends", "every byte of a key is compared", (
        "system/seam.h",
        "  if (bytes > 2 * kWord) difference |= differ(kWord) | differ(bytes - 2 * kWord);\n", ""),
        unit("SeamEqual.*")),
    mutant("r_older_sums_forgotten", "F-02: a store without the bit has XXH3", (
        "format/layout.cc",
        "(s.features_refuse & format::kFeatureCrc) != 0 ? RecordSums::kCrc : RecordSums::kXxh3",
        "RecordSums::kCrc"),
        verify("Older.*")),
)
