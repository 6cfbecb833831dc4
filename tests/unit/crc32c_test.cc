// Short records have CRC-32C, by the processor's instruction and by a table: as Boost computes it.
#include <gtest/gtest.h>

#include <boost/crc.hpp>
#include <cstring>
#include <numeric>
#include <string>

#include "format/record_sum.h"
#include "values.h"

namespace hmap::test {
namespace {

using BoostCrc32c = boost::crc_optimal<32, 0x1edc6f41, 0xffffffff, 0xffffffff, true, true>;

std::uint32_t by_boost(const std::string& bytes) {
  BoostCrc32c crc;
  crc.process_bytes(bytes.data(), bytes.size());
  return crc.checksum();
}

std::uint32_t by_table(const std::string& bytes) {
  return ~crc32c_by_table(0xffffffff, bytes.data(), bytes.size());
}

std::uint32_t in_parts(const std::string& bytes, std::size_t cut) {
  Crc32c crc;
  crc.add(bytes.data(), cut);
  crc.add(bytes.data() + cut, bytes.size() - cut);
  return crc.value();
}

TEST(Crc32c, IsWhatRfc3720Says) {
  std::string counting(32, '\0');
  std::iota(counting.begin(), counting.end(), '\0');
  const std::pair<std::string, std::uint32_t> vectors[] = {{std::string(32, '\0'), 0x8a9136aa},
                                                           {std::string(32, '\xff'), 0x62a8ab43},
                                                           {counting, 0x46dd794e},
                                                           {"123456789", 0xe3069283}};
  for (const auto& [bytes, crc] : vectors) {
    EXPECT_EQ(crc, in_parts(bytes, 0));
    EXPECT_EQ(crc, by_table(bytes));
    EXPECT_EQ(crc, by_boost(bytes));
  }
}

TEST(Crc32c, OfAnyLengthInAnyParts) {
  constexpr std::size_t kMost = 255;
  const std::string all = value_of(1, kMost + 9);
  for (std::size_t n = 0; n <= kMost; ++n) {
    const std::string bytes = all.substr(n % 9, n);
    const std::uint32_t expected = by_boost(bytes);
    ASSERT_EQ(expected, by_table(bytes)) << n;
    for (const std::size_t cut : {std::size_t{0}, bytes.size() / 3, bytes.size()})
      ASSERT_EQ(expected, in_parts(bytes, cut)) << n << ", cut at " << cut;
  }
}

TEST(Crc32c, OfAWordIsThatOfItsBytes) {
  const std::uint64_t word = 0x0123456789abcdef;
  Crc32c crc;
  crc.add_word(word);
  EXPECT_EQ(by_boost({"\xef\xcd\xab\x89\x67\x45\x23\x01", 8}), crc.value());
}

// The examples of format.md, section 6.
TEST(RecordChecksum, IsCrcOfSeedAndBytesUpTo240AndXxh3FromThere) {
  std::string counting(240, '\0');
  std::iota(counting.begin(), counting.end(), '\0');
  const std::uint64_t seed = 0x0123456789abcdef;
  EXPECT_EQ(0x615de668U, record_checksum(RecordSums::kCrc, counting.data(), 240, seed));
  EXPECT_EQ(0x9603224aU, record_checksum(RecordSums::kXxh3, counting.data(), 240, seed));
  EXPECT_EQ(0x8c28b28aU, record_checksum(RecordSums::kCrc, "", 0, 0));
  counting += 'x';
  EXPECT_EQ(checksum(counting.data(), 241, seed),
            record_checksum(RecordSums::kCrc, counting.data(), 241, seed));
}

// A stray reference leads to an intact record, but its place is not the one of the seed.
TEST(RecordChecksum, TellsPlacesApart) {
  const std::string bytes = value_of(2, 124);
  const std::uint64_t store = 0x5eed5eed5eed5eed;
  const auto sum = [&](std::uint64_t offset) {
    return record_checksum(RecordSums::kCrc, bytes.data(), bytes.size(), store ^ offset);
  };
  for (std::uint64_t offset = 4096; offset < 4096 + 16 * 10'000; offset += 16)
    ASSERT_NE(sum(offset), sum(offset + 16)) << offset;
  for (unsigned bit = 4; bit < 48; ++bit)
    EXPECT_NE(sum(4096), sum(4096 ^ std::uint64_t{1} << bit)) << bit;
}

}  // namespace
}  // namespace hmap::test
