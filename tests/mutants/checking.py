"""Faults in verify: what it no longer finds."""

from mutant import mutant
from suites import verify

MUTANTS = (
    mutant("v_half_a_pair", "F-88: of two buckets that become one both are evacuated", (
        "verify/verify_chain.cc", "  if (other_evacuated != evacuated) {\n", "  if (false) {\n"),
        verify("Halving.*")),
    mutant("v_seen_across_changes", "an entry that has moved is not there twice", (
        "verify/verify_header.cc", "  long_seen_.clear();\n", ""),
        verify("Handles/BesideWriters.*")),
    mutant("v_long_read_again", "a long record that two slots refer to is not read again", (
        "verify/verify_record.cc", "  if (long_seen_.insert(offset).second) return false;\n",
        "  if (long_seen_.insert(offset).second || true) return false;\n"),
        verify("LongRecords.*")),
    mutant("v_walked_astray", "a walk ends if long records lie in chains that are not theirs", (
        "map/iterate.cc", "    if (astray_ <= most) return Walk::kDone;\n",
        "    if (astray_ != most) return Walk::kDone;\n"),
        verify("LongRecords.*")),
    mutant("v_salvaged_again", "recover reads a long record once", (
        "salvage/salvage.cc",
        "  if (is_new && may_be_read(*record) &&", "  if ((is_new || true) &&"),
        verify("LongRecords.*")),
)
