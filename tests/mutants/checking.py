"""Faults in looking for damage: what verify, recover, writes and compaction no longer find."""

from mutant import mutant
from suites import errors, fuzz, verify

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
    mutant("v_b_not_compared", "F-28: nothing is written by a B that is not its array's", (
        "map/grow.cc", "  if (header.b == header.buckets.b && header.b < kMaxB &&\n",
        "  if (true || (header.b == header.buckets.b && header.b < kMaxB) ||\n"),
        verify("Live.NothingIsWritten*")),
    mutant("v_evacuated_to_nowhere", "a bucket evacuated at rest is damage to writers, too", (
        "map/locate.cc", "    if (is_evacuated(tophash)) [[unlikely]]\n",
        "    if (is_evacuated(tophash) && false) [[unlikely]]\n"),
        errors("DamagedBlocks.*")),
    mutant("v_marker_with_a_key", "F-61: a marker's numbers are right", (
        "system/log_file.cc",
        "  const u64 body = u64{head.key_bytes} + (is_clear ? 0 : head.value_bytes);\n",
        "  const u64 body = is_clear || head.op == static_cast<u8>(LogOp::kMarker)\n"
        "      ? 0 : u64{head.key_bytes} + head.value_bytes;\n"),
        fuzz("*Found/log")),
    mutant("v_copied_over_itself", "a new bucket does not lie over the old one", (
        "map/evacuate.cc",
        "      if (Status s = check_apart(engine, from, *half.bucket); !s.ok()) return s;\n", ""),
        fuzz("FuzzFound.ANewBucket*")),
)
