// Whether a committer who could flush at once had better wait a moment for others.
//
// Committers that go on at once, as a crowd of busy processes does, come back a moment after the
// flush that they waited for. Whoever flushes on the first of them makes all others wait for the
// next one, and the crowd falls into two halves that take turns. So the flush is kept back until
// those are there for whom the last one was, and those who had come by its end; not longer than a
// flush takes, nor than a millisecond, and seldom while they do not come.
//
// Everything in the file here is a hint: whatever stands there, a commit waits a few milliseconds
// longer at most, and nothing is flushed that would not be without. Crash: one too many is expected
// or was counted, once.
#ifndef HMAP_SRC_LIFE_GATHER_H_
#define HMAP_SRC_LIFE_GATHER_H_

#include <chrono>

#include "format/runtime_format.h"

namespace hmap {

// One committer's part in it.
class Gathering {
 public:
  // `position`: where the committer's record ends.
  Gathering(format::LogState& log, format::u64 position) : log_(log), position_(position) {}

  // Counts the committer among those who wait, the first time.
  void arrive();

  // How long to sleep before leading, at most 2 ms; 0: not at all, and never again once 2 ms have
  // passed since it was asked first.
  [[nodiscard]] std::chrono::nanoseconds left();
  // It is the one to look at the clock for all.
  void called() { keeps_time_ = true; }

 private:
  format::LogState& log_;
  format::u64 position_;
  bool has_arrived_ = false;
  bool keeps_time_ = false;
  format::u64 first_asked_ = 0;  // as gather_until; 0: not yet
};

// One flush's part in it. The caller holds the flush lock throughout.
class GatheredFlush {
 public:
  // Before the tail is loaded: who has been counted by now has a record before it.
  explicit GatheredFlush(format::LogState& log);
  // About to flush up to `tail`: whoever arrives from here on with a record before it is one more
  // for whom this flush is.
  void begin(format::u64 tail);
  // It has been flushed: says whom the next one is for.
  void end();

 private:
  format::LogState& log_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace hmap

#endif  // HMAP_SRC_LIFE_GATHER_H_
