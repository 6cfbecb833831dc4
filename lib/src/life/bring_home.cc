// Room for versions of blocks on a full disk, and fewer copies of them in a store made small.
#include <algorithm>

#include "life/checkpoint.h"
#include "state/blocks.h"

namespace hmap {
namespace {

// Moves the blocks of one run from number `i` on whose homes are free, as many as `step` allows.
Status bring_run_home(Engine& engine, u64 shard, const Run& run, u64& i, HomeStep& step) {
  for (; i < run.blocks && step.moves > 0 && step.looks > 0; ++i, --step.looks) {
    const Result<Block> block = block_of(engine, run, i);
    if (!block) return block.error();
    if (live_place(*block) == block->home) continue;
    const Result<std::byte*> moved = writable(engine, shard, *block, Purpose::kHome);
    // A snapshot needs this home; or the block is damaged, stays where verify finds it, and keeps
    // no room from the others.
    const Code code = moved.error().code();
    if (code == Code::kNoSpace || code == Code::kCorrupt) continue;
    if (!moved) return moved.error();
    // One that was copied since the last cut stays where it is.
    if (live_place(*block) == block->home) --step.moves;
  }
  return {};
}

}  // namespace

Result<u64> bring_home(Engine& engine, u64 shard, HomeStep step, u64& next) {
  if (Status s = engine.check_poison(); !s.ok()) return s;
  const Result<DomainLock> lock = DomainLock::take(engine, shard);
  if (!lock) return lock.error();
  const u64 moves = step.moves;
  u64 passed = 0;  // blocks of the runs before this one
  Status status;
  for_each_run(engine.layout, engine.header(shard), [&](const Run& run) {
    u64 i = std::min(next - std::min(next, passed), run.blocks);
    status = bring_run_home(engine, shard, run, i, step);
    next = std::max(next, passed + i);
    passed += run.blocks;
    return status.ok() && step.moves > 0 && step.looks > 0;
  });
  if (!status.ok()) return status;
  if (step.moves > 0 && step.looks > 0) next = format::kForever;
  return moves - step.moves;
}

}  // namespace hmap
