// Where the word of an extent lies: the extent table's segments, each as long as all before it.
#include <algorithm>
#include <bit>

#include "state/space.h"

namespace hmap {
namespace {

// Blocks of the segments before this one.
constexpr u64 blocks_before(u64 segment) { return segment == 0 ? 0 : u64{1} << (segment - 1); }

u64 word_in(const Engine& engine, const std::byte* block, u64 extent) {
  return seam::load(reinterpret_cast<const u64*>(block)[engine.layout.word_in_block(extent)]);
}

// extent_word() by way of a Block, where there is damage to be named.
Result<u64> read_word(const Engine& engine, u64 extent) {
  const Result<Block> block = word_block(engine, extent);
  if (!block) return block.error();
  const Result<std::byte*> bytes = live_bytes(engine, *block);
  if (!bytes) return bytes.error();
  return word_in(engine, *bytes, extent);
}

}  // namespace

u64 addressable_end(const Engine& engine) {
  return std::min(engine.map->window_bytes(),
                  engine.layout.extent_offset(engine.layout.extents_max));
}

u64 segment_of(const Engine& engine, u64 extent) {
  return static_cast<u64>(std::bit_width(engine.layout.block_of_word(extent)));
}

u64 table_capacity(const Engine& engine) {
  u64 segments = 0;
  while (segments < format::kExtentSegments && !engine.runtime->extent_table[segments].none())
    ++segments;
  return blocks_before(segments) * engine.layout.words_per_block;
}

Run extent_table_run(const Engine& engine, u64 segment) {
  return Run(seam::load(engine.runtime->extent_table[segment]),
             engine.layout.extent_table_shape(segment));
}

Result<Block> word_block(const Engine& engine, u64 extent) {
  const u64 segment = segment_of(engine, extent);
  if (segment >= format::kExtentSegments) return Engine::corrupt("extent number out of range", 0);
  const Run run = extent_table_run(engine, segment);
  if (run.offset == 0)
    return Engine::corrupt("extent without a table", engine.layout.extent_offset(extent));
  return block_of(engine, run, engine.layout.block_of_word(extent) - blocks_before(segment));
}

Result<u64*> writable_words(Engine& engine, u64 extent) {
  const Result<Block> block = word_block(engine, extent);
  if (!block) return block.error();
  const u64 space = engine.layout.space_domain();
  const Result<std::byte*> bytes = writable(engine, space, *block, Purpose::kRelease);
  if (!bytes) return bytes.error();
  return reinterpret_cast<u64*>(*bytes) + engine.layout.word_in_block(extent);
}

Result<u64> extent_word(const Engine& engine, u64 extent) {
  const Layout& layout = engine.layout;
  const u64 segment = segment_of(engine, extent);
  if (segment < format::kExtentSegments) [[likely]] {
    const std::byte* bytes = live_in_run(engine, seam::load(engine.runtime->extent_table[segment]),
                                         layout.extent_table_shape(segment),
                                         layout.block_of_word(extent) - blocks_before(segment));
    if (bytes != nullptr) [[likely]]
      return word_in(engine, bytes, extent);
  }
  return read_word(engine, extent);
}

}  // namespace hmap
