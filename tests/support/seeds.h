// Randomness that can be repeated: every random test prints its seed and takes one from
// HMAP_TEST_SEED. Lengths of runs come from environment variables too.
#ifndef HMAP_TESTS_SUPPORT_SEEDS_H_
#define HMAP_TESTS_SUPPORT_SEEDS_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>

namespace hmap::test {

// The number in an environment variable, or `otherwise`.
inline std::uint64_t environment_number(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 0);
}

// The seed of this run, printed.
inline std::uint64_t test_seed() {
  std::random_device device;
  const std::uint64_t fresh = (std::uint64_t{device()} << 32) ^ device();
  const std::uint64_t seed = environment_number("HMAP_TEST_SEED", fresh);
  std::printf("seed: HMAP_TEST_SEED=%llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  return seed;
}

// One step of splitmix64: a good mix of any 64 bits.
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

// splitmix64: small, quick, the same everywhere.
class Random {
 public:
  explicit constexpr Random(std::uint64_t seed) noexcept : state_(seed) {}
  constexpr std::uint64_t next() noexcept {
    const std::uint64_t value = mix(state_);
    state_ += 0x9e3779b97f4a7c15;
    return value;
  }
  // 0 to bound - 1; the bias is of no concern here.
  constexpr std::uint64_t below(std::uint64_t bound) noexcept { return next() % bound; }
  constexpr std::uint64_t between(std::uint64_t low, std::uint64_t high) noexcept {
    return low + below(high - low + 1);
  }
  constexpr bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_SUPPORT_SEEDS_H_
