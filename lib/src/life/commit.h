// Waiting until the commit log is durable: group commit. lib/README.md, "The commit log".
#ifndef HMAP_SRC_LIFE_COMMIT_H_
#define HMAP_SRC_LIFE_COMMIT_H_

#include "state/engine.h"

namespace hmap {

// Waits until everything before `position` (a log_tail() after the writes in question) survives a
// power cut. One of those who wait flushes for all of them, in whatever process they are; no shard
// is locked meanwhile. Errors: kIoError (this flush failed: the store is poisoned), kPoisoned, and
// kBusy or kNoSpace from a checkpoint that a large value needs, kCorrupt (words of the log that no
// position ever reaches). Then it is not known what a power cut would leave of these writes.
Status wait_durable(Engine& engine, u64 position);

}  // namespace hmap

#endif  // HMAP_SRC_LIFE_COMMIT_H_
