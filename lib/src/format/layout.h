// Where everything lies, computed from the geometry in the superblock: the arithmetic of
// format-spec/format.md in one place. No bytes of the file are touched here.
#ifndef HMAP_SRC_FORMAT_LAYOUT_H_
#define HMAP_SRC_FORMAT_LAYOUT_H_

#include <array>
#include <cstdint>

#include "format/format.h"
#include "format/offset.h"
#include "format/runtime_format.h"
#include "format/superblock_format.h"
#include "format/type.h"
#include "hmap/result.h"

namespace hmap {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

using RunOffset = Offset<format::BlockRun>;

// What follows from the number of blocks and copies of a run; offsets are relative to the run's.
struct RunShape {
  u64 blocks = 0;
  u64 copies = 1;
  u64 states = 0;  // BlockState of block 0
  u64 places = 0;  // place word of block 0
};

// A row of blocks with their tables and states. Its shape follows from what the run is for; only
// the offset is in the file.
struct Run : RunShape {
  Run() = default;
  Run(RunOffset at, const RunShape& shape) : RunShape(shape), offset(at.value) {}
  u64 offset = 0;

  [[nodiscard]] Offset<format::BlockState> state_of(u64 block) const {
    return {offset + states + block * sizeof(format::BlockState)};
  }
  [[nodiscard]] Offset<u64> place_word_of(u64 block) const {
    return {offset + places + block * sizeof(u64)};
  }
};

// What follows from B alone for a bucket array.
struct ArrayShape {
  u64 buckets = 0;  // capacity of run[0] in buckets, overflow buckets included
  u64 overflow_buckets =
      0;  // capacity of run[1]; each further run has twice that of the one before
  std::array<RunShape, 1 + format::kOverflowRuns> runs;
};
inline constexpr u64 kMaxB = 40;

// 2^b. A b of the live state has no checksum and may be anything: it is found impossible where a
// bucket is looked up, and until then must not be more than a word has bits.
constexpr u64 buckets_of(u64 b) { return u64{1} << (b & 63); }

// Of a bucket whose slots hold keys and elements of these lengths.
constexpr u64 inline_bucket_bytes(u64 key_bytes, u64 elem_bytes) {
  return format::kBucketHeadBytes + format::kSlots * (key_bytes + elem_bytes);
}

// How the buckets of a store look: 24 bytes, then eight references to records, or eight keys and
// eight elements.
struct BucketShape {
  u64 bytes = 0;
  u64 per_block = 0;   // none lies in two blocks
  u64 key_bytes = 0;   // of a key in a slot; 0: slots hold references
  u64 elem_bytes = 0;  // of an element beside it
  u64 shift = 0;       // without inline slots: log2 of per_block
  u64 reciprocal = 0;  // with them: a little more than 2^63 / per_block

  [[nodiscard]] bool is_inline() const { return key_bytes != 0; }

  // Where in its run bucket n of the run lies.
  struct Place {
    u64 block;
    u64 inside;  // bytes from the begin of the block
  };
  [[nodiscard]] Place place(u64 n) const {
    // Every look-up waits for this, and a shift is ready sooner than two products.
    if (!is_inline()) [[likely]]
      return {n >> shift, (n & (per_block - 1)) * sizeof(format::Bmap)};
    // A division by multiplying: exact for n < 2^63 / per_block, far beyond 2^kMaxB.
    __extension__ using Wide = unsigned __int128;
    const auto block = static_cast<u64>(Wide{n} * reciprocal >> 63);
    return {block, (n - block * per_block) * bytes};
  }
};

// Extents and record slots of a span of a size class.
struct SpanShape {
  u64 extents = 0;
  u64 slots = 0;
};

// Size classes: multiples of 16 up to 256, then eight to a doubling; at most 12.5 % or 15 bytes of
// waste.
constexpr u64 class_bytes(u64 size_class) {
  if (size_class < 15) return 32 + 16 * size_class;
  const u64 doubling = (size_class - 15) / 8;
  return (u64{256} << doubling) + ((size_class - 15) % 8 + 1) * (u64{32} << doubling);
}

// clear() is the longest change: three arrays, the directory, the size classes, the dead list.
inline constexpr u64 kIntentWordsMin = 224;
inline constexpr u64 kIntentWordsMax = 256;

// Of a root with its shard headers, and a spare of the superblock behind them.
constexpr u64 root_bytes_for(u64 shard_bits) {
  return round_up(sizeof(format::Root) + (sizeof(format::ShardHeader) << shard_bits) +
                      sizeof(format::Superblock),
                  format::kPageBytes);
}

// The checksums of short records (record_sum.h): new stores have kCrc, those made before the format
// knew them kXxh3.
enum class RecordSums : u8 { kXxh3, kCrc };

// What needs no shapes of runs: those take 15 KB, and a superblock is completed without.
class Sizes {
 public:
  // Fills in the computed fields of a superblock whose geometry fields are set. kInvalidArgument.
  static Status complete(format::Superblock& superblock);

