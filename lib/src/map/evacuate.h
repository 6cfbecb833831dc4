// Evacuation: the entries of an old bucket move to the one or two buckets of the new array that are
// theirs (Go's evacuate) or, to half the size, those of two old buckets to the one that is theirs;
// under the shard's lock.
#ifndef HMAP_SRC_MAP_EVACUATE_H_
#define HMAP_SRC_MAP_EVACUATE_H_

#include "state/blocks.h"

namespace hmap {

// Evacuates an old bucket that is not evacuated yet, below evacuations(); to half the size the one
// in the second half, too; in one change. Errors: kNoSpace, kBusy,
// kCorrupt, kIoError; then nothing was moved. Cost: two buckets written, overflow apart; of every
// three growths one reads the keys again.
Status evacuate(Engine& engine, u64 shard, u64 old_bucket, Purpose purpose);

// Whether an old bucket, below evacuations(), is not evacuated yet. kCorrupt: of two that are
// evacuated together one is.
Result<bool> is_left(const Engine& engine, const format::ShardHeader& header, u64 old_bucket);

// Asks the processor for what the evacuation of an old bucket will need.
void prefetch_evacuation(const Engine& engine, const format::ShardHeader& header, u64 old_bucket);

// Moves nevacuate on if the bucket there is evacuated. kCorrupt.
Status advance_mark(Engine& engine, u64 shard);

}  // namespace hmap

#endif  // HMAP_SRC_MAP_EVACUATE_H_
