// Long inputs are hashed in the processor's widest registers: to what XXH3 says, in parts, too.
#include <gtest/gtest.h>

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

}  // namespace
}  // namespace hmap::test
