// Long inputs are hashed in the processor's widest registers: to what XXH3 says, in parts, too.
#include <gtest/gtest.h>

#ifdef __x86_64__
#include <cpuid.h>
#endif

#include <cstdint>
#include <string>
#include <vector>

#include "format/hash_stream.h"
#include "values.h"

namespace hmap::test {
namespace {

std::vector<std::size_t> lengths() {
  std::vector<std::size_t> all;
  for (std::size_t n = 0; n <= 1'100; ++n) all.push_back(n);
  for (const std::size_t n : {4'096U, 16'411U, 65'537U, 300'000U}) all.push_back(n);
  return all;
}

TEST(Hash, OfAnyLengthIsXxh3) {
  const std::string bytes = value_of(1, 300'001);
  for (const std::size_t n : lengths()) {
    for (const std::uint64_t seed : {std::uint64_t{0}, std::uint64_t{0x9e3779b97f4a7c15}}) {
      const char* at = bytes.data() + n % 2;
      const std::uint64_t expected = XXH3_64bits_withSeed(at, n, seed);
      ASSERT_EQ(expected, hash_bytes(at, n, seed)) << n;
      ASSERT_EQ(expected, hash_long(at, n, seed)) << n;
      ASSERT_EQ(static_cast<std::uint32_t>(expected), checksum(at, n, seed)) << n;
    }
  }
}

TEST(Hash, OfPartsIsThatOfTheWhole) {
  const std::string bytes = value_of(2, 300'000);
  for (const std::size_t n : lengths()) {
    const std::size_t cut = n / 3;
    const std::size_t second = n > cut + 12 ? cut + 12 : n;
    const HashPart parts[] = {{bytes.data(), cut},
                              {bytes.data() + cut, second - cut},
                              {bytes.data() + second, n - second}};
    const std::uint64_t expected = XXH3_64bits_withSeed(bytes.data(), n, n);
    ASSERT_EQ(expected, hash_parts(parts, 3, n)) << n;
    ASSERT_EQ(expected, stream(parts, 3, n)) << n << ", as without AVX2";
  }
}

#ifdef __x86_64__

// Whether the processor tells which parts of its registers are in use.
bool tells_what_is_in_use() {
  constexpr unsigned kOsKnowsAvx = 1U << 27;
  constexpr unsigned kTells = 1U << 2;  // XGETBV with ECX = 1
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kOsKnowsAvx) == 0) return false;
  return __get_cpuid_count(0xd, 1, &a, &b, &c, &d) != 0 && (a & kTells) != 0;
}

// Whether the upper half of a 256 bit register has a value.
bool avx_is_in_use() {
  constexpr unsigned kUpperHalves = 1U << 2;
  unsigned low = 0;
  unsigned high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(1));
  return (low & kUpperHalves) != 0;
}

// Or all that follows in the program pays for it, 60 ns at each copy of a key or a value.
TEST(Hash, LeavesNoWideRegisterInUse) {
  const std::string bytes = value_of(3, 4'096);
  if (!tells_what_is_in_use() || __builtin_cpu_supports("avx2") == 0)
    GTEST_SKIP() << "cannot be seen on this processor";
  asm volatile("vzeroupper");
  if (avx_is_in_use()) GTEST_SKIP() << "this processor does not keep account";
  static_cast<void>(hash_long(bytes.data(), bytes.size(), 1));
  EXPECT_FALSE(avx_is_in_use());
  const HashPart parts[] = {{bytes.data(), 100}, {bytes.data() + 100, 3'996}};
  static_cast<void>(hash_parts(parts, 2, 1));
  EXPECT_FALSE(avx_is_in_use());
}

#endif

}  // namespace
}  // namespace hmap::test
