// Memory before it is needed: one thread of each writing handle, started when a large store grows.
#ifndef HMAP_SRC_LIFE_AHEAD_H_
#define HMAP_SRC_LIFE_AHEAD_H_

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "state/engine.h"

namespace hmap {

// Extends the file and the zone of records, and brings into memory what the next writes will store
// to: the zone's new part, and the next array of buckets once it is ready. A put that is the
// first to touch a huge page waits until the kernel has found and cleared 2 MiB, some milliseconds
// on a virtual machine, and one that extends the file may wait for the file system's journal.
// Nothing depends on this thread: a write that comes first does it all by itself.
//
// Only page tables and free space change. Crash anywhere: what is left are free extents like
// others. Its thread blocks all signals but, with the SIGBUS guard, that one.
class Ahead {
 public:
  explicit Ahead(Engine& engine) : engine_(engine), arrays_(engine.layout.shards) {}
  Ahead(const Ahead&) = delete;
  Ahead& operator=(const Ahead&) = delete;
  ~Ahead();

  // A write has happened in this handle. Cheap: one load, as a rule. A thread that cannot be
  // started is done without.
  void wrote() {
    if (engine_.wants_ahead.load(std::memory_order_relaxed)) [[unlikely]]
      wake();
  }

 private:
  // The next array of a shard, or the one that was that; `left` of its bytes to bring in.
  struct NextArray {
    u64 id = 0;
    u64 offset = 0;
    u64 bytes = 0;
    u64 left = 0;
  };

  void wake();
  void run();
  void extend_zones();
  bool is_in_the_making(u64 shard);
  void bring_arrays_in();
  void bring_in(u64 offset, u64 bytes, Status (Mapping::*populate)(u64, u64)) const;

  Engine& engine_;
  std::vector<NextArray> arrays_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false;
  std::atomic<bool> stop_{false};
  bool cannot_start_ = false;
  std::thread thread_;
};

}  // namespace hmap

#endif  // HMAP_SRC_LIFE_AHEAD_H_
