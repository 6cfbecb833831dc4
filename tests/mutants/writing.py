"""Faults in a write: steps W1 to W9 of lib/README.md, and the order of Go's map."""

from mutant import mutant
from suites import DEAD, MODEL, POWER, stopped, taken_over, verify

VERSIONS_EVEN = ("  for (u32 i = 0; i < seqlocks_; ++i) "
                 "seam::store(*versions_[i], (*versions_[i] | 1) + 1);\n")

INTENT = (
    mutant("w5_state_before_body", "W5: the intent's body before its state", [
        ("state/intent.cc", "  seam::store(intent_.words, words_);\n",
         "  seam::store(intent_.state, intent_.state + 1);\n"
         "  seam::store(intent_.words, words_);\n"),
        ("state/intent.cc", "  const u64 state = intent_.state;\n", ""),
        ("state/intent.cc", "  seam::store(intent_.state, state + 1);\n", "")],
        stopped("FirstInserts", "Overwrites")),
    mutant("w5_not_published", "W5: publish before the first word is applied", [
        ("state/intent.cc", "  seam::store(intent_.state, state + 1);\n",
         "  static_cast<void>(state);\n"),
        ("state/intent.cc", "  seam::store(intent_.state, intent_.state + 1);\n",
         "  seam::store(intent_.state, intent_.state + 2);\n")],
        stopped("FirstInserts", "Overwrites")),
    mutant("w6_versions_stay_even", "W6: versions odd while words change", (
        "state/intent.cc",
        "  for (u32 i = 0; i < seqlocks_; ++i) seam::store(*versions_[i], *versions_[i] | 1);\n",
        ""),
        stopped("FirstInserts", "Overwrites", "GrowthOfFourBuckets")),
    mutant("w6_versions_odd_before_publishing", "W5 before W6: an odd version has its intent", (
        "state/intent.cc", "void Change::publish() {\n",
        "void Change::publish() {\n"
        "  for (u32 i = 0; i < seqlocks_; ++i) seam::store(*versions_[i], *versions_[i] | 1);\n"),
        stopped("GrowthOfFourBuckets")),
    mutant("w7_last_word_not_applied", "W7: every word", (
        "state/intent.cc", "  for (u32 i = 0; i < words_; ++i) seam::store(*targets_[i],",
        "  for (u32 i = 0; i + 1 < words_; ++i) seam::store(*targets_[i],"),
        MODEL),
    mutant("w8_even_before_the_words", "W7 before W8: versions even when all words are new", [
        ("state/intent.cc", VERSIONS_EVEN, ""),
        ("state/intent.cc", "  for (u32 i = 0; i < words_; ++i) seam::store(*targets_[i],",
         VERSIONS_EVEN + "  for (u32 i = 0; i < words_; ++i) seam::store(*targets_[i],")],
        stopped("FirstInserts", "GrowthOfFourBuckets")),
    mutant("w8_versions_stay_odd", "W8: versions even again", (
        "state/intent.cc", "seam::store(*versions_[i], (*versions_[i] | 1) + 1);",
        "seam::store(*versions_[i], *versions_[i] | 1);"),
        MODEL),
    mutant("w9_state_even_before_versions", "W8 before W9: the intent stays while one is odd", [
        ("state/intent.cc", VERSIONS_EVEN,
         "  seam::store(intent_.state, intent_.state + 1);\n" + VERSIONS_EVEN + "  return;\n")],
        stopped("FirstInserts")),
    mutant("k1_replay_without_words", "recovery: the dead owner's words are applied", (
        "state/intent.cc",
        "  for (const auto& [word, value] : changes) seam::store(*word, value);\n",
        "  static_cast<void>(changes);\n"),
        stopped("FirstInserts")),
    mutant("k1_replay_leaves_versions_odd", "recovery: versions even again", (
        "state/intent.cc",
        "  for (u64* version : versions) seam::store(*version, (seam::load(*version) | 1) + 1);\n",
        ""),
        stopped("FirstInserts")),
    mutant("k1_replay_retracts_first", "recovery: retract when everything is applied", [
        ("state/intent.cc", "  for (u64* version : versions) seam::store(*version, seam::load(",
         "  seam::store(intent.state, state + 1);\n"
         "  for (u64* version : versions) seam::store(*version, seam::load("),
        ("state/intent.cc",
         "  seam::store(intent.state, state + 1);\n  return {};\n", "  return {};\n")],
        taken_over("FirstInserts", "Overwrites")),
    mutant("k1_dead_owner_unnoticed", "W1: a dead owner's work is finished first", (
        "state/engine.cc", "if (*acquired == Acquired::kOwnerDied) [[unlikely]] {", "if (false) {"),
        stopped("FirstInserts")),
)

