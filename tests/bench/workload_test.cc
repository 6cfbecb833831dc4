// A value that is not the one that was put must be seen, or the benchmark would praise a store that
// loses data.
#include "base/workload.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace hmap::bench {
namespace {

std::string key_of(const Workload& workload, std::uint64_t index) {
  std::string key;
  workload.key(index, key);
  return key;
}

std::string value_of(const Workload& workload, const std::string& key, std::uint64_t version) {
  std::string value;
  workload.value(key, version, value);
  return value;
}

class EveryShape : public testing::TestWithParam<std::pair<std::size_t, std::size_t>> {
 protected:
  const Workload workload_{Shape{
      .entries = 1000, .key_bytes = GetParam().first, .value_bytes = GetParam().second, .seed = 9}};
};

TEST_P(EveryShape, AValueTellsItsVersion) {
  const std::string key = key_of(workload_, 3);
  for (const std::uint64_t version : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{1} << 40}) {
    const std::string value = value_of(workload_, key, version);
    EXPECT_EQ(value.size(), GetParam().second);
    EXPECT_EQ(workload_.version_of(key, value), version);
  }
}

TEST_P(EveryShape, AChangedByteIsSeen) {
  const std::string key = key_of(workload_, 3);
  const std::string value = value_of(workload_, key, 5);
  for (std::size_t i = 0; i < value.size(); ++i) {
    std::string changed = value;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_NE(workload_.version_of(key, changed), 5U) << "byte " << i;
  }
}

TEST_P(EveryShape, TheValueOfAnotherKeyIsSeen) {
  const std::string value = value_of(workload_, key_of(workload_, 3), 5);
  for (std::uint64_t index = 4; index < 100; ++index) {
    EXPECT_NE(workload_.version_of(key_of(workload_, index), value), 5U);
  }
}

TEST_P(EveryShape, AShorterValueIsSeen) {
  const std::string key = key_of(workload_, 3);
  std::string value = value_of(workload_, key, 5);
  value.pop_back();
  EXPECT_EQ(workload_.version_of(key, value), std::nullopt);
}

TEST_P(EveryShape, KeysDiffer) {
  std::set<std::string> keys;
  for (std::uint64_t index = 0; index < 2000; ++index) keys.insert(key_of(workload_, index));
  EXPECT_EQ(keys.size(), 2000U);
  EXPECT_EQ(keys.begin()->size(), GetParam().first);
}

INSTANTIATE_TEST_SUITE_P(Shapes, EveryShape,
                         testing::Values(std::pair(16, 100), std::pair(8, 8), std::pair(9, 17),
                                         std::pair(20, 1024)));

TEST(Order, HasEveryIndexOnce) {
  const Order order(1000, 1);
  std::set<std::uint64_t> seen;
  Order::Walk walk(order, 990);  // Wraps around.
  for (int i = 0; i < 1000; ++i) seen.insert(walk.next());
  EXPECT_EQ(seen.size(), 1000U);
  EXPECT_EQ(*seen.rbegin(), 999U);
}

}  // namespace
}  // namespace hmap::bench
