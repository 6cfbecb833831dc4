// Counting what is in a store.
#ifndef HMAP_SRC_STORE_STATS_H_
#define HMAP_SRC_STORE_STATS_H_

#include <vector>

#include "hmap/options.h"
#include "life/open.h"

namespace hmap {

// The number of entries of a shard, also while its owner, dead or stopped, is in the middle of a
// write that has happened.
u64 live_count(const Engine& engine, u64 shard);

// Those of all processes; none if the store is not in use in this boot.
std::vector<Stats::HeldSnapshot> held_snapshots(const Session& session);

Result<Stats> collect_stats(const Session& session, StatsDepth depth);

}  // namespace hmap

#endif  // HMAP_SRC_STORE_STATS_H_
