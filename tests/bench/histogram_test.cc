// Percentiles of counted values, against the same of all values sorted.
#include "base/histogram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "base/statistics.h"

namespace hmap::bench {
namespace {

// The definition: the smallest value such that `percent` of all are not above it.
std::uint64_t exact_percentile(const std::vector<std::uint64_t>& sorted, double percent) {
  const double share = std::ceil(static_cast<double>(sorted.size()) * percent / 100);
  const auto rank = std::max<std::size_t>(static_cast<std::size_t>(share), 1);
  return sorted[std::min(rank, sorted.size()) - 1];
}

TEST(Histogram, AgreesWithSortedValuesToOnePartIn128) {
  Random random(5);
  Histogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 100'000; ++i) {
    // From nanoseconds to minutes, all sizes alike.
    const std::uint64_t value = random.next() >> (28 + random.below(36));
    values.push_back(value);
    histogram.record(value);
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {0.0, 1.0, 50.0, 90.0, 99.0, 99.9, 99.99, 99.999, 100.0}) {
    const std::uint64_t exact = exact_percentile(values, percent);
    const std::uint64_t found = histogram.percentile(percent);
    EXPECT_GE(found, exact) << percent;
    EXPECT_LE(found, exact + exact / 128) << percent;
  }
  EXPECT_EQ(histogram.max(), values.back());
  EXPECT_EQ(histogram.count(), values.size());
}

TEST(Histogram, KnowsSmallValuesExactly) {
  Histogram histogram;
  for (std::uint64_t value = 0; value < 200; ++value) histogram.record(value);
  for (int percent = 1; percent <= 100; ++percent) {
    EXPECT_EQ(histogram.percentile(percent), static_cast<std::uint64_t>(2 * percent - 1));
  }
}

TEST(Histogram, OneGapInAMillionIsTheMaximumAndNotTheMedian) {
  Histogram histogram;
  for (int i = 0; i < 999'999; ++i) histogram.record(100);
  histogram.record(123'456'789);
  EXPECT_EQ(histogram.percentile(50), 100U);
  EXPECT_EQ(histogram.percentile(99.999), 100U);
  EXPECT_EQ(histogram.percentile(100), 123'456'789U);
  EXPECT_EQ(histogram.max(), 123'456'789U);
}

TEST(Histogram, TakesTheLargestAndTheSmallestNumber) {
  Histogram histogram;
  histogram.record(0);
  histogram.record(UINT64_MAX);
  EXPECT_EQ(histogram.percentile(50), 0U);
  EXPECT_EQ(histogram.percentile(100), UINT64_MAX);
}

TEST(Histogram, OfNothingIsZero) {
  const Histogram histogram;
  EXPECT_EQ(histogram.percentile(50), 0U);
  EXPECT_EQ(histogram.count(), 0U);
}

TEST(Median, IsTheMiddleOrTheMeanOfTheMiddleTwo) {
  EXPECT_EQ(median({3}), 3);
  EXPECT_EQ(median({9, 1, 5}), 5);
  EXPECT_EQ(median({4, 1, 2, 100}), 3);
}

}  // namespace
}  // namespace hmap::bench
