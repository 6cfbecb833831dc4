// Snapshots: cuts that stay needed without being made durable. format-spec, "Snapshots".
#ifndef HMAP_SRC_LIFE_SNAPSHOTS_H_
#define HMAP_SRC_LIFE_SNAPSHOTS_H_

#include "map/read_through.h"

namespace hmap {

// A cut that `cell` of the runtime area keeps needed.
struct TakenSnapshot {
  Frozen frozen;
  u64 cell = 0;
};

// Takes a cut for a snapshot. Errors: kBusy (a living process holds a lock beyond the time-out),
// kTooManySnapshots, kPoisoned, kCorrupt. Cost: all locks for some microseconds and a copy of the
// shard headers; later one copy of each block that is changed for the first time.
Result<TakenSnapshot> take_snapshot(Engine& engine, std::chrono::milliseconds timeout);

// Gives the cell back: what only this snapshot needed is free. One store, no lock.
void release_snapshot(Engine& engine, u64 cell);

// Those of a handle that closes, and those of processes that died.
void release_own_snapshots(Engine& engine);
Status sweep_dead_snapshots(Engine& engine);

}  // namespace hmap

#endif  // HMAP_SRC_LIFE_SNAPSHOTS_H_
