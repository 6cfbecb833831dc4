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
    mutant("b_taken_out_before_the_place_word", "a version's `born` is 0 behind the place word", [
        ("state/blocks.cc", "  if (unlinked != nullptr) change.set(unlinked->born, 0);\n", ""),
        ("state/blocks.cc", "  change.set(block.state->live_born, epoch);\n",
         "  if (unlinked != nullptr) change.set(unlinked->born, 0);\n"
         "  change.set(block.state->live_born, epoch);\n")],
        process("ShortenedChain.*")),
    mutant("b_from_frame_to_frame", "compaction brings every block home", (
        "state/blocks.cc", "(wide || !wide_run || purpose == Purpose::kHome)",
        "(wide || !wide_run)"),
        space("Online.NoBlock*")),
)

RECORDS = (
)

EXTENTS = (
    mutant("e_given_back_by_a_bare_word", "who closes gives back free extents only", (
        "state/surplus.cc",
        "    if (extent_kind(*word) != format::ExtentKind::kFree)\n"
        "      return Engine::corrupt(\"an extent in use where none was stored to\",\n"
        "                             layout.extent_offset(extent));\n", ""),
        space("SpaceAhead.ADamagedWord*")),
    mutant("e_ahead_of_the_limit", "nothing is made ready beyond `size_limit`", (
        "state/space.cc", "engine.size_limit == 0 && want", "want"),
        space("SpaceAhead.AFullStore*")),
    mutant("e_hole_thought_to_be_there", "what a hole is punched in is brought in again", (
        "system/mapping.cc",
        "    ahead_end_.store(0, std::memory_order_relaxed);\n  }\n  seam::announce_at(",
        "  }\n  seam::announce_at("),
        unit("MappingPopulate.AsksNot*")),
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
    mutant("e_row_dropped_from_its_front", "a large record's first extent is freed last", [
        ("state/notes.cc", "  const u64 rest = count == 0 ? 0 : count - 1;\n",
         "  if (const Result<Block> head = word_block(engine, first); head) {\n"
         "    const u64 space = engine.layout.space_domain();\n"
         "    const auto bytes = writable(engine, space, *head, Purpose::kRelease);\n"
         "    u64& word = reinterpret_cast<u64*>(*bytes)[engine.layout.word_in_block(first)];\n"
         "    Change change(engine, space);\n"
         "    if (extent_kind(word) == ExtentKind::kLargePending &&\n"
         "        extent_payload(word) == count)\n"
         "      change.set(word, make_extent_word(ExtentKind::kFree, 0, engine.epoch()));\n"
         "    change.publish();\n"
         "  }\n"
         "  const u64 rest = count == 0 ? 0 : count - 1;\n")],
        process("DroppedRow.*")),
    mutant("e_note_ended_by_itself", "a row's first extent and its note go at once", [
        ("state/notes.cc", "  if (note != nullptr) change.set(*note, 0);\n", ""),
        ("state/notes.cc", "  if (!change.empty()) change.publish();\n",
         "  if (!change.empty()) change.publish();\n"
         "  if (note != nullptr) seam::store(*note, 0);\n")],
        process("DroppedRow.*")),
    mutant("e_slot_of_the_living_swept", "a slot swept late may be somebody else's by then", (
        "state/notes.cc",
        "    if (seam::load(engine.slot(slot).generation) != generation) return {};\n", ""),
        process("SweptSlot.*")),
    mutant("e_limit_not_asked", "RLIMIT_FSIZE is an error and no signal", (
        "system/size_limit.h", "limit.rlim_cur != RLIM_INFINITY", "limit.rlim_cur == 1"),
        unit("MappingAllocate.*"), errors("NoSpace.TheLimit*")),
)

MUTANTS = (*BLOCKS, *RECORDS, *EXTENTS)
