#include "base/zipf.h"

#include <algorithm>
#include <cmath>

namespace hmap::bench {
namespace {

constexpr double kNearZero = 1e-8;

// (e^x - 1) / x and log(1 + x) / x, continued to x = 0, where theta is 1.
double expm1_over(double x) noexcept { return std::abs(x) > kNearZero ? std::expm1(x) / x : 1; }
double log1p_over(double x) noexcept { return std::abs(x) > kNearZero ? std::log1p(x) / x : 1; }

}  // namespace

Zipf::Zipf(std::uint64_t n, double theta) noexcept
    : n_(n),
      theta_(theta),
      first_(area(1.5) - 1),
      last_(area(static_cast<double>(n) + 0.5)),
      sure_(2 - place(area(2.5) - height(2))) {}

double Zipf::area(double x) const noexcept {
  const double log_x = std::log(x);
  return expm1_over((1 - theta_) * log_x) * log_x;
}

double Zipf::place(double area) const noexcept {
  const double t = std::max(area * (1 - theta_), -1.0);
  return std::exp(log1p_over(t) * area);
}

double Zipf::height(double x) const noexcept { return std::exp(-theta_ * std::log(x)); }

std::uint64_t Zipf::draw(Random& random) const noexcept {
  for (;;) {
    const double drawn = last_ + random.unit() * (first_ - last_);
    const double x = place(drawn);
    const double rank = std::clamp(std::floor(x + 0.5), 1.0, static_cast<double>(n_));
    if (rank - x <= sure_ || drawn >= area(rank + 0.5) - height(rank)) {
      return static_cast<std::uint64_t>(rank) - 1;
    }
  }
}

}  // namespace hmap::bench
