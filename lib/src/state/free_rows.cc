// See free_rows.h.
#include "state/free_rows.h"

#include <algorithm>

#include "state/pins.h"
#include "state/space.h"

namespace hmap {
namespace {

// Words looked at in one search of freed extents; the search goes on there next time.
constexpr u64 kSearchWords = 4096;

}  // namespace

Result<u64> find_row(const Engine& engine, u64 from, u64 to, u64 count, u64& next, u64 kept_from,
                     u64 kept_to) {
  const u64 oldest = engine.needed_cuts().oldest;
  const HeldSpace held = HeldSpace::of(engine);
  u64 row = 0;
  u64 extent = from;
  while (extent < to) {
    const Result<Block> block = word_block(engine, extent);
    if (!block) return block.error();
    const Result<std::byte*> bytes = live_bytes(engine, *block);
    if (!bytes) return bytes.error();
    const auto* words = reinterpret_cast<const u64*>(*bytes);
    const u64 base = extent - engine.layout.word_in_block(extent);
    const u64 last = std::min(to, extent + words_left_in_block(engine, extent));
    for (; extent < last; ++extent) {
      const bool in_zone = extent >= kept_from && extent < kept_to;
      row = !in_zone && is_usable(words[extent - base], extent, oldest, held) ? row + 1 : 0;
      if (row == count) {
        next = extent + 1;
        return extent + 1 - count;
      }
    }
  }
  next = to - row;
  return to;
}

Result<u64> find_freed(Engine& engine, u64 count, bool thorough) {
  format::Domain& space = engine.domain(engine.layout.space_domain());
  const u64 end = engine.runtime->extents_end;
  const u64 mark = seam::load(engine.runtime->durable) + 1;
  u64 next = 0;
  if (thorough) {
    const Result<u64> found = find_row(engine, 0, end, count, next);
    return !found || *found < end ? found : Result<u64>(format::kForever);
  }
  if (space.hint[1] != mark) {
    // Crash: a search goes on in the middle, and what lies before is found by the next one.
    seam::store(space.hint[1], mark);
    seam::store(space.hint[0], 0);
  }
  if (space.hint[0] == format::kForever) return format::kForever;
  const u64 from = std::min(space.hint[0], end);
  // What is left of the zone is for spans, unless the disk is full.
  const u64 kept_from = space.zone[0];
  const u64 kept_to = space.zone[1];
  const u64 to = std::min(end, from + std::max(kSearchWords, 2 * count));
  const Result<u64> found = find_row(engine, from, to, count, next, kept_from, kept_to);
  if (!found) return found;
  seam::store(space.hint[0], next);
  if (*found < to) return found;
  if (to == end) seam::store(space.hint[0], format::kForever);
  return format::kForever;
}

}  // namespace hmap
