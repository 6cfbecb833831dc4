// Counts what is flushed to disk, in any thread. Needs the library hmap_seam.
#ifndef HMAP_TESTS_SUPPORT_FLUSH_COUNT_H_
#define HMAP_TESTS_SUPPORT_FLUSH_COUNT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "system/seam.h"

namespace hmap::test {

class FlushCount {
 public:
  // Counts from now on, from 0.
  static void begin() {
    count_ = 0;
    seam::hook.store(&listen);
  }
  // Ends the counting.
  static std::uint64_t end() {
    seam::hook.store(nullptr);
    return count_;
  }

 private:
  static void listen(seam::Event event, const void*, std::size_t) {
    if (event == seam::Event::kFlush || event == seam::Event::kWriteRoot) ++count_;
  }
  static inline std::atomic<std::uint64_t> count_ = 0;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_SUPPORT_FLUSH_COUNT_H_
