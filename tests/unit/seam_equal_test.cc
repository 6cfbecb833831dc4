// Keys are compared by their first and last words: every byte of any length counts.
#include <gtest/gtest.h>

#include <string>

#include "system/seam.h"
#include "values.h"

namespace hmap::test {
namespace {

TEST(SeamEqual, SeesEveryByteOfAnyLength) {
  const std::string all = value_of(1, 80);
  for (std::size_t bytes = 0; bytes <= 70; ++bytes) {
    std::string shared = all.substr(bytes % 8, bytes);
    const std::string own = shared;
    EXPECT_TRUE(seam::equal(shared.data(), own.data(), bytes)) << bytes;
    for (std::size_t at = 0; at < bytes; ++at) {
      shared[at] = static_cast<char>(shared[at] ^ 1 << (at % 8));
      EXPECT_FALSE(seam::equal(shared.data(), own.data(), bytes)) << at << " of " << bytes;
      shared[at] = own[at];
    }
  }
}

}  // namespace
}  // namespace hmap::test
