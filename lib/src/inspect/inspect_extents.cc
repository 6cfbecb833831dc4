// What each extent is used for, how full it is, and how old.
#include <algorithm>
#include <bit>
#include <cstring>

#include "inspect/inspect_view.h"
#include "map/bmap.h"
#include "records/spans.h"
#include "state/space.h"
#include "verify/verify_view.h"

namespace hmap::inspecting {
namespace {

using format::ExtentKind;

class Extents {
 public:
  explicit Extents(const View& view) : view_(view), layout_(view.layout), map_(view.map) {}

  ExtentFacts facts(u64 extent) const {
    ExtentFacts facts;
    facts.extent = extent;
    facts.offset = layout_.extent_offset(extent);
    facts.bytes = facts.used_bytes = layout_.extent_bytes;
    const SalvageState::SeenWord seen = view_.state()->extent_word(extent);
    if (seen.trust == Trust::kDamaged) return facts;
    facts.use = use_of(extent_kind(seen.word));
    if (facts.use != ExtentUse::kFree && facts.use != ExtentUse::kExtentTable)
      facts.shard = static_cast<u32>(extent_shard(seen.word));
    switch (facts.use) {
      case ExtentUse::kFree:
        facts.used_bytes = 0;
        facts.epoch = extent_payload(seen.word);
        break;
      case ExtentUse::kBuckets:
        buckets(facts);
        break;
      case ExtentUse::kRecords:
        records(extent_payload(seen.word), facts);
        break;
      case ExtentUse::kFrames:
        frames(facts);
        break;
      case ExtentUse::kLargeRecord:
        large(extent, seen.word, facts);
        break;
      default:
        break;
    }
    return facts;
  }

 private:
  static ExtentUse use_of(ExtentKind kind) {
    switch (kind) {
      case ExtentKind::kFree:
        return ExtentUse::kFree;
      case ExtentKind::kBuckets:
        return ExtentUse::kBuckets;
      case ExtentKind::kDirectory:
        return ExtentUse::kDirectory;
      case ExtentKind::kExtentTable:
        return ExtentUse::kExtentTable;
      case ExtentKind::kFrames:
        return ExtentUse::kFrames;
      case ExtentKind::kSpan:
        return ExtentUse::kRecords;
      case ExtentKind::kLarge:
      case ExtentKind::kLargeRest:
        return ExtentUse::kLargeRecord;
      case ExtentKind::kLargePending:
        return ExtentUse::kPending;
    }
    return ExtentUse::kUnknown;
  }

  // Epoch in which the live version of a block was begun.
  [[nodiscard]] u64 born(const Run& run, u64 block) const {
    if (!view_.state()->is_live()) return 0;
    const auto* state = map_.at(run.state_of(block));
    return state == nullptr ? 0 : state->live_born;
  }

  // The first of its blocks stands for all.
  void buckets(ExtentFacts& facts) const {
    const std::optional<OwnedRun> owned = view_.shard_run_at(facts.shard, facts.offset);
    const format::ShardHeader* header = view_.header(facts.shard);
    if (!owned || owned->use != OwnedRun::Use::kBuckets || header == nullptr) {
      facts.outgrown = true;
      facts.used_bytes = 0;
      return;
    }
    facts.outgrown = owned->array == &header->oldbuckets;
    const u64 block = (facts.offset - owned->run.offset) / layout_.block_bytes;
    // Behind the blocks lie their tables and states.
    if (block >= owned->run.blocks) return;
    facts.epoch = born(owned->run, block);
    const SeenBlock seen = view_.state()->block(owned->run, block);
    u64 filled = 0;
    for (u64 i = 0; seen.bytes != nullptr && i < layout_.bucket.per_block; ++i) {
      u64 tophash = 0;
      std::memcpy(&tophash, seen.bytes + i * layout_.bucket.bytes, sizeof tophash);
      for (u64 slot = 0; slot < format::kSlots; ++slot)
        filled += is_filled(tophash_at(tophash, slot)) ? 1 : 0;
    }
    const u64 slots = layout_.bucket.per_block * format::kSlots;
    facts.used_bytes = facts.bytes * filled / slots;
  }

  void records(u64 id, ExtentFacts& facts) const {
    const format::ShardHeader* header = view_.header(facts.shard);
    if (header == nullptr) return;
    const View::SeenSpan span = view_.span(*header, id);
    const u64 size_class = span_class(span.entry.head);
    const SpanShape& shape = layout_.span_shape(size_class);
    if (span.trust == Trust::kDamaged || shape.slots == 0) return;
    u64 taken = 0;
    for (const u64 word : span.entry.map) taken += static_cast<u64>(std::popcount(word));
    facts.slot_bytes = class_bytes(size_class);
    facts.used_bytes = std::min(taken * facts.slot_bytes / shape.extents, facts.bytes);
    const checking::SpanPlace at = checking::SpanPlace::of(layout_, id);
    facts.epoch =
        born(Run(header->directory[at.segment], layout_.directory_shape(at.segment)), at.block);
  }

  // Frames that hold the live version of a block, or one that the last checkpoint needs.
  void frames(ExtentFacts& facts) const {
    const u64 states = facts.offset + sizeof(format::FrameHeader);
    u64 used = 0;
    for (u64 i = 0; i < layout_.frames_per_extent; ++i) {
      const auto* state =
          map_.at(Offset<format::PlaceState>{states + i * sizeof(format::PlaceState)});
      if (state == nullptr || state->born == 0) continue;
      if (state->superseded == format::kForever ||
          (view_.state()->is_live() && state->superseded > view_.engine.durable_cut())) {
        ++used;
      }
      facts.epoch = std::max(facts.epoch, state->born);
    }
    facts.used_bytes = (1 + used) * layout_.block_bytes;
    if (!view_.state()->is_live()) facts.epoch = 0;
  }

  void large(u64 extent, u64 word, ExtentFacts& facts) const {
    const u64 behind = extent_kind(word) == ExtentKind::kLargeRest ? extent_payload(word) : 0;
    if (behind > extent) return;
    const std::optional<ScannedRecord> record =
        plausible_record(map_, layout_.extent_offset(extent - behind));
    if (!record) return;
    const u64 before = behind * layout_.extent_bytes;
    facts.used_bytes =
        record->bytes() > before ? std::min(record->bytes() - before, facts.bytes) : 0;
  }

  const View& view_;
  const Layout& layout_;
  const Mapping& map_;
};

}  // namespace

void visit_extents(const View& view, const std::function<bool(const ExtentFacts&)>& visit) {
  const u64 file = view.map.file_bytes();
  const u64 heap = view.layout.heap_offset;
  const u64 in_file = file > heap ? view.layout.extents_for(file - heap) : 0;
  const u64 end = std::min(view.state()->extents_end(), in_file);
  const Extents extents(view);
  for (u64 i = 0; i < end; ++i) {
    if (!visit(extents.facts(i))) return;
  }
}

}  // namespace hmap::inspecting