PUT_AND_ERASE = (
    mutant("w3_record_after_publishing", "W3 before W5: the record before what leads to it", [
        ("map/insert.cc",
         "    // Crash: the slot's bit is clear, these bytes mean nothing.\n"
         "    write_record(engine_, to, key_, value_);\n", ""),
        ("map/insert.cc", "    if (!status.ok()) return status;\n    if (record_.note != nullptr)",
         "    if (!status.ok()) return status;\n"
         "    if (record_.note == nullptr)\n"
         "      write_record(engine_, engine_.map->base() + record_.slot.offset, key_, value_);\n"
         "    if (record_.note != nullptr)")],
        stopped("FirstInserts", "Overwrites")),
    mutant("w7_count_outside_the_intent", "W5: count changes with the entry", (
        "map/insert.cc",
        "hash_bits(hash, header_.b)));\n    change.set(header_.count, header_.count + 1);",
        "hash_bits(hash, header_.b)));\n    seam::store(header_.count, header_.count + 1);"),
        stopped("FirstInserts")),
    mutant("w5_freed_before_replaced", "W5: the old record's bit is cleared by the intent only", (
        "map/locate.cc", "change.set_bits(*record.slot.map_word, 0, record.slot.bit);",
        "seam::store(*record.slot.map_word, *record.slot.map_word & ~record.slot.bit);\n"
        "    static_cast<void>(change);"),
        stopped("Overwrites"), DEAD),
    mutant("w5_overflow_linked_before_filled", "an overflow bucket is filled, then linked", [
        ("map/insert.cc", "    image.store_to(**added, shape());\n",
         "    added_ = *added;\n    image_ = image;\n"),
        ("map/insert.cc", "    if (record_.note != nullptr) status = adopt_large(",
         "    if (added_ != nullptr) image_.store_to(*added_, shape());\n"
         "    if (record_.note != nullptr) status = adopt_large("),
        ("map/insert.cc", "  NewRecord record_;\n",
         "  NewRecord record_;\n  Bmap* added_ = nullptr;\n  BucketImage image_;\n")],
        stopped("FirstOverflow")),
)

GROWTH = (
    mutant("w2_marked_before_filled", "evacuation: X and Y before the mark", [
        ("map/evacuate.cc", "  flush_half(engine, work.x);\n  flush_half(engine, work.y);\n", ""),
        ("map/evacuate.cc", "  change.publish();\n  return {};\n",
         "  change.publish();\n  flush_half(engine, work.x);\n  flush_half(engine, work.y);\n"
         "  return {};\n")],
        stopped("GrowthOfFourBuckets")),
    mutant("w2_growth_unseen_by_readers", "growth: the header's version goes odd", (
        "map/grow.cc",
        "  change.guard(header.version);\n  set_array(change, header.oldbuckets, header.buckets",
        "  set_array(change, header.oldbuckets, header.buckets"),
        stopped("GrowthOfFourBuckets")),
    mutant("w2_next_array_dirty", "a new array is zero before it is used", (
        "state/space.cc",
        "  return request.zero ? engine", "  return request.reserve_only ? engine"),
        MODEL, POWER),
)

BLOCKS = (
    mutant("w4_damage_copied", "W4, F-95: a block is compared before it is copied", (
        "state/blocks.cc",
        "  if (Status s = check_durable(engine, block.run, block.index, block.state->live_born, "
        "live);\n      !s.ok())\n"
        "    return s;\n", ""),
        verify("Blocks/OfShard.*")),
    mutant("w4_other_root_asked", "F-95: it is the durable root's table that counts", (
        "state/tables.cc", "layout.table_offset(run, durable & 1)",
        "layout.table_offset(run, 1 - (durable & 1))"),
        verify("Blocks/OfShard.*"), MODEL),
)

MUTANTS = (*INTENT, *PUT_AND_ERASE, *GROWTH, *BLOCKS)
