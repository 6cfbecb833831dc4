// See settle.h.
#include "life/settle.h"

#include "life/checkpoint.h"
#include "state/blocks.h"
#include "state/space.h"
#include "state/surplus.h"

namespace hmap {
namespace {

// What closing must be able to give back to be worth two more flushes: so many extents, and such a
// part of the file.
constexpr u64 kWorthExtents = 32;
constexpr u64 kWorthPart = 16;

Status bring_blocks_home(u64 shard, const SettleCalls& calls, u64& moved) {
  constexpr HomeStep kGentle{32, 4096};
  u64 next = 0;
  return calls.repeat(shard, [&](Engine& engine) -> Result<bool> {
    const Result<u64> now = bring_home(engine, shard, kGentle, next);
    if (!now) return now.error();
    moved += *now;
    return next != format::kForever;
  });
}

Status give_back_frames(u64 shard, const SettleCalls& calls) {
  u64 before = 0;
  u64 released = 0;
  u64 steps = 0;
  return calls.repeat(shard, [&](Engine& engine) -> Result<bool> {
    const Result<DomainLock> lock = DomainLock::take(engine, shard);
    if (!lock) return lock.error();
    const Result<bool> more = release_frames(engine, shard, before, released);
    if (!more || !*more) return more;
    return ++steps <= seam::load(engine.runtime->extents_end);
  });
}

// Whether frames, and extents freed since the last punching, are worth it.
Result<bool> is_worth_settling(const Engine& engine) {
  const u64 end = seam::load(engine.runtime->extents_end);
  const u64 punched = seam::load(engine.runtime->punched);
  u64 extents = 0;
  for (u64 extent = 0; extent < end; ++extent) {
    const Result<u64> word = extent_word(engine, extent);
    if (!word) return word.error();
    const format::ExtentKind kind = extent_kind(*word);
    const bool freed = kind == format::ExtentKind::kFree && extent_payload(*word) > punched;
    if (freed || kind == format::ExtentKind::kFrames) ++extents;
  }
  return extents >= kWorthExtents && extents >= end / kWorthPart;
}

Status repeat_step(Engine& engine, const SettleCalls::Step& step) {
  for (;;) {
    const Result<bool> more = step(engine);
    if (!more || !*more) return more.error();
  }
}

}  // namespace

Status settle(u64 shards, const SettleCalls& calls) {
  // The last cut is the only one left that needs copies of blocks: homes are free, ...
  if (Status s = calls.checkpoint(); !s.ok()) return s;
  u64 moved = 0;
  for (u64 shard = 0; shard < shards; ++shard) {
    if (Status s = bring_blocks_home(shard, calls, moved); !s.ok()) return s;
  }
  if (Status s = moved != 0 ? calls.checkpoint() : Status(); !s.ok()) return s;
  for (u64 shard = 0; shard < shards; ++shard) {
    if (Status s = give_back_frames(shard, calls); !s.ok()) return s;
  }
  // ... and what is free now is so in every state there is.
  return calls.checkpoint();
}

Status settle_at_close(Engine& engine) {
  const Result<bool> worth = is_worth_settling(engine);
  if (!worth || !*worth) return {};
  SettleCalls calls;
  calls.repeat = [&](u64, const SettleCalls::Step& step) { return repeat_step(engine, step); };
  calls.checkpoint = [&] { return checkpoint(engine, engine.lock_timeout); };
  Status s = settle(engine.layout.shards, calls);
  if (s.ok()) {
    s = repeat_step(engine, [](Engine& e) { return punch_surplus(e, Surplus::kUnused); });
  }
  return s.code() == Code::kIoError || s.code() == Code::kPoisoned ? s : Status();
}

}  // namespace hmap
