// Cuts and checkpoints: making the live state durable. lib/README.md, "Checkpoint".
#ifndef HMAP_SRC_LIFE_CHECKPOINT_H_
#define HMAP_SRC_LIFE_CHECKPOINT_H_

#include <functional>
#include <vector>

#include "state/engine.h"

namespace hmap {

// Makes everything that was written before the call durable. Does nothing if nothing changed since
// the last completed checkpoint. `timeout` bounds the waiting for writers that hold a lock (kBusy);
// negative: for ever. Errors: kBusy, kIoError (the store is poisoned from then on), kPoisoned,
// kCorrupt, and those of `then`: it is called at the end, if it is not empty, while nobody can make
// another checkpoint, so that the file goes on having this one.
Status checkpoint(Engine& engine, std::chrono::milliseconds timeout,
                  const std::function<Status()>& then = {});

// To be called, with all locks held, before the epoch rises for any other reason than a
// checkpoint's cut: what a taker of a cut left behind who died before his own store of the epoch
// would count from then on, with headers of another moment.
void forget_unfinished_cut(Engine& engine);

// Another number after each change of anything.
u64 sum_of_changes(const Engine& engine);
// Whether anything changed since the last completed checkpoint. A guess without locks.
bool changed_since_checkpoint(const Engine& engine);

// Takes the locks of some domains, ascending (space comes last); waits only briefly for each and
// lets all others go on before it tries again. kBusy after `timeout`; negative: for ever.
Result<std::vector<DomainLock>> lock_these(Engine& engine, const std::vector<u64>& domains,
                                           std::chrono::milliseconds timeout);
// The same for all domains.
Result<std::vector<DomainLock>> lock_all(Engine& engine, std::chrono::milliseconds timeout);

// Marks the store as failed for all processes; `error` is the errno of the flush.
void poison(Engine& engine, int error);

// The runs of a shard header that hold blocks: bucket arrays in use and directories, a cleared one
// included. `visit` returns false to stop.
using VisitRun = std::function<bool(const Run& run)>;
void for_each_run(const Layout& layout, const format::ShardHeader& header, const VisitRun& visit);

// The most blocks that one call of bring_home() moves, and looks at, while the shard is locked.
struct HomeStep {
  u64 moves;
  u64 looks;
};

// After a checkpoint: copies blocks out of their frames back to their homes, as far as nobody needs
// these, so that the next checkpoint leaves frames free. On a full disk each frame may hold the
// only version of its block, and no other block of the shard could ever be changed again. Goes on
// with block `next` of the shard's and moves it on: kForever at the end. Returns how many were
// moved. Errors: kBusy, kCorrupt, kPoisoned.
Result<u64> bring_home(Engine& engine, u64 shard, HomeStep step, u64& next);

// Checksum of a root, shared with recovery; those of tables and blocks: tables.h.
u32 root_checksum(format::Root root, u64 store_seed);
// Whether a root is one, and has not changed since it was made; its headers are another matter.
bool root_is_intact(const format::Root& root, u64 store_seed);
// Whether a root with a right checksum can be one of this store (F-33).
bool root_is_possible(const format::Root& root, const Layout& layout);

}  // namespace hmap

#endif  // HMAP_SRC_LIFE_CHECKPOINT_H_
