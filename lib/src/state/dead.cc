// Giving back what growth, clear() and large records leave behind: the dead list of a shard.
#include "state/dead.h"
#include "state/space.h"

namespace hmap {

using format::BucketArray;
using format::ShardHeader;

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
  ShardHeader& header = engine.header(shard);
  format::Domain& domain = engine.domain(shard);
  for (u64& cell : header.dead) {
    if (cell == 0) continue;
    const u64 first = note_first(cell);
    const u64 count = note_count(cell);
    const u64 now = count < extents ? count : extents;
    Change change(engine, shard);
    change.set(cell, now == count ? 0 : make_note(first, count - now));
    change.set(domain.freeing, make_note(first + count - now, now));
    // Crash: after this, whoever recovers the shard frees what `freeing` names.
    change.publish();
    return finish_freeing(engine, shard);
  }
  return {};
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
