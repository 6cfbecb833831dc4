// Which entry a user asks for: few of them often, most of them rarely.
#ifndef HMAP_BENCH_BASE_ZIPF_H_
#define HMAP_BENCH_BASE_ZIPF_H_

#include <cstdint>

#include "base/random.h"

namespace hmap::bench {

// The exponent of the YCSB benchmark.
inline constexpr double kYcsbTheta = 0.99;

// Ranks from 0 to n - 1; rank k is drawn with a probability in proportion to 1 / (k + 1)^theta.
//
// Exact, without tables, about 1.1 random numbers for a draw: rejection-inversion (W. Hoermann and
// G. Derflinger, "Rejection-inversion to generate variates from monotone discrete distributions",
// 1996). YCSB's own generator first adds up n powers and is an approximation.
class Zipf {
 public:
  // n from 1 to 2^32 - 1; theta above 0.
  explicit Zipf(std::uint64_t n, double theta = kYcsbTheta) noexcept;

  [[nodiscard]] std::uint64_t draw(Random& random) const noexcept;

 private:
  // An antiderivative of 1 / x^theta, and its inverse.
  [[nodiscard]] double area(double x) const noexcept;
  [[nodiscard]] double place(double area) const noexcept;
  [[nodiscard]] double height(double x) const noexcept;

  std::uint64_t n_;
  double theta_;
  double first_;  // Areas between which is drawn.
  double last_;
  double sure_;  // A distance from the rank within which nothing needs to be rejected.
};

}  // namespace hmap::bench

#endif  // HMAP_BENCH_BASE_ZIPF_H_
