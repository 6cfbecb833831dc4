// Where everything lies, computed from the geometry in the superblock: the arithmetic of
// format-spec/format.md in one place. No bytes of the file are touched here.
#ifndef HMAP_SRC_LAYOUT_H_
#define HMAP_SRC_LAYOUT_H_

#include <array>
#include <cstdint>

#include "format.h"
#include "hmap/result.h"
#include "runtime_format.h"

namespace hmap {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

// A row of n blocks with their tables and states. Which n and how many copies follow from what the
// run is for; only the offset is in the file.
struct Run {
  u64 offset = 0;
  u64 blocks = 0;
  u64 copies = 1;
};

// What follows from B alone for the main run of a bucket array.
struct ArrayShape {
  u64 main_buckets = 0;  // 2^B
  u64 blocks = 0;        // of run[0]
  u64 buckets = 0;       // capacity of run[0] in buckets, overflow buckets included
  u64 states = 0;        // relative to run[0]: BlockState of block 0
  u64 away = 0;          // relative to run[0]: first word of away bits
};
inline constexpr u64 kMaxB = 40;

// clear() is the longest change: three arrays, the directory, the size classes, the dead list.
inline constexpr u64 kIntentWordsMin = 224;

class Layout {
 public:
  // Checks the geometry and computes the rest. kWrongVersion-free: the caller has checked magic and
  // version. kCorrupt if the numbers are impossible (offset = 0) or do not match the superblock's.
  static Result<Layout> from(const format::Superblock& superblock);
  // Fills in the computed fields of a superblock whose geometry fields are set. kInvalidArgument.
  static Status complete(format::Superblock& superblock);

  u32 shard_bits = 0;
  u64 shards = 1;
  u64 block_bytes = 0;
  u64 extent_bytes = 0;
  u64 slots = 0;
  u64 intent_words = 0;
  u64 root_bytes = 0;
  u64 runtime_offset = 0;
  u64 runtime_bytes = 0;
  u64 extent_table_offset = 0;
  u64 heap_offset = 0;

  u64 buckets_per_block = 0;
  u64 bucket_block_shift = 0;  // log2 of it
  u64 words_per_block = 0;     // extent words
  u64 spans_per_block = 0;
  u64 entries_per_page = 0;  // table entries
  u64 unit_blocks = 0;       // m: blocks of the smallest run that fills one extent
  u64 frames_per_extent = 0;

  [[nodiscard]] u64 root_offset(u64 index) const { return format::kPageBytes + index * root_bytes; }
  [[nodiscard]] u64 slot_offset(u64 slot) const {  // slot counts from 1
    return runtime_offset + kRuntimeHeaderBytes + (slot - 1) * sizeof(format::Slot);
  }
  [[nodiscard]] u64 domain_offset(u64 domain) const {
    return slot_offset(slots + 1) + domain * domain_bytes();
  }
  [[nodiscard]] u64 domain_bytes() const;
  [[nodiscard]] u64 intent_offset(u64 domain) const {
    return domain_offset(domain) + sizeof(format::Domain);
  }
  [[nodiscard]] u64 header_offset(u64 shard) const {
    return intent_offset(shard) + sizeof(format::Intent) +
           intent_words * sizeof(format::IntentWord);
  }
  [[nodiscard]] u64 cut_offset() const { return domain_offset(shards + 1); }
  [[nodiscard]] u64 cut_header_offset(u64 shard) const {
    return cut_offset() + sizeof(format::Cut) + shard * sizeof(format::ShardHeader);
  }
  [[nodiscard]] u64 space_domain() const { return shards; }

  [[nodiscard]] u64 extent_offset(u64 extent) const { return heap_offset + extent * extent_bytes; }
  [[nodiscard]] u64 extent_of(u64 offset) const { return (offset - heap_offset) / extent_bytes; }
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
  [[nodiscard]] u64 states_offset(const Run& run) const { return table_offset(run, 2); }
  [[nodiscard]] u64 spares_offset(const Run& run) const {
    return states_offset(run) + run.blocks * sizeof(format::BlockState);
  }
  [[nodiscard]] u64 away_offset(const Run& run) const {
    return spares_offset(run) + run.blocks * (run.copies - 1) * sizeof(format::PlaceState);
  }
  [[nodiscard]] u64 run_bytes(u64 blocks, u64 copies) const {
    const Run run{0, blocks, copies};
    return away_offset(run) + (blocks + 63) / 64 * 8;
  }
  [[nodiscard]] u64 run_extents(u64 blocks, u64 copies) const {
    return extents_for(run_bytes(blocks, copies));
  }

  // Runs of a bucket array: j = 0 the main run, 1..8 further overflow buckets.
  [[nodiscard]] const ArrayShape& shape(u64 b) const { return shapes_[b < kMaxB ? b : kMaxB]; }
  [[nodiscard]] u64 array_run_blocks(u64 b, u64 j) const;
  [[nodiscard]] Run array_run(const format::BucketArray& array, u64 j) const {
    return Run{array.run[j], array_run_blocks(array.b, j), 1};
  }
  [[nodiscard]] u64 directory_blocks(u64 segment) const { return unit_blocks << segment; }
  [[nodiscard]] u64 extent_table_blocks(u64 segment) const {
    return segment == 0 ? 1 : u64{1} << (segment - 1);
  }
  // Extents of a zone: 2 MiB, so that one page table entry can map it; 0 if extents are too large.
  [[nodiscard]] u64 zone_extents() const {
    return extent_bytes <= kZoneBytes / 8 && extent_bytes >= kPageAlignment
               ? kZoneBytes / extent_bytes
               : 0;
  }
  static constexpr u64 kZoneBytes = u64{1} << 21;
  static constexpr u64 kPageAlignment = format::kPageBytes;
  static constexpr u64 kRuntimeHeaderBytes = 1024;
  static constexpr u64 kExtentTableCopies = 3;

 private:
  void derive();
  std::array<ArrayShape, kMaxB + 1> shapes_{};
};

}  // namespace hmap

#endif  // HMAP_SRC_LAYOUT_H_
