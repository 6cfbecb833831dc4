// Room for versions of blocks on a full disk.
#include "life/checkpoint.h"
#include "state/blocks.h"

namespace hmap {
namespace {

// Blocks copied while the shard is locked: as many as a few small extents of frames hold.
constexpr u64 kMovesMax = 256;

// Moves the blocks of one run, `left` at most, whose homes are free.
Status bring_run_home(Engine& engine, u64 shard, const Run& run, u64& left) {
  for (u64 i = 0; i < run.blocks && left > 0; ++i) {
    const Result<Block> block = block_of(engine, run, i);
    if (!block) return block.error();
    if (live_place(*block) == block->home) continue;
    const Result<std::byte*> moved = writable(engine, shard, *block, Purpose::kRelease);
    // A snapshot needs this home, and there is no other place; or the block is damaged, stays where
    // verify finds it, and keeps no room from the others.
    const Code code = moved.error().code();
    if (code == Code::kNoSpace || code == Code::kCorrupt) continue;
    if (!moved) return moved.error();
    if (live_place(*block) == block->home) --left;
  }
  return {};
}

}  // namespace

Result<bool> bring_home(Engine& engine, u64 shard) {
  if (Status s = engine.check_poison(); !s.ok()) return s;
  const Result<DomainLock> lock = DomainLock::take(engine, shard);
  if (!lock) return lock.error();
  u64 left = kMovesMax;
  Status status;
  for_each_run(engine.layout, engine.header(shard), [&](const Run& run) {
    status = bring_run_home(engine, shard, run, left);
    return status.ok() && left > 0;
  });
  if (!status.ok()) return status;
  return left < kMovesMax;
}

}  // namespace hmap
