// Checksums of table pages and blocks, and what the durable root's tables say of a block.
// format-spec/format.md, "Block runs".
#ifndef HMAP_SRC_STATE_TABLES_H_
#define HMAP_SRC_STATE_TABLES_H_

#include "state/engine.h"

namespace hmap {

u32 page_checksum(const Engine& engine, const std::byte* page, u64 offset);
u32 block_checksum(const Engine& engine, const std::byte* block, u64 home);

// Compares the live version of a block, begun in epoch `born`, whose bytes are at `place`, with the
// checksum in the table of the durable root. Whoever is about to change a block asks: the next
// checkpoint gives it a new checksum, and damage would be found by nobody any more. The caller
// holds the lock of the domain that owns the run. OK too for a version that is younger than the
// durable cut. kCorrupt with `place`. Cost: reads the block.
Status check_durable(const Engine& engine, const Run& run, u64 index, u64 born, u64 place);

}  // namespace hmap

#endif  // HMAP_SRC_STATE_TABLES_H_
