// What many rounds come to.
#ifndef HMAP_BENCH_BASE_STATISTICS_H_
#define HMAP_BENCH_BASE_STATISTICS_H_

#include <algorithm>
#include <cstddef>
#include <vector>

namespace hmap::bench {

// The middle of `values`, or the mean of the two in the middle; `values` must not be empty.
[[nodiscard]] inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

}  // namespace hmap::bench

#endif  // HMAP_BENCH_BASE_STATISTICS_H_
