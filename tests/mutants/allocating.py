"""Faults in the allocation rules: no store touches what a root or a snapshot can reach."""

from mutant import mutant
from suites import stopped

BLOCKS = (
    mutant("b_moved_before_copied", "a block is copied, then said to be there", [
        ("blocks.cc",
         "  seam::write_barrier();\n"
         "  seam::copy_in(to, *from, engine.layout.block_bytes);\n", ""),
        ("blocks.cc",
         "  publish_move(engine, domain, block, *place, **state, live, *old_state, *tag);\n",
         "  std::byte* const source = *from;\n"
         "  publish_move(engine, domain, block, *place, **state, live, *old_state, *tag);\n"
         "  seam::copy_in(to, source, engine.layout.block_bytes);\n")],
        stopped("CheckpointsBetween")),
)

RECORDS = (
)

EXTENTS = (
)

MUTANTS = (*BLOCKS, *RECORDS, *EXTENTS)
