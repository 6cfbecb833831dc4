// Time that passes without being waited for: whoever finds a lock held by a dead process waits some
// milliseconds before asking whether its owner lives, too long for millions of deaths.
#ifndef HMAP_TESTS_KILL_VIRTUAL_TIME_H_
#define HMAP_TESTS_KILL_VIRTUAL_TIME_H_

#include <cstdint>

namespace hmap::test {

// While one lives, this thread's clock stands still but for the time it would have slept; its calls
// of futex and nanosleep return at once.
class VirtualTime {
 public:
  VirtualTime();
  VirtualTime(const VirtualTime&) = delete;
  VirtualTime& operator=(const VirtualTime&) = delete;
  ~VirtualTime();

  // What this thread would have slept since the beginning.
  [[nodiscard]] static std::uint64_t slept_us();
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_KILL_VIRTUAL_TIME_H_
