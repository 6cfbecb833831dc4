// Clocks, and a way to stop early.
#ifndef HMAP_BENCH_BASE_TIMING_H_
#define HMAP_BENCH_BASE_TIMING_H_

#include <chrono>
#include <cstdint>
#include <stdexcept>

namespace hmap::bench {

// Thrown when the user pressed Ctrl-C, so that temporary files go away.
class Interrupted : public std::runtime_error {
 public:
  Interrupted() : std::runtime_error("interrupted") {}
};

// From now on SIGINT and SIGTERM only make interrupted() true.
void catch_interrupts();
[[nodiscard]] bool interrupted() noexcept;

// CPU time of this process, all threads, user and system.
[[nodiscard]] double cpu_seconds() noexcept;

// Wall and CPU time since construction.
class Stopwatch {
 public:
  Stopwatch() : cpu_begin_(cpu_seconds()), begin_(std::chrono::steady_clock::now()) {}
  [[nodiscard]] double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  }
  [[nodiscard]] double cpu() const { return cpu_seconds() - cpu_begin_; }

 private:
  double cpu_begin_;
  std::chrono::steady_clock::time_point begin_;
};

// Calls op(i) for each i below n, looking for an interrupt now and then.
template <typename Op>
void repeat(std::uint64_t n, Op&& op) {
  constexpr std::uint64_t kStride = std::uint64_t{1} << 14;
  for (std::uint64_t i = 0; i < n; ++i) {
    if (i % kStride == 0 && interrupted()) throw Interrupted();
    op(i);
  }
}

}  // namespace hmap::bench

#endif  // HMAP_BENCH_BASE_TIMING_H_
