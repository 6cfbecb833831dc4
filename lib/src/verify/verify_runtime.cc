// The runtime area. format-spec/format.md, "Runtime area".
#include "verify/verify_runtime.h"

#include <cstring>

#include "records/batch_area.h"
#include "state/pins.h"

namespace hmap::checking {

using format::Intent;
using format::Root;
using format::RuntimeHeader;

namespace {

void check_intent(const Engine& engine, u64 d, Findings& out) {
  const Layout& layout = engine.layout;
  const Intent& intent = engine.intent(d);
  const u64 state = seam::load(intent.state);
  if (state % 2 == 0) return;
  const u32 words = seam::load(intent.words);
  const u32 locks = seam::load(intent.seqlocks);
  const Spot here{layout.intent_offset(d),
                  d < layout.shards ? static_cast<u32>(d) : Finding::kNoShard};
  std::string wrong;
  if (words > layout.intent_words || locks > format::kIntentSeqlocks) {
    wrong = say("a published change has ", u64{words}, " words and ", u64{locks},
                " versions, which no change can have: the shard cannot be recovered");
  }
  for (u64 i = 0; wrong.empty() && i < words; ++i) {
    const Offset<u64> at = seam::load(engine.intent_words(d)[i].offset);
    if (at.value < layout.runtime_offset || engine.map->at(at) == nullptr)
      wrong = say("a published change names the word at ", at.value, ", which does not exist");
  }
  for (u64 i = 0; wrong.empty() && i < locks; ++i) {
    const Offset<u64> at = seam::load(intent.seqlock[i]);
    if (at.value < layout.runtime_offset || engine.map->at(at) == nullptr)
      wrong = say("a published change names the version at ", at.value, ", which does not exist");
  }
  if (!wrong.empty() && seam::load(intent.state) == state)
    out.damage(FindingKind::kIntent, here, std::move(wrong));
}

void check_lock(const Engine& engine, const format::Lock& lock, u32 shard, Findings& out) {
  const u32 owner = seam::load(lock.word) & 0xffff;
  if (owner <= engine.layout.slots) return;
  out.damage(FindingKind::kRuntime, {engine.map->offset_of(&lock), shard},
             say("a lock is held by slot ", u64{owner}, " of ", engine.layout.slots));
}

// A part of a batch that has happened and is not done in its shard: what it names must be there. A
// look without the lock counts if the mark is the same afterwards.
void check_part(const Engine& engine, u64 shard, Findings& out) {
  const Layout& layout = engine.layout;
  const u64 state = seam::load(engine.batch().state);
  const u64 ops = seam::load(engine.batch_part(shard).ops);
  if (ops == 0 || !part_is_committed(engine, shard)) return;
  const Spot here{layout.batch_part_offset(shard), static_cast<u32>(shard)};
  std::string wrong;
  if ((ops & 0xffff'ffff) + (ops >> 32) > layout.batch_ops) {
    wrong = say("a batch names operations ", ops & 0xffff'ffff, " and ", (ops >> 32) - 1,
                " behind it, of ", layout.batch_ops, ": what it does in this shard is lost");
  }
  for (const u64& word : part_ops(engine, shard)) {
    const u64 offset = format::batch_op_record(seam::load(word));
    const Result<EntryView> record = view_record(engine, offset);
    if (record && record_intact(engine, *record)) continue;
    wrong = say("a batch names the record at ", offset,
                ", which is not intact: the shard cannot "
                "be recovered");
    break;
  }
  const bool same =
      seam::load(engine.batch_part(shard).ops) == ops && seam::load(engine.batch().state) == state;
  if (!wrong.empty() && same) out.damage(FindingKind::kIntent, here, std::move(wrong));
}

// Pins of a slot that has said that it pins, with rows that can be. Those of an older generation
// count for nothing.
void check_pins(const Engine& engine, u64 slot, Findings& out) {
  const format::Pins& pins = engine.pins(slot);
  const u64 generation = seam::load(engine.slot(slot).generation);
  const Spot here{engine.layout.pins_offset(slot)};
  if (const u64 views = views_of(engine, slot).count;
      views != 0 &&
      (seam::load(engine.runtime->pinned[(slot - 1) / 64]) >> (slot - 1) % 64 & 1) == 0) {
    out.damage(FindingKind::kRuntime, here,
               say("slot ", slot, " holds ", views,
                   " views, but is not in the list of those who hold any: what they read will be "
                   "overwritten"));
  }
  for (const format::PinnedRow& cell : pins.rows) {
    const u64 owner = seam::load(cell.owner);
    const u64 row = seam::load(cell.row);
    // Between the two loads and this one the view may have ended.
    if (row == 0 || pin_holds(owner) == 0 || pin_generation(owner) != (generation & 0x7fff) ||
        note_first(row) + note_count(row) <= seam::load(engine.runtime->extents_end) ||
        seam::load(cell.row) != row)
      continue;
    out.damage(FindingKind::kRuntime, here,
               say("slot ", slot, " holds a view of ", note_count(row), " extents from extent ",
                   note_first(row), " on, which are not in use"));
  }
}

// The runtime header against the roots: read again until no checkpoint ended in between.
void check_durable_words(const Engine& engine, Findings& out) {
  const RuntimeHeader& runtime = *engine.runtime;
  const Spot here{engine.layout.runtime_offset};
  for (int attempt = 0; attempt < 100; ++attempt) {
    const u64 durable = seam::load(runtime.durable);
    const u64 generation = seam::load(runtime.generation);
    const u64 epoch = engine.epoch();
    Root root;
    seam::copy_out(&root, engine.map->base() + engine.layout.root_offset(durable & 1), sizeof root);
    seam::read_barrier();
    if (seam::load(runtime.durable) != durable || seam::load(runtime.generation) != generation)
      continue;
    // The generation is stored just before `durable`.
    const bool same = root.generation == generation || root.generation + 1 == generation;
    if (root.cut != durable >> 1 || !same || epoch <= durable >> 1) {
      out.damage(FindingKind::kRuntime, here,
                 say("the runtime area takes epoch ", durable >> 1, " of generation ", generation,
                     " for durable, but its root closed epoch ", root.cut, " as generation ",
                     root.generation, "; the epoch is ", epoch));
    }
    return;
  }
}

}  // namespace

void check_runtime(const Engine& engine, Findings& out) {
  const RuntimeHeader& runtime = *engine.runtime;
  const Layout& layout = engine.layout;
  const Spot here{layout.runtime_offset};
  if (const u64 poison = seam::load(runtime.poison); poison != 0) {
    out.note(FindingKind::kRuntime, here,
             say("a flush failed (errno ", poison,
                 "): the store takes no writes until all have "
                 "closed it"));
  }
  const u64 end = seam::load(runtime.extents_end);
  if (end > layout.extents_max || engine.map->bytes(layout.extent_offset(end) - 1, 1) == nullptr) {
    out.damage(FindingKind::kTruncated, {engine.map->file_bytes()},
               say("the file has ", engine.map->file_bytes(), " bytes, the live state ", end,
                   " extents: the end is missing"));
  }
  if (const u64 table = seam::load(runtime.extent_table[0]).value;
      table != layout.extent_table_offset) {
    out.damage(FindingKind::kRuntime, here,
               say("the extent table is at ", layout.extent_table_offset, ", not at ", table));
  }
  check_durable_words(engine, out);
  check_lock(engine, runtime.checkpoint_lock, Finding::kNoShard, out);
  check_lock(engine, engine.batch().lock, Finding::kNoShard, out);
  for (u64 s = 0; s < layout.shards; ++s) check_part(engine, s, out);
  for (u64 d = 0; d <= layout.shards; ++d) {
    const u32 shard = d < layout.shards ? static_cast<u32>(d) : Finding::kNoShard;
    check_lock(engine, engine.domain(d).lock, shard, out);
    check_intent(engine, d, out);
  }
  for (u64 slot = 1; slot <= layout.slots; ++slot) check_pins(engine, slot, out);
}

void check_frames(const Engine& engine, const LiveView& view, u64 shard, Findings& out) {
  const Layout& layout = engine.layout;
  u64 next = 0;
  view.peek(engine.map->offset_of(&engine.domain(shard).frame_head), &next, sizeof next);
  for (u64 hops = 0; next != 0; ++hops) {
    const u64 extent = next - 1;
    u64 word = 0;
    const Spot here{layout.extent_offset(extent), static_cast<u32>(shard), FindingUnit::kExtent,
                    extent};
    if (hops > view.extents_end || !view.extent_word(extent, word) ||
        extent_kind(word) != format::ExtentKind::kFrames || extent_shard(word) != shard) {
      out.damage(FindingKind::kRuntime, here,
                 say("the list of frames of the shard leads to extent ", extent,
                     hops > view.extents_end ? ", in a circle" : ", which holds none of its"));
      return;
    }
    view.peek(layout.extent_offset(extent), &next, sizeof next);
  }
}

void excuse_unfinished(const Engine& engine, const LiveView& view, u64 domain,
                       ExtentOwners& owners) {
  const auto row = [&](const u64& word) {
    u64 note = 0;
    view.peek(engine.map->offset_of(&word), &note, sizeof note);
    // A published one is reachable, and claimed by its reference.
    if (note != 0 && (note & kNotePublished) == 0)
      owners.excuse(note_first(note), note_count(note));
  };
  row(engine.domain(domain).pending);
  row(engine.domain(domain).freeing);
  for (u64 slot = 1; slot <= engine.layout.slots; ++slot) {
    for (const u64& note : engine.slot(slot).notes) row(note);
  }
}

void claim_extent_table(const Engine& engine, const LiveView& view, ExtentOwners& owners,
                        Findings& out) {
  for (u64 k = 1; k < format::kExtentSegments; ++k) {
    // Through the view: who died while adding a segment may have left it in an intent only.
    RunOffset at;
    view.peek(engine.map->offset_of(&engine.runtime->extent_table[k]), &at, sizeof at);
    if (at.none()) continue;
    owners.claim_run(Run(at, engine.layout.extent_table_shape(k)), format::ExtentKind::kExtentTable,
                     engine.layout.shards & 0xff, k, {at.value}, out);
  }
}

}  // namespace hmap::checking
