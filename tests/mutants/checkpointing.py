"""Faults in checkpoints and snapshots: steps C1 to C8 of lib/README.md."""

from mutant import mutant
from suites import DYING, POWER, REBOOT, power, unit

MUTANTS = (
    mutant("c3_epoch_before_headers", "C3: the cut's contents before the cut", [
        ("life/checkpoint.cc", "  seam::store(cut.cut, epoch);\n",
         "  seam::store(cut.cut, epoch);\n  seam::store(engine.runtime->epoch, epoch + 1);\n"),
        ("life/checkpoint.cc", "  seam::store(engine.runtime->epoch, epoch + 1);\n  return true;\n",
         "  return true;\n")],
        DYING),
    mutant("c5_changes_since_the_other_table", "C5: what changed since this table was written", (
        "life/checkpoint.cc", "    if (born <= table_cut_) return kUnchanged;\n",
        "    if (born <= durable_cut_) return kUnchanged;\n"),
        REBOOT, POWER),
    mutant("c5_page_without_checksum", "C5: a table page's checksum", (
        "life/checkpoint.cc",
        "      seam::store(reinterpret_cast<TablePage*>(bytes)->checksum,\n"
        "                  page_checksum(engine_, bytes, offset));\n", ""),
        REBOOT),
    mutant("c7_root_not_flushed", "C7: the root flushed on its own", (
        "system/mapping.cc", "::pwritev2(fd_, &part, 1, at, RWF_DSYNC);",
        "::pwritev2(fd_, &part, 1, at, 0);"),
        unit("MappingWriteDurable.*"), POWER),
    mutant("c8_freed_before_the_root", "C7 before C8: places are free when the root is durable", [
        ("life/checkpoint.cc", "  seam::store(engine.runtime->durable, number << 1 | k);\n", ""),
        ("life/checkpoint.cc", "  Root root{};\n",
         "  seam::store(engine.runtime->durable, number << 1 | k);\n  Root root{};\n")],
        DYING, POWER),
    mutant("c_dead_cut_abandoned", "a dead owner's cut is completed before another one is taken", (
        "life/checkpoint.cc", "  if (cut_is_pending(engine)) {\n",
        "  if (cut_is_pending(engine) && false) {\n"),
        power("*DeadCut.*")),
)