  u32 shard_bits = 0;
  u64 shards = 1;
  u64 block_bytes = 0;
  u64 extent_bytes = 0;
  u64 slots = 0;
  u64 intent_words = 0;
  Lengths lengths;  // of keys and values
  RecordSums record_sums = RecordSums::kXxh3;
  u64 root_bytes = 0;
  u64 runtime_offset = 0;
  u64 runtime_bytes = 0;
  u64 extent_table_offset = 0;
  u64 heap_offset = 0;
  u32 compression = format::kCompressionNone;
  u64 dictionary_offset = 0;  // 0: none
  u64 dictionary_bytes = 0;

  // Where the first segment of the extent table ends, or may.
  [[nodiscard]] u64 extent_table_end() const {
    return dictionary_offset != 0 ? dictionary_offset : heap_offset;
  }

  BucketShape bucket;
  u64 words_per_block = 0;   // extent words; a power of two
  u64 spans_per_block = 0;   // a power of two
  u64 word_shift = 0;        // log2 of words_per_block
  u64 span_shift = 0;        // log2 of spans_per_block
  u64 extent_shift = 0;      // log2 of extent_bytes
  u64 extents_max = 0;       // so many have offsets that references and places can say
  u64 entries_per_page = 0;  // table entries
  u64 unit_blocks = 0;       // m: blocks of the smallest run that fills one extent
  u64 frames_per_extent = 0;
  u64 batch_ops = 0;     // most operations of a batch
  u64 domain_bytes = 0;  // of a domain with its intent and, for shards, its header
  u64 first_header = 0;  // offset of that of shard 0: every look-up begins there

  [[nodiscard]] u64 root_offset(u64 index) const { return format::kPageBytes + index * root_bytes; }
  // Of a spare of the superblock: what a root's area ends with.
  [[nodiscard]] u64 spare_offset(u64 index) const {
    return root_offset(index + 1) - sizeof(format::Superblock);
  }
  [[nodiscard]] u64 slot_offset(u64 slot) const {  // slot counts from 1
    return runtime_offset + kRuntimeHeaderBytes + (slot - 1) * sizeof(format::Slot);
  }
  [[nodiscard]] u64 domain_offset(u64 domain) const {
    return slot_offset(slots + 1) + domain * domain_bytes;
  }
  [[nodiscard]] u64 intent_offset(u64 domain) const {
    return domain_offset(domain) + sizeof(format::Domain);
  }
  [[nodiscard]] u64 header_offset(u64 shard) const { return first_header + shard * domain_bytes; }
  [[nodiscard]] u64 cut_offset() const { return domain_offset(shards + 1); }
  [[nodiscard]] u64 cut_header_offset(u64 shard) const {
    return cut_offset() + sizeof(format::Cut) + shard * sizeof(format::ShardHeader);
  }
  [[nodiscard]] u64 batch_offset() const { return cut_header_offset(shards); }
  [[nodiscard]] u64 batch_part_offset(u64 shard) const {
    return batch_offset() + sizeof(format::Batch) + shard * sizeof(format::BatchPart);
  }
  [[nodiscard]] u64 batch_op_offset(u64 op) const {
    return batch_part_offset(shards) + op * sizeof(u64);
  }
  [[nodiscard]] u64 pins_offset(u64 slot) const {  // slot counts from 1
    constexpr u64 kLine = 64;
    return round_up(batch_op_offset(batch_ops), kLine) + (slot - 1) * sizeof(format::Pins);
  }
  [[nodiscard]] u64 space_domain() const { return shards; }

