// Durations, counted in buckets: hundreds of millions of them in some kilobytes.
#ifndef HMAP_BENCH_BASE_HISTOGRAM_H_
#define HMAP_BENCH_BASE_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace hmap::bench {

// Counts of values. A value is known to 1 part in 128; those below 256, and the largest, exactly.
class Histogram {
 public:
  Histogram();

  void record(std::uint64_t value) noexcept {
    ++counts_[bucket_of(value)];
    ++count_;
    if (value > max_) max_ = value;
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }

  // The smallest value such that at least `percent` of all values are not above it, rounded up by
  // at most 1 part in 128; 0 if there are none. `percent` from 0 to 100.
  [[nodiscard]] std::uint64_t percentile(double percent) const noexcept;

 private:
  // Values below 2^kExactBits have a bucket each, greater ones share one with those that agree in
  // their highest kExactBits bits.
  static constexpr unsigned kExactBits = 8;
  [[nodiscard]] static std::size_t bucket_of(std::uint64_t value) noexcept;
  [[nodiscard]] static std::uint64_t highest_in(std::size_t bucket) noexcept;

  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace hmap::bench

#endif  // HMAP_BENCH_BASE_HISTOGRAM_H_
