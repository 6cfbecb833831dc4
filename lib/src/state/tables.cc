// What tables say of blocks.
#include "state/tables.h"

#include "format/hash.h"

namespace hmap {

using format::TableEntry;
using format::TablePage;

u32 page_checksum(const Engine& engine, const std::byte* page, u64 offset) {
  constexpr u64 kSkip = sizeof(u32);
  return checksum(page + kSkip, engine.layout.block_bytes - kSkip, engine.store_seed ^ offset);
}

u32 block_checksum(const Engine& engine, const std::byte* block, u64 home) {
  return checksum(block, engine.layout.block_bytes, engine.store_seed ^ home);
}

Status check_durable(const Engine& engine, const Run& run, u64 index, u64 born, u64 place) {
  const Layout& layout = engine.layout;
  // A pending cut may become the durable one meanwhile. The table chosen here stays as it is all
  // the same: only the cut after that one has it written, and a cut needs the lock of every domain.
  const u64 durable = seam::load(engine.runtime->durable);
  if (born > durable >> 1) return {};
  const u64 page =
      layout.table_offset(run, durable & 1) + index / layout.entries_per_page * layout.block_bytes;
  const u64 at = page + sizeof(TablePage) + index % layout.entries_per_page * sizeof(TableEntry);
  const auto* entry = engine.map->at(Offset<TableEntry>{at});
  const std::byte* bytes = engine.map->bytes(place, layout.block_bytes);
  if (entry == nullptr || bytes == nullptr)
    return Engine::corrupt("block or table outside the file", place);
  // A block that the cut did not know has nothing that could be lost.
  if (entry->place == 0) return {};
  if (entry->checksum != block_checksum(engine, bytes, run.offset + index * layout.block_bytes))
    return Engine::corrupt("block with a wrong checksum", place);
  return {};
}

}  // namespace hmap
