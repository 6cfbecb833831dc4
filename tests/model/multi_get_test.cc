// multi_get and multi_contains answer what get() answers, key by key.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hmap/snapshot.h"
#include "seeds.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

using Answers = std::vector<std::optional<std::string>>;

// Asks for `keys` in all ways and holds the answers against get().
void expect_as_by_get(const Store& store, const std::vector<std::string>& keys, Answers& values) {
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  values.resize(keys.size());
  const auto present = std::make_unique<bool[]>(keys.size());
  const Result<std::size_t> found = store.multi_get(views, values);
  ASSERT_OK(found);
  ASSERT_EQ(*found, store.multi_contains(views, {present.get(), keys.size()}).value());
  std::size_t expected = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    ASSERT_EQ(value_in(store, keys[i]), values[i]) << keys[i];
    ASSERT_EQ(values[i].has_value(), present[i]) << keys[i];
    expected += values[i].has_value() ? 1 : 0;
  }
  ASSERT_EQ(expected, *found);
}

TEST(MultiGet, AnswersAsGetDoesThroughGrowthAndErasures) {
  const TempDir dir;
  Store store = Store::open(dir.file("store"), quiet_options()).value();
  Random random(test_seed());
  Answers values;  // kept: old strings must not shine through
  for (std::uint64_t round = 0; round < 1500; ++round) {
    const std::uint64_t number = random.below(2'000);
    if (random.below(4) == 0) {
      ASSERT_OK(store.erase(key_of(number)));
    } else {
      const std::size_t bytes = random.below(50) == 0 ? random.below(20'000) : random.below(100);
      ASSERT_OK(store.put(key_of(number), value_of(round, bytes)));
    }
    std::vector<std::string> keys(random.below(40));  // none, one, beyond one group, repetitions
    for (std::string& key : keys) key = key_of(random.below(2'000));
    ASSERT_NO_FATAL_FAILURE(expect_as_by_get(store, keys, values)) << "round " << round;
  }
  const Stats stats = store.stats().value();
  EXPECT_GT(stats.shards[0].buckets_log2, 4U);
}

TEST(MultiGet, WorksOnAnEmptyStoreAndOnAReadOnlyOne) {
  const TempDir dir;
  Answers values;
  {
    Store store = Store::open(dir.file("store"), quiet_options()).value();
    ASSERT_NO_FATAL_FAILURE(expect_as_by_get(store, {"a", "", "a"}, values));
    ASSERT_OK(store.put("", "empty key"));
    ASSERT_OK(store.put("a", ""));
  }
  const Store store =
      Store::open(dir.file("store"), with_mode(quiet_options(), Mode::kReadOnly)).value();
  ASSERT_NO_FATAL_FAILURE(expect_as_by_get(store, {"a", "", "b"}, values));
  EXPECT_EQ("empty key", values[1]);
}

TEST(MultiGet, RefusesWhatItCannotAnswer) {
  const TempDir dir;
  Store store = Store::open(dir.file("store"), quiet_options()).value();
  ASSERT_OK(store.put("a", "1"));
  const std::string too_long(kKeyBytesMax + 1, 'k');
  const std::vector<std::string_view> keys = {"a", too_long};
  Answers values(2);
  EXPECT_CODE(Code::kInvalidArgument, store.multi_get(keys, values));
  EXPECT_EQ(Answers(2), values);
  values.resize(1);
  EXPECT_CODE(Code::kInvalidArgument, store.multi_get(keys, values));
  EXPECT_CODE(Code::kInvalidArgument, store.multi_contains(keys, {}));
  ASSERT_OK(store.close());
  EXPECT_CODE(Code::kClosed, store.multi_get({}, {}));
  EXPECT_CODE(Code::kClosed, store.multi_contains({}, {}));
}

TEST(MultiGet, OfASnapshotRefusesTheSame) {
  const TempDir dir;
  Store store = Store::open(dir.file("store"), quiet_options()).value();
  ASSERT_OK(store.put("a", "1"));
  Snapshot snapshot = store.snapshot().value();
  const std::string too_long(kKeyBytesMax + 1, 'k');
  const std::vector<std::string_view> keys = {"a", too_long};
  Answers values(2);
  EXPECT_CODE(Code::kInvalidArgument, snapshot.multi_get(keys, values));
  EXPECT_EQ(Answers(2), values);
  bool present[2] = {false, false};
  EXPECT_CODE(Code::kInvalidArgument, snapshot.multi_contains(keys, present));
  EXPECT_FALSE(present[0]);
  EXPECT_CODE(Code::kInvalidArgument, snapshot.multi_get(keys, {}));
  EXPECT_CODE(Code::kInvalidArgument, snapshot.multi_contains(keys, {}));
  ASSERT_OK(store.close());
  EXPECT_CODE(Code::kClosed, snapshot.multi_get({}, {}));
  EXPECT_CODE(Code::kClosed, snapshot.multi_contains({}, {}));
  const Snapshot taken = std::move(snapshot);
  EXPECT_CODE(Code::kClosed, snapshot.multi_get({}, {}));
  EXPECT_CODE(Code::kClosed, snapshot.multi_contains({}, {}));
}

// Through everything that makes the live buckets others than those of the snapshot.
TEST(MultiGet, OfASnapshotAnswersAsItsGetDoes) {
  const TempDir dir;
  Store store = Store::open(dir.file("store"), quiet_options()).value();
  for (std::uint64_t i = 0; i < 500; ++i) ASSERT_OK(store.put(key_of(i), value_of(i, 60)));
  const Snapshot snapshot = store.snapshot().value();
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < 1'000; ++i) keys.push_back(key_of(i * 7 % 1'000));
  const std::vector<std::string_view> views(keys.begin(), keys.end());
  const auto present = std::make_unique<bool[]>(keys.size());
  const auto expect_500 = [&] {
    Answers values(keys.size());
    ASSERT_EQ(500U, snapshot.multi_get(views, values).value());
    ASSERT_EQ(500U, snapshot.multi_contains(views, {present.get(), keys.size()}).value());
    for (std::size_t i = 0; i < keys.size(); ++i) {
      ASSERT_EQ(snapshot.get(keys[i]).value(), values[i]) << keys[i];
      ASSERT_EQ(values[i].has_value(), present[i]) << keys[i];
    }
  };
  ASSERT_NO_FATAL_FAILURE(expect_500());
  for (std::uint64_t i = 250; i < 3'000; ++i) ASSERT_OK(store.put(key_of(i), value_of(i + 1, 60)));
  ASSERT_NO_FATAL_FAILURE(expect_500());
  ASSERT_OK(store.clear());
  ASSERT_NO_FATAL_FAILURE(expect_500());
}

}  // namespace
}  // namespace hmap::test
