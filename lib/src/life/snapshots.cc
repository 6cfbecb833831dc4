// Taking and releasing snapshots.
#include "life/snapshots.h"

#include "life/checkpoint.h"

namespace hmap {

using format::SnapshotCell;

namespace {

bool is_abandoned(const Engine& engine, const SnapshotCell& cell) {
  const u64 owner = seam::load(cell.owner);
  return owner != 0 && !engine.locker->owner_alive(static_cast<u32>(owner));
}

// Order: the cut goes first, so that no owner's death leaves a cell that is free and needed.
void clear(SnapshotCell& cell) {
  seam::store(cell.cut, 0);
  seam::store(cell.owner, 0);
}

}  // namespace

Result<TakenSnapshot> take_snapshot(Engine& engine, std::chrono::milliseconds timeout) {
  if (Status s = engine.check_poison(); !s.ok()) return s;
  const Result<std::vector<DomainLock>> locks = lock_all(engine, timeout);
  if (!locks) return locks.error();
  TakenSnapshot taken;
  // Cells are taken under all locks, so by one process at a time.
  while (taken.cell < format::kSnapshots) {
    SnapshotCell& cell = engine.runtime->snapshots[taken.cell];
    if (is_abandoned(engine, cell)) clear(cell);
    if (seam::load(cell.owner) == 0) break;
    ++taken.cell;
  }
  if (taken.cell == format::kSnapshots) {
    return Status(Code::kTooManySnapshots, "all snapshot cells of the store are taken");
  }
  forget_unfinished_cut(engine);
  const u64 epoch = engine.epoch();
  taken.frozen.cut = epoch;
  for (u64 s = 0; s < engine.layout.shards; ++s) {
    taken.frozen.headers.push_back(engine.header(s));
    taken.frozen.headers.back().version = 0;
  }
  SnapshotCell& cell = engine.runtime->snapshots[taken.cell];
  // Crash: a cell whose owner is dead; with a cut or without, it is cleared by the next checkpoint.
  seam::store(cell.owner, engine.locker->word());
  seam::store(cell.cut, epoch);
  // The cut: from this store on, every block is frozen and is copied by whoever touches it next.
  seam::store(engine.runtime->epoch, epoch + 1);
  return taken;
}

void release_snapshot(Engine& engine, u64 cell) { clear(engine.runtime->snapshots[cell]); }

void release_own_snapshots(Engine& engine) {
  for (SnapshotCell& cell : engine.runtime->snapshots) {
    if (seam::load(cell.owner) == engine.locker->word()) clear(cell);
  }
}

Status sweep_dead_snapshots(Engine& engine) {
  for (SnapshotCell& cell : engine.runtime->snapshots) {
    if (!is_abandoned(engine, cell)) continue;
    // Under a lock that whoever takes a cell holds as well, or it could be a new owner's by now.
    const Result<DomainLock> lock = DomainLock::take(engine, engine.layout.space_domain());
    if (!lock) return lock.error();
    if (is_abandoned(engine, cell)) clear(cell);
  }
  return {};
}

}  // namespace hmap
