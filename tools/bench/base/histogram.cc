#include "base/histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace hmap::bench {

// Bucket of a value of w > kExactBits bits: its highest kExactBits bits, which are at least
// kHalf, behind w - kExactBits groups of kHalf buckets.
namespace {
constexpr std::size_t kHalf = 128;
}

Histogram::Histogram() : counts_(kHalf * (64 - kExactBits) + 2 * kHalf) {
  static_assert(2 * kHalf == std::size_t{1} << kExactBits);
}

std::size_t Histogram::bucket_of(std::uint64_t value) noexcept {
  const auto width = static_cast<unsigned>(std::bit_width(value));
  if (width <= kExactBits) return value;
  const unsigned shift = width - kExactBits;
  return kHalf * shift + (value >> shift);
}

std::uint64_t Histogram::highest_in(std::size_t bucket) noexcept {
  if (bucket < 2 * kHalf) return bucket;
  const std::size_t shift = bucket / kHalf - 1;
  const std::uint64_t top = bucket - kHalf * shift;
  return ((top + 1) << shift) - 1;
}

std::uint64_t Histogram::percentile(double percent) const noexcept {
  const double share = std::ceil(static_cast<double>(count_) * percent / 100);
  const std::uint64_t wanted = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(share), 1,
                                                         std::max<std::uint64_t>(count_, 1));
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < counts_.size(); ++bucket) {
    seen += counts_[bucket];
    if (seen >= wanted) return std::min(highest_in(bucket), max_);
  }
  return max_;
}

}  // namespace hmap::bench
