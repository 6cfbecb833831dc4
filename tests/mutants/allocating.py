"""Faults in the allocation rules: no store touches what a root or a snapshot can reach."""

from mutant import mutant
from suites import errors, process, space, stopped, unit

BLOCKS = (
    mutant("b_moved_before_copied", "a block is copied, then said to be there", [
        ("state/blocks.cc",
         "  seam::write_barrier();\n"
         "  seam::copy_in(to, *from, engine.layout.block_bytes);\n", ""),
        ("state/blocks.cc",
         "  publish_move(engine, domain, block, *place, **state, live, *old_state, *tag);\n",
         "  std::byte* const source = *from;\n"
         "  publish_move(engine, domain, block, *place, **state, live, *old_state, *tag);\n"
         "  seam::copy_in(to, source, engine.layout.block_bytes);\n")],
        stopped("CheckpointsBetween")),
    mutant("b_from_frame_to_frame", "compaction brings every block home", (
        "state/blocks.cc", "(wide || !wide_run || purpose == Purpose::kHome)",
        "(wide || !wide_run)"),
        space("Online.NoBlock*")),
)

RECORDS = (
)

EXTENTS = (
    mutant("e_punched_without_the_lock", "who punches holds the space lock", (
        "state/surplus.cc",
        "  const Result<DomainLock> lock = DomainLock::take(engine, engine.layout.space_domain(), "
        "kPatience);\n"
        "  if (!lock) return lock.error();\n", ""),
        space("Surplus.NothingIsPunched*")),
    mutant("e_segment_of_the_dead_given_up", "a segment of the extent table is finished", (
        "state/space.cc", "  return add_segment(engine, request, first);\n",
        "  seam::store(engine.domain(request.domain).pending, 0);\n  return {};\n"),
        process("DyingInTheExtentTable.*")),
    mutant("e_limit_not_asked", "RLIMIT_FSIZE is an error and no signal", (
        "system/size_limit.h", "limit.rlim_cur != RLIM_INFINITY", "limit.rlim_cur == 1"),
        unit("MappingAllocate.*"), errors("NoSpace.TheLimit*")),
)

MUTANTS = (*BLOCKS, *RECORDS, *EXTENTS)
