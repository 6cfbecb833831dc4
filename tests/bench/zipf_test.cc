// Popular entries are as popular as the law says: frequencies against exact probabilities.
#include "base/zipf.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <vector>

namespace hmap::bench {
namespace {

std::vector<double> probabilities(std::uint64_t n, double theta) {
  std::vector<double> p;
  double sum = 0;
  for (std::uint64_t k = 1; k <= n; ++k) {
    p.push_back(std::pow(static_cast<double>(k), -theta));
    sum += p.back();
  }
  for (double& each : p) each /= sum;
  return p;
}

std::vector<std::uint64_t> draw(const Zipf& zipf, std::uint64_t n, std::uint64_t times,
                                std::uint64_t seed) {
  std::vector<std::uint64_t> counts(n, 0);
  Random random(seed);
  for (std::uint64_t i = 0; i < times; ++i) counts.at(zipf.draw(random)) += 1;
  return counts;
}

// Pearson's chi-square of 200 ranks has 199 degrees of freedom: mean 199, deviation 20. Beyond 300
// there is no honest sample; a law that is 2 % off at the first ranks gives thousands.
void expect_law(std::uint64_t n, double theta) {
  constexpr std::uint64_t kTimes = 2'000'000;
  const auto counts = draw(Zipf(n, theta), n, kTimes, 42);
  const auto p = probabilities(n, theta);
  double chi_square = 0;
  for (std::uint64_t k = 0; k < n; ++k) {
    const double expected = p[k] * static_cast<double>(kTimes);
    ASSERT_GT(expected, 5) << "too few draws for this test";
    const double difference = static_cast<double>(counts[k]) - expected;
    chi_square += difference * difference / expected;
  }
  EXPECT_LT(chi_square, static_cast<double>(n) + 100) << "theta " << theta;
}

TEST(Zipf, FollowsTheLawOfYcsb) { expect_law(200, kYcsbTheta); }

// Where 1 - theta is 0, and on both sides of it.
TEST(Zipf, FollowsTheLawForOtherExponents) {
  expect_law(200, 1.0);
  expect_law(200, 0.5);
  expect_law(200, 1.2);
}

TEST(Zipf, TheFirstOfTenMillionIsAsPopularAsTheLawSays) {
  constexpr std::uint64_t kEntries = 10'000'000;
  constexpr std::uint64_t kTimes = 500'000;
  double sum = 0;
  for (std::uint64_t k = 1; k <= kEntries; ++k)
    sum += std::pow(static_cast<double>(k), -kYcsbTheta);
  const Zipf zipf(kEntries);
  Random random(7);
  std::uint64_t firsts = 0;
  for (std::uint64_t i = 0; i < kTimes; ++i) {
    const std::uint64_t rank = zipf.draw(random);
    ASSERT_LT(rank, kEntries);
    firsts += rank == 0 ? 1 : 0;
  }
  const double expected = static_cast<double>(kTimes) / sum;  // About 28,000, deviation 160.
  EXPECT_NEAR(static_cast<double>(firsts), expected, 6 * std::sqrt(expected));
}

TEST(Zipf, OfOneEntryIsThatEntry) {
  const Zipf zipf(1);
  Random random(1);
  for (int i = 0; i < 1000; ++i) ASSERT_EQ(zipf.draw(random), 0U);
}

TEST(Zipf, DependsOnTheSeedAlone) {
  const Zipf zipf(1000);
  EXPECT_EQ(draw(zipf, 1000, 10'000, 3), draw(zipf, 1000, 10'000, 3));
  EXPECT_NE(draw(zipf, 1000, 10'000, 3), draw(zipf, 1000, 10'000, 4));
}

}  // namespace
}  // namespace hmap::bench
