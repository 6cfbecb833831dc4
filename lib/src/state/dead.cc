// Giving back what growth, clear() and large records leave behind: the dead list of a shard.
#include "state/dead.h"
#include "state/space.h"

namespace hmap {

using format::BucketArray;

Status free_row(Engine& engine, u64 shard, Change& change, u64 first, u64 count) {
  const Result<DomainLock> space = DomainLock::take(engine, engine.layout.space_domain());
  if (!space) return space.error();
  // Crash: copies of blocks of the extent table, which say the same as before.
  if (Status s = prepare_freeing(engine, first, count); !s.ok()) return s;
  u64& freeing = engine.domain(shard).freeing;
  change.set(freeing, make_note(first, count));
  // Crash: after this, whoever recovers the shard frees what `freeing` names. Nothing but a death
  // can come in between, so no shard's lock is ever released with it: no cut has the row in neither
  // list, and what is freed of it cannot be taken (which needs a cut) before all of it is.
  change.publish();
  if (Status s = free_words(engine, first, count, is_of_shard, &shard); !s.ok()) return s;
  seam::store(freeing, 0);
  return {};
}

void add_dead(Engine& engine, u64 shard, Change& change, u64 first_extent, u64 extents) {
  for (u64& cell : engine.header(shard).dead) {
    if (cell == 0 && !change.has(cell)) {
      change.set(cell, make_note(first_extent, extents));
      return;
    }
  }
}

void add_dead_array(Engine& engine, u64 shard, Change& change, const BucketArray& array) {
  if (array.id == 0) return;
  for (u64 j = 0; j <= format::kOverflowRuns; ++j) {
    if (array.run[j].none()) continue;
    add_dead(engine, shard, change, engine.layout.extent_of(array.run[j].value),
             engine.layout.run_extents(engine.layout.shape(array.b).runs[j]));
  }
}

Status give_back(Engine& engine, u64 shard, u64 extents) {
  Status failure;
  for (u64& cell : engine.header(shard).dead) {
    if (cell == 0) continue;
    const u64 first = note_first(cell);
    const u64 count = note_count(cell);
    const u64 now = count < extents ? count : extents;
    Change change(engine, shard);
    change.set(cell, now == count ? 0 : make_note(first, count - now));
    Status s = free_row(engine, shard, change, first + count - now, now);
    // The words of a row may be damaged; they do not keep the other rows from being freed.
    if (s.ok() || s.code() == Code::kBusy) return s;
    failure = s;
  }
  return failure;
}

Status make_dead_room(Engine& engine, u64 shard, u64 cells) {
  for (;;) {
    u64 room = 0;
    for (const u64 cell : engine.header(shard).dead) room += cell == 0 ? 1 : 0;
    if (room >= cells) return {};
    if (Status s = give_back(engine, shard, 0x7fff'ffff); !s.ok()) return s;
  }
}

}  // namespace hmap
