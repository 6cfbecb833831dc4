// The arithmetic of the file's layout.
#include "format/layout.h"

#include <algorithm>
#include <bit>

#include "hmap/options.h"

namespace hmap {
namespace {

// Null, or which size is impossible and what it may be.
const char* fault_of_geometry(const format::Superblock& s) {
  const auto power_between = [](u64 value, u64 low, u64 high) {
    return std::has_single_bit(value) && value >= low && value <= high;
  };
  if (s.shard_bits > kShardBitsMax) return "geometry: shard_bits: 0 to 8";
  if (s.compression > format::kCompressionLz4 || s.dictionary_bytes > kDictionaryBytesMax)
    return "geometry: compression or dictionary_bytes out of range";
  if (!power_between(s.block_bytes, 512, 65'536))
    return "geometry: block_bytes: a power of two from 512 to 65,536";
  if (!power_between(s.extent_bytes, 2'048, u64{1} << 24))
    return "geometry: extent_bytes: a power of two from 2,048 to 16,777,216";
  if (s.extent_bytes < 4 * u64{s.block_bytes})
    return "geometry: extent_bytes: at least 4 times block_bytes";
  // An extent of frames keeps the states of its frames in its first block.
  static_assert(sizeof(format::PlaceState) == 32);
  if (s.extent_bytes / s.block_bytes > s.block_bytes / sizeof(format::PlaceState))
    return "geometry: extent_bytes: at most block_bytes * block_bytes / 32";
  if (s.slots < 1 || s.slots > 255) return "geometry: slots: 1 to 255";
  if (s.intent_words < kIntentWordsMin || s.intent_words > kIntentWordsMax)
    return "geometry: intent_words: 224 to 256";
  return nullptr;
}

}  // namespace

RunShape Sizes::make_shape(u64 blocks, u64 copies) const {
  RunShape shape;
  shape.blocks = blocks;
  shape.copies = copies;
  shape.states = (blocks * copies + 2 * table_pages(blocks)) * block_bytes;
  shape.places = shape.states + blocks * sizeof(format::BlockState) +
                 blocks * (copies - 1) * sizeof(format::PlaceState);
  return shape;
}

void Layout::derive_arrays() {
  for (u64 b = 0; b <= kMaxB; ++b) {
    ArrayShape& shape = shapes_[b];
    const u64 main = u64{1} << b;
    const u64 preallocated = b >= 4 ? u64{1} << (b - 4) : 0;
    const u64 blocks = (main + preallocated + bucket.per_block - 1) / bucket.per_block;
    shape.runs[0] = make_shape(blocks, 1);
    shape.buckets = blocks * bucket.per_block;
    const u64 more = std::max(unit_blocks, (blocks + 7) / 8);
    shape.overflow_buckets = more * bucket.per_block;
    for (u64 j = 1; j <= format::kOverflowRuns; ++j) shape.runs[j] = make_shape(more << (j - 1), 1);
  }
}

void Sizes::derive_bucket(const format::Superblock& s) {
  bucket = BucketShape();
  bucket.bytes = sizeof(format::Bmap);
  if (s.key_kind == format::kKindFixed && s.elem_kind == format::kKindFixed &&
      s.key_bytes <= format::kInlineBytesMax && s.elem_bytes <= format::kInlineBytesMax) {
    const u64 bytes = inline_bucket_bytes(s.key_bytes, s.elem_bytes);
    if (bytes <= block_bytes) {
      bucket.bytes = bytes;
      bucket.key_bytes = s.key_bytes;
      bucket.elem_bytes = s.elem_bytes;
    }
  }
  bucket.per_block = block_bytes / bucket.bytes;
  bucket.shift = static_cast<u64>(std::countr_zero(bucket.per_block));
  bucket.reciprocal = (u64{1} << 63) / bucket.per_block + 1;
}

// Sizes, and what the offsets in a superblock follow from.
void Sizes::derive_sizes(const format::Superblock& s) {
  shard_bits = s.shard_bits;
  block_bytes = s.block_bytes;
  extent_bytes = s.extent_bytes;
  slots = s.slots;
  intent_words = s.intent_words;
  record_sums =
      (s.features_refuse & format::kFeatureCrc) != 0 ? RecordSums::kCrc : RecordSums::kXxh3;
  shards = u64{1} << shard_bits;
  derive_bucket(s);
  words_per_block = block_bytes / 8;
  spans_per_block = block_bytes / sizeof(format::SpanEntry);
  entries_per_page = (block_bytes - sizeof(format::TablePage)) / sizeof(format::TableEntry);
  word_shift = static_cast<u64>(std::countr_zero(words_per_block));
  span_shift = static_cast<u64>(std::countr_zero(spans_per_block));
  extent_shift = static_cast<u64>(std::countr_zero(extent_bytes));
  frames_per_extent = extent_bytes / block_bytes - 1;
  batch_ops = std::min(kBatchOpsMax, block_bytes * block_bytes / 4096);
  domain_bytes =
      round_up(sizeof(format::Domain) + sizeof(format::Intent) +
                   intent_words * sizeof(format::IntentWord) + sizeof(format::ShardHeader),
               64);
}

void Layout::derive_shapes() {
  unit_blocks = 1;
  while (run_bytes(make_shape(unit_blocks + 1, 1)) <= extent_bytes) ++unit_blocks;
  derive_arrays();
  for (u64 k = 0; k < directory_.size(); ++k) directory_[k] = make_shape(unit_blocks << k, 1);
  extent_table_[0] = make_shape(1, kExtentTableCopies);
  for (u64 k = 1; k < extent_table_.size(); ++k)
    extent_table_[k] = make_shape(u64{1} << (k - 1), kExtentTableCopies);
  spans_[format::kClasses] = {1, 0};
  for (u64 c = 0; c < format::kClasses; ++c) {
    const u64 bytes = class_bytes(c);
    u64 extents = extents_for(bytes);
    while (extents < 8 && extents * extent_bytes % bytes > extents * extent_bytes / 8) ++extents;
    spans_[c] = {extents, std::min(extents * extent_bytes / bytes, format::kSpanMapWords * 64)};
  }
}

Status Sizes::complete(format::Superblock& s) {
  if (const char* const fault = fault_of_geometry(s)) return {Code::kInvalidArgument, fault};
  Sizes layout;
  layout.derive_sizes(s);
  layout.root_bytes = root_bytes_for(layout.shard_bits);
  layout.runtime_offset = format::kPageBytes + 2 * layout.root_bytes;
  layout.runtime_bytes =
      round_up(layout.pins_offset(layout.slots + 1) - layout.runtime_offset, format::kPageBytes);
  // Blocks and extents lie at multiples of block_bytes: tables name their places in these units.
  const u64 unit = std::max(format::kPageBytes, layout.block_bytes);
  layout.extent_table_offset = round_up(layout.runtime_offset + layout.runtime_bytes, unit);
  s.root_bytes = layout.root_bytes;
  s.runtime_offset = {layout.runtime_offset};
  s.runtime_bytes = layout.runtime_bytes;
  s.extent_table_offset = {layout.extent_table_offset};
  // Extents lie at multiples of their size, so that zones of them can be aligned.
  const u64 heap_unit = std::max<u64>(unit, layout.extent_bytes);
  u64 end = layout.extent_table_offset + run_bytes(layout.make_shape(1, kExtentTableCopies));
  s.dictionary_offset = {};
  if (s.dictionary_bytes != 0) {
    s.dictionary_offset = {round_up(end, format::kPageBytes)};
    end = s.dictionary_offset.value + sizeof(format::Dictionary) + s.dictionary_bytes;
  }
  s.heap_offset = {round_up(end, heap_unit)};
  return {};
}

Status Layout::derive(const format::Superblock& s, Layout& layout) {
  format::Superblock expected = s;
  if (!complete(expected).ok() || expected.root_bytes != s.root_bytes ||
      expected.runtime_offset != s.runtime_offset || expected.runtime_bytes != s.runtime_bytes ||
      expected.extent_table_offset != s.extent_table_offset ||
      expected.dictionary_offset != s.dictionary_offset || expected.heap_offset != s.heap_offset) {
    return Status(Code::kCorrupt, "superblock: impossible geometry", 0);
  }
  layout.derive_sizes(s);
  layout.derive_shapes();
  layout.root_bytes = s.root_bytes;
  layout.runtime_offset = s.runtime_offset.value;
  layout.runtime_bytes = s.runtime_bytes;
  layout.extent_table_offset = s.extent_table_offset.value;
  layout.heap_offset = s.heap_offset.value;
  const u64 file_max = std::min(format::kFileBytesMax, format::kPlacesMax * layout.block_bytes);
  layout.extents_max = (file_max - layout.heap_offset) / layout.extent_bytes;
  layout.compression = s.compression;
  layout.dictionary_offset = s.dictionary_offset.value;
  layout.dictionary_bytes = s.dictionary_bytes;
  layout.lengths = Lengths(type_of(s));
  layout.first_header = layout.intent_offset(0) + sizeof(format::Intent) +
                        layout.intent_words * sizeof(format::IntentWord);
  return {};
}

Result<Layout> Layout::from(const format::Superblock& s) {
  Layout layout;
  if (Status status = derive(s, layout); !status.ok()) return status;
  return layout;
}

}  // namespace hmap
