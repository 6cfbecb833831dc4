// The checkpointer: one thread of each writing handle that sleeps until something was written.
#ifndef HMAP_SRC_LIFE_BACKGROUND_H_
#define HMAP_SRC_LIFE_BACKGROUND_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "state/log.h"
#include "state/surplus.h"

namespace hmap {

// Takes a checkpoint about `interval` after the first write since the last one, earlier when much
// was written. While nobody writes it wakes up once a minute, to see to what a process that was
// killed left behind, and to give back what is free. Its thread blocks all signals but, with the
// SIGBUS guard, that one.
class Background {
 public:
  Background(Engine& engine, std::chrono::milliseconds interval, u64 dirty_bytes);
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;
  ~Background();

  // A write has happened in this handle. Cheap: one load, as a rule.
  void wrote(u64 shard) {
    if (!armed_.load(std::memory_order_relaxed)) [[unlikely]]
      arm();
    if (seam::load(engine_.domain(shard).dirty_bytes) >= dirty_bytes_per_shard_ ||
        (engine_.log != nullptr && log_fills_up(engine_))) [[unlikely]]
      hurry();
  }

 private:
  void run();
  // fn() -> Status or Result<T>. A fault, with the SIGBUS guard, and memory that is refused end it,
  // and not the process.
  template <typename Fn>
  auto attempt(Fn&& fn) const -> decltype(fn());
  void arm();
  void hurry();
  [[nodiscard]] bool has_changed() const;
  void punch(std::unique_lock<std::mutex>& lock, Surplus surplus);

  Engine& engine_;
  const std::chrono::milliseconds interval_;
  const u64 dirty_bytes_per_shard_;
  std::atomic<bool> armed_{false};
  std::atomic<bool> hurried_{false};
  bool stop_ = false;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace hmap

#endif  // HMAP_SRC_LIFE_BACKGROUND_H_
