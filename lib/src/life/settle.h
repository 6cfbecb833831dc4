// A store that nobody is about to write to, without the space that only writing needed: blocks at
// home, no frames, and the disk's blocks of what is free given back.
#ifndef HMAP_SRC_LIFE_SETTLE_H_
#define HMAP_SRC_LIFE_SETTLE_H_

#include <functional>

#include "state/engine.h"

namespace hmap {

// How settle() does what takes long.
struct SettleCalls {
  using Step = std::function<Result<bool>(Engine& engine)>;
  // Calls a step of one shard until it says that there is no more, or fails.
  std::function<Status(u64 shard, const Step& step)> repeat;
  std::function<Status()> checkpoint;
};

// Brings all blocks home that no snapshot keeps away, gives back the frames that nobody needs then,
// and makes that durable, so that what is free can be punched. Others may read and write meanwhile.
// Crash anywhere: each step is complete or never began; the next call goes on.
Status settle(u64 shards, const SettleCalls& calls);

// By the last one who closes the store, after his checkpoint: settles it and punches what is free,
// if that is a good part of the file. What fails for now is left to the next one who closes; only a
// failed flush is an error (kIoError, kPoisoned).
Status settle_at_close(Engine& engine);

}  // namespace hmap

#endif  // HMAP_SRC_LIFE_SETTLE_H_
