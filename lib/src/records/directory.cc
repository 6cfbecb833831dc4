// Looking up the entries of spans: in a few instructions where nothing has to be done or said.
#include "records/directory.h"

namespace hmap {

using format::SpanEntry;

namespace {

SpanEntry* entry_in(const Engine& engine, std::byte* block, u64 span) {
  return reinterpret_cast<SpanEntry*>(block) + engine.layout.span_in_block(span);
}

// span_entry() and writable_entry() by way of a Block, where there is something to do or to say.
Result<SpanEntry*> read_entry(const Engine& engine, const RunOffset* segments, u64 span) {
  const Result<Block> block = span_block(engine, segments, span);
  if (!block) return block.error();
  const Result<std::byte*> bytes = live_bytes(engine, *block);
  if (!bytes) return bytes.error();
  return entry_in(engine, *bytes, span);
}
Result<SpanEntry*> touch_entry(Engine& engine, u64 shard, u64 span, Purpose purpose) {
  const Result<Block> block = span_block(engine, engine.header(shard).directory, span);
  if (!block) return block.error();
  const Result<std::byte*> bytes = writable(engine, shard, *block, purpose);
  if (!bytes) return bytes.error();
  return entry_in(engine, *bytes, span);
}

}  // namespace

Result<Block> span_block(const Engine& engine, const RunOffset* segments, u64 span) {
  const DirectoryPlace at = place_in_directory(engine.layout, span);
  if (at.segment >= format::kDirectorySegments || segments[at.segment].none()) {
    return Engine::corrupt("span outside the directory", 0);
  }
  return block_of(engine, Run(segments[at.segment], engine.layout.directory_shape(at.segment)),
                  at.block);
}

Result<SpanEntry*> span_entry(const Engine& engine, const RunOffset* segments, u64 span) {
  const DirectoryPlace at = place_in_directory(engine.layout, span);
  if (at.segment < format::kDirectorySegments) [[likely]] {
    std::byte* bytes = live_in_run(engine, segments[at.segment],
                                   engine.layout.directory_shape(at.segment), at.block);
    if (bytes != nullptr) [[likely]]
      return entry_in(engine, bytes, span);
  }
  return read_entry(engine, segments, span);
}

Result<SpanEntry*> writable_entry(Engine& engine, u64 shard, u64 span, Purpose purpose) {
  const DirectoryPlace at = place_in_directory(engine.layout, span);
  if (at.segment < format::kDirectorySegments) [[likely]] {
    std::byte* bytes = current_in_run(engine, engine.header(shard).directory[at.segment],
                                      engine.layout.directory_shape(at.segment), at.block);
    if (bytes != nullptr) [[likely]]
      return entry_in(engine, bytes, span);
  }
  return touch_entry(engine, shard, span, purpose);
}

}  // namespace hmap
