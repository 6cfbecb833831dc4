// The bitmap of a span as an allocator must see it. format-spec/format.md, F-47 and F-75.
#ifndef HMAP_SRC_RECORDS_SPAN_MAPS_H_
#define HMAP_SRC_RECORDS_SPAN_MAPS_H_

#include <array>
#include <bit>

#include "records/spans.h"
#include "state/pins.h"

namespace hmap {

// The slots that are there among the 64 of a word, in a span of `slots`.
constexpr u64 slots_in_word(u64 slots, u64 word) {
  if (slots <= word * 64) return 0;
  const u64 count = slots - word * 64;
  return count >= 64 ? ~u64{0} : (u64{1} << count) - 1;
}

// A slot is taken if it is in the live map or in that of a needed cut, or reserved; all are, if
// views hold the span.
class SpanMaps {
 public:
  static Result<SpanMaps> of(const Engine& engine, const Block& block, u64 index,
                             const HeldSpace& held, const ReservedSlots* reserved) {
    const Result<std::byte*> live = live_bytes(engine, block);
    if (!live) return live.error();
    SpanMaps maps;
    maps.reserved_ = reserved;
    maps.live_ = reinterpret_cast<format::SpanEntry*>(*live) + index;
    const Engine::Needed cuts = engine.needed_cuts();
    for (u64 i = 0; i < cuts.count; ++i) {
      if (Status s = maps.add(engine, block, index, cuts.all[i]); !s.ok()) return s;
    }
    const u64 head = maps.live_->head;
    maps.slots_ = engine.layout.span_shape(span_class(head)).slots;
    maps.held_ = !held.empty() && held.has_any(span_extent(head),
                                               engine.layout.span_shape(span_class(head)).extents);
    return maps;
  }
  [[nodiscard]] const format::SpanEntry& live() const { return *live_; }
  // Slots nobody needs, of a word or of all.
  [[nodiscard]] u64 unused(u64 word) const {
    if (held_) return 0;
    u64 used = live_->map[word];
    for (u64 i = 0; i < count_; ++i) used |= older_[i]->map[word];
    if (reserved_ != nullptr) used |= reserved_->in(&live_->map[word]);
    return ~used & slots_in_word(slots_, word);
  }
  [[nodiscard]] u64 unused() const {
    u64 count = 0;
    for (u64 w = 0; w * 64 < slots_; ++w) count += static_cast<u64>(std::popcount(unused(w)));
    return count;
  }

 private:
  Status add(const Engine& engine, const Block& block, u64 index, u64 cut) {
    // The live version serves the cut too, unless it was born after it.
    if (seam::load(block.state->live_born) <= cut) return {};
    const Result<u64> place = place_at(engine, block, cut);
    if (!place) return place.error();
    if (*place == 0) return {};
    const auto* bytes = engine.map->bytes(*place, engine.layout.block_bytes);
    if (bytes == nullptr) return Engine::corrupt("block version outside the file", *place);
    const auto* entry = reinterpret_cast<const format::SpanEntry*>(bytes) + index;
    // A directory entry used anew is another span: the old bits mean other slots.
    const u64 same = 0xff'ffff'ffff;
    if ((entry->head & same) == (live_->head & same)) older_[count_++] = entry;
    return {};
  }
  format::SpanEntry* live_ = nullptr;
  const ReservedSlots* reserved_ = nullptr;
  std::array<const format::SpanEntry*, 2 + format::kSnapshots> older_{};
  u64 count_ = 0;
  u64 slots_ = 0;
  bool held_ = false;
};

}  // namespace hmap

#endif  // HMAP_SRC_RECORDS_SPAN_MAPS_H_
