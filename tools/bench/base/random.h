// Random numbers that are the same on every machine.
#ifndef HMAP_BENCH_BASE_RANDOM_H_
#define HMAP_BENCH_BASE_RANDOM_H_

#include <cstdint>

#include "base/workload.h"

namespace hmap::bench {

// A sequence of 64-bit numbers that depends on its seed alone.
class Random {
 public:
  explicit Random(std::uint64_t seed) noexcept : state_(scramble(seed)) {}

  std::uint64_t next() noexcept { return state_ = scramble(state_); }

  // A number below n, which must be below 2^32; the bias is below n / 2^32.
  std::uint64_t below(std::uint64_t n) noexcept { return ((next() >> 32) * n) >> 32; }

  // A number from 0 to 1, 1 excluded.
  double unit() noexcept { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  std::uint64_t state_;
};

}  // namespace hmap::bench

#endif  // HMAP_BENCH_BASE_RANDOM_H_
