// The arithmetic of the file's layout.
#include "layout.h"

#include <algorithm>
#include <bit>

#include "hmap/options.h"

namespace hmap {
namespace {

constexpr u64 round_up(u64 value, u64 unit) { return (value + unit - 1) / unit * unit; }

bool geometry_is_possible(const format::Superblock& s) {
  const auto power_between = [](u64 value, u64 low, u64 high) {
    return std::has_single_bit(value) && value >= low && value <= high;
  };
  return s.shard_bits <= kShardBitsMax && power_between(s.block_bytes, 512, 65'536) &&
         power_between(s.extent_bytes, 2'048, u64{1} << 24) &&
         s.extent_bytes >= 4 * u64{s.block_bytes} &&
         // An extent of frames keeps the states of its frames in its first block.
         s.extent_bytes / s.block_bytes <= s.block_bytes / sizeof(format::PlaceState) &&
         s.slots >= 1 && s.slots <= 255 && s.intent_words >= kIntentWordsMin &&
         s.intent_words <= 256;
}

}  // namespace

u64 Layout::domain_bytes() const {
  return round_up(sizeof(format::Domain) + sizeof(format::Intent) +
                      intent_words * sizeof(format::IntentWord) + sizeof(format::ShardHeader),
                  64);
}

u64 Layout::array_run_blocks(u64 b, u64 j) const {
  const u64 main = shape(b).blocks;
  if (j == 0) return main;
  return std::max(unit_blocks, (main + 7) / 8) << (j - 1);
}

void Layout::derive() {
  shards = u64{1} << shard_bits;
  buckets_per_block = block_bytes / sizeof(format::Bmap);
  bucket_block_shift = static_cast<u64>(std::countr_zero(buckets_per_block));
  words_per_block = block_bytes / 8;
  spans_per_block = block_bytes / sizeof(format::SpanEntry);
  entries_per_page = (block_bytes - sizeof(format::TablePage)) / sizeof(format::TableEntry);
  frames_per_extent = extent_bytes / block_bytes - 1;
  unit_blocks = 1;
  while (run_bytes(unit_blocks + 1, 1) <= extent_bytes) ++unit_blocks;
  for (u64 b = 0; b <= kMaxB; ++b) {
    ArrayShape& shape = shapes_[b];
    shape.main_buckets = u64{1} << b;
    const u64 preallocated = b >= 4 ? u64{1} << (b - 4) : 0;
    shape.blocks = (shape.main_buckets + preallocated + buckets_per_block - 1) / buckets_per_block;
    shape.buckets = shape.blocks * buckets_per_block;
    const Run run{0, shape.blocks, 1};
    shape.states = states_offset(run);
    shape.away = away_offset(run);
  }
}

Status Layout::complete(format::Superblock& s) {
  if (!geometry_is_possible(s)) {
    return Status(Code::kInvalidArgument, "geometry: sizes out of range or not fitting together");
  }
  Layout layout;
  layout.shard_bits = s.shard_bits;
  layout.block_bytes = s.block_bytes;
  layout.extent_bytes = s.extent_bytes;
  layout.slots = s.slots;
  layout.intent_words = s.intent_words;
  layout.derive();
  layout.root_bytes = round_up(sizeof(format::Root) + layout.shards * sizeof(format::ShardHeader),
                               format::kPageBytes);
  layout.runtime_offset = format::kPageBytes + 2 * layout.root_bytes;
  layout.runtime_bytes =
      round_up(layout.cut_header_offset(layout.shards) - layout.runtime_offset, format::kPageBytes);
  // Blocks and extents lie at multiples of block_bytes: tables name their places in these units.
  const u64 unit = std::max(format::kPageBytes, layout.block_bytes);
  layout.extent_table_offset = round_up(layout.runtime_offset + layout.runtime_bytes, unit);
  s.root_bytes = layout.root_bytes;
  s.runtime_offset = layout.runtime_offset;
  s.runtime_bytes = layout.runtime_bytes;
  s.extent_table_offset = layout.extent_table_offset;
  // Extents lie at multiples of their size, so that zones of them can be aligned.
  const u64 heap_unit = std::max<u64>(unit, layout.extent_bytes);
  s.heap_offset =
      round_up(layout.extent_table_offset + layout.run_bytes(1, kExtentTableCopies), heap_unit);
  return {};
}

Result<Layout> Layout::from(const format::Superblock& s) {
  format::Superblock expected = s;
  if (!complete(expected).ok() || expected.root_bytes != s.root_bytes ||
      expected.runtime_offset != s.runtime_offset || expected.runtime_bytes != s.runtime_bytes ||
      expected.extent_table_offset != s.extent_table_offset ||
      expected.heap_offset != s.heap_offset) {
    return Status(Code::kCorrupt, "superblock: impossible geometry", 0);
  }
  Layout layout;
  layout.shard_bits = s.shard_bits;
  layout.block_bytes = s.block_bytes;
  layout.extent_bytes = s.extent_bytes;
  layout.slots = s.slots;
  layout.intent_words = s.intent_words;
  layout.root_bytes = s.root_bytes;
  layout.runtime_offset = s.runtime_offset;
  layout.runtime_bytes = s.runtime_bytes;
  layout.extent_table_offset = s.extent_table_offset;
  layout.heap_offset = s.heap_offset;
  layout.derive();
  return layout;
}

}  // namespace hmap