  [[nodiscard]] u64 extent_offset(u64 extent) const {
    return heap_offset + (extent << extent_shift);
  }
  [[nodiscard]] u64 extent_of(u64 offset) const { return (offset - heap_offset) >> extent_shift; }
  // Which block of the extent table an extent's word is in, of the directory a span, counted over
  // all segments; and where in that block.
  [[nodiscard]] u64 block_of_word(u64 extent) const { return extent >> word_shift; }
  [[nodiscard]] u64 block_of_span(u64 span) const { return span >> span_shift; }
  [[nodiscard]] u64 word_in_block(u64 extent) const { return extent & (words_per_block - 1); }
  [[nodiscard]] u64 span_in_block(u64 span) const { return span & (spans_per_block - 1); }
  [[nodiscard]] u64 extents_for(u64 bytes) const {
    return (bytes + extent_bytes - 1) / extent_bytes;
  }

  // Parts of a run.
  [[nodiscard]] u64 table_pages(u64 blocks) const {
    return (blocks + entries_per_page - 1) / entries_per_page;
  }
  [[nodiscard]] u64 table_offset(const Run& run, u64 table) const {
    return run.offset + (run.blocks * run.copies + table * table_pages(run.blocks)) * block_bytes;
  }
  [[nodiscard]] u64 spares_offset(const Run& run) const {
    return run.offset + run.states + run.blocks * sizeof(format::BlockState);
  }
  [[nodiscard]] static u64 run_bytes(const RunShape& shape) {
    return shape.places + shape.blocks * sizeof(u64);
  }
  [[nodiscard]] u64 run_extents(const RunShape& shape) const {
    return extents_for(run_bytes(shape));
  }

  // Extents of a zone: 2 MiB, so that one page table entry can map it; 0 if extents are too large.
  [[nodiscard]] u64 zone_extents() const {
    return extent_bytes <= kZoneBytes / 8 && extent_bytes >= kPageAlignment
               ? kZoneBytes / extent_bytes
               : 0;
  }
  // Whether a run of blocks begins at a zone and asks for huge pages.
  [[nodiscard]] bool is_wide(u64 bytes) const { return zone_extents() != 0 && bytes >= kZoneBytes; }
  static constexpr u64 kZoneBytes = u64{1} << 21;
  static constexpr u64 kPageAlignment = format::kPageBytes;
  static constexpr u64 kRuntimeHeaderBytes = 1024;
  static constexpr u64 kExtentTableCopies = 3;

 protected:
  void derive_sizes(const format::Superblock& superblock);
  [[nodiscard]] RunShape make_shape(u64 blocks, u64 copies) const;

 private:
  void derive_bucket(const format::Superblock& superblock);
};

class Layout : public Sizes {
 public:
  // Checks the geometry and computes the rest. kWrongVersion-free: the caller has checked magic and
  // version. kCorrupt if the numbers are impossible (offset = 0) or do not match the superblock's;
  // then `layout` is of no use.
  static Status derive(const format::Superblock& superblock, Layout& layout);
  // The same for those who open nothing in a hurry.
  static Result<Layout> from(const format::Superblock& superblock);

  // Runs of a bucket array: j = 0 the main run, 1..8 further overflow buckets.
  [[nodiscard]] const ArrayShape& shape(u64 b) const { return shapes_[b < kMaxB ? b : kMaxB]; }
  [[nodiscard]] Run array_run(const format::BucketArray& array, u64 j) const {
    return Run(array.run[j], shape(array.b).runs[j]);
  }
  // Runs of the span directory and of the extent table, segment by segment.
  [[nodiscard]] const RunShape& directory_shape(u64 segment) const { return directory_[segment]; }
  [[nodiscard]] const RunShape& extent_table_shape(u64 segment) const {
    return extent_table_[segment];
  }
  // Of a span of a class; without slots if there is no such class.
  [[nodiscard]] const SpanShape& span_shape(u64 size_class) const {
    return spans_[size_class < format::kClasses ? size_class : format::kClasses];
  }

 private:
  void derive_shapes();
  void derive_arrays();
  std::array<ArrayShape, kMaxB + 1> shapes_;
  std::array<RunShape, format::kDirectorySegments> directory_;
  std::array<RunShape, format::kExtentSegments> extent_table_;
  std::array<SpanShape, format::kClasses + 1> spans_;
};

}  // namespace hmap

#endif  // HMAP_SRC_FORMAT_LAYOUT_H_
