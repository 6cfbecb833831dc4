// The dead list of a shard: extents that growth, clear() and large records leave behind, given back
// in bounded steps.
#ifndef HMAP_SRC_STATE_DEAD_H_
#define HMAP_SRC_STATE_DEAD_H_

#include "state/intent.h"

namespace hmap {

// Publishes a change by which the shard lets go of a row of extents, and frees the row. All that
// can fail is done first: with an error (kBusy: the space lock is not to be had) nothing has
// happened, and the change is to be dropped.
Status free_row(Engine& engine, u64 shard, Change& change, u64 first, u64 count);

// The list of extents to give back. make_dead_room() makes sure `cells` more fit, giving back what
// is on the list if they do not; add_dead() adds to a Change; give_back() frees up to `extents` of
// them, of a row that can be freed if there is one.
Status make_dead_room(Engine& engine, u64 shard, u64 cells);
void add_dead(Engine& engine, u64 shard, Change& change, u64 first_extent, u64 extents);
Status give_back(Engine& engine, u64 shard, u64 extents);

// Adds every run of an array to the dead list. Needs room for 9 cells.
void add_dead_array(Engine& engine, u64 shard, Change& change, const format::BucketArray& array);

}  // namespace hmap

#endif  // HMAP_SRC_STATE_DEAD_H_
