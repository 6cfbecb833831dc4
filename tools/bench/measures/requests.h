// The requests of the YCSB phases, made before the clock runs.
#ifndef HMAP_BENCH_MEASURES_REQUESTS_H_
#define HMAP_BENCH_MEASURES_REQUESTS_H_

#include <cstdint>
#include <vector>

#include "base/random.h"
#include "base/workload.h"
#include "base/zipf.h"

namespace hmap::bench {

// What is asked of a store, one request after the other: popular entries often (zipfian, theta
// 0.99), reads and updates mixed at random. The popular entries are scattered over the store: the
// k-th most popular one is the k-th of `order`.
class Requests {
 public:
  struct Request {
    std::uint64_t index;
    bool is_update;
  };

  // `update_part`: how many of the requests are updates, 0 to 1.
  Requests(const Order& order, std::uint64_t count, double update_part, std::uint64_t seed) {
    const Zipf zipf(order.size());
    Random random(seed);
    words_.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      const auto index = static_cast<std::uint32_t>(order.at(zipf.draw(random)));
      words_.push_back(index | (random.unit() < update_part ? kUpdateBit : 0));
    }
  }

  [[nodiscard]] Request operator[](std::uint64_t i) const noexcept {
    return {words_[i] & ~kUpdateBit, (words_[i] & kUpdateBit) != 0};
  }
  [[nodiscard]] std::uint64_t size() const noexcept { return words_.size(); }

 private:
  static constexpr std::uint32_t kUpdateBit = std::uint32_t{1} << 31;
  static_assert(kEntriesMax < kUpdateBit);
  std::vector<std::uint32_t> words_;
};

}  // namespace hmap::bench

#endif  // HMAP_BENCH_MEASURES_REQUESTS_H_
