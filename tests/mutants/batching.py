"""Faults in a batch: steps B1 to B8 of lib/README.md, and what others do when its owner is dead."""

from mutant import mutant
from suites import DYING_BATCH, LEFT_MARKS

PART_BEFORE_VERSION = (
    "  seam::store(part.batch, state);\n"
    "  seam::store(part.ops, first | u64{ops.size()} << 32);\n")

MUTANTS = (
    mutant("b4_version_before_the_part", "B4: the part before the version", [
        ("records/batch_area.cc", PART_BEFORE_VERSION,
         "  seam::store(version, version | 1);\n" + PART_BEFORE_VERSION),
        ("records/batch_area.cc",
         "  // Order: the part before the version, by which readers come to look at the part.\n"
         "  seam::store(version, version | 1);\n", "")],
        DYING_BATCH),
    mutant("b6_state_before_the_marks", "B4 before B6: the state when all shards are marked", [
        ("life/apply.cc", "    Marks marks(engine_, shards_);\n",
         "    Marks marks(engine_, shards_);\n    seam::store(batch.state, state);\n"),
        ("life/apply.cc",
         "    seam::store(batch.state, state);\n    if (engine_.log != nullptr) append",
         "    if (engine_.log != nullptr) append")],
        DYING_BATCH),
    mutant("b7_unmarked_before_done", "B7: a part is unmarked when it is done", (
        "map/batch_redo.cc", "  if (part_is_committed(engine, shard)) {\n",
        "  if (part_is_committed(engine, shard)) {\n"
        "    seam::store(engine.header(shard).version, engine.header(shard).version + 1);\n"),
        DYING_BATCH),
    mutant("b7_recoverers_leave_the_part", "B7: who takes over a shard's lock does its part", (
        "state/engine.cc",
        "  return finish_batch_part(engine, domain);\n",
        "  return {};\n"),
        DYING_BATCH),
    mutant("b1_state_not_raised", "B1: marks of a batch that never happened mean nothing", (
        "records/batch_area.cc", "    seam::store(batch.state, state + 2);\n    return {};\n",
        "    return {};\n"),
        LEFT_MARKS),
)
