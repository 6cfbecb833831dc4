// Where the entry of a span lies: a shard's directory, in segments of which each is twice as long
// as the one before. format-spec, "Spans".
#ifndef HMAP_SRC_RECORDS_DIRECTORY_H_
#define HMAP_SRC_RECORDS_DIRECTORY_H_

#include <bit>

#include "state/blocks.h"

namespace hmap {

// The segment of a directory that a span is in, and the block of that.
struct DirectoryPlace {
  u64 segment = 0;  // may be more than there are
  u64 block = 0;
};
inline DirectoryPlace place_in_directory(const Layout& layout, u64 span) {
  const u64 block = layout.block_of_span(span);
  // Span ids are below 2^24, and 32 bits are divided twice as fast as 64.
  const u64 units = static_cast<u32>(block) / static_cast<u32>(layout.unit_blocks);
  const auto segment = static_cast<u64>(std::bit_width(units + 1)) - 1;
  return {segment, block - layout.unit_blocks * ((u64{1} << segment) - 1)};
}

// The block of a directory that has the entry of a span. kCorrupt if there is none.
Result<Block> span_block(const Engine& engine, const RunOffset* segments, u64 span);

// The entry of a span, to be read. kCorrupt: there is none.
Result<format::SpanEntry*> span_entry(const Engine& engine, const RunOffset* segments, u64 span);

// The entry of a span of the shard, its block made writable. Errors: as writable().
Result<format::SpanEntry*> writable_entry(Engine& engine, u64 shard, u64 span, Purpose purpose);

// The parts of a SpanEntry::head.
constexpr u64 span_extent(u64 head) { return (head & 0xffff'ffff) - 1; }
constexpr u64 span_class(u64 head) { return head >> 32 & 0xff; }
constexpr u64 span_next(u64 head) { return head >> 40; }
constexpr u64 make_span_head(u64 extent, u64 size_class, u64 next) {
  return (extent + 1) | size_class << 32 | next << 40;
}

}  // namespace hmap

#endif  // HMAP_SRC_RECORDS_DIRECTORY_H_
