// Stops or kills this process just before the n-th store of the current thread to shared memory, or
// does anything just before the next store to one word.
#ifndef HMAP_TESTS_SUPPORT_STOP_AT_H_
#define HMAP_TESTS_SUPPORT_STOP_AT_H_

#include <signal.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

#include "system/seam.h"

namespace hmap::test {

// Counts the events of one thread; the library's own thread is left alone.
class StopAt {
 public:
  // From now on, `signal` is raised before event number `event` (from 1). Stays until disarm().
  static void arm(std::uint64_t event, int signal) {
    left_ = event;
    signal_ = signal;
    armed_ = true;
    seam::hook.store(&listen);
  }
  static void disarm() { armed_ = false; }

 private:
  static void listen(seam::Event, const void*, std::size_t) {
    if (armed_ && --left_ == 0) raise(signal_);
  }
  static inline thread_local bool armed_ = false;
  static inline thread_local std::uint64_t left_ = 0;
  static inline thread_local int signal_ = 0;
};

// Calls `what` before the next store to `word`, by any thread, once.
class BeforeStore {
 public:
  static void to(const void* word, std::function<void()> what) {
    word_ = word;
    what_ = std::move(what);
    seam::hook.store(&listen);
  }

 private:
  static void listen(seam::Event, const void* at, std::size_t) {
    if (at != word_) return;
    seam::hook.store(nullptr);
    what_();
  }
  static inline const void* word_ = nullptr;
  static inline std::function<void()> what_;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_SUPPORT_STOP_AT_H_
