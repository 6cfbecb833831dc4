// What iteration promises while the store changes under it, growths included.
#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <set>

#include "sanitized.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

Store filled(const std::string& path, std::uint64_t keys, const Options& options) {
  Store store = Store::open(path, options).value();
  for (std::uint64_t i = 0; i < keys; ++i) EXPECT_OK(store.put(key_of(i), value_of(i, 10)));
  return store;
}

TEST(Iteration, OfAnEmptyStoreEndsAtOnceAndStaysAtTheEnd) {
  TempDir dir(TempDir::Where::kMemory);
  Store store = filled(dir.file("store"), 0, quiet_options());

  Cursor cursor = store.cursor().value();

  EXPECT_FALSE(cursor.next().value().has_value());
  EXPECT_FALSE(cursor.next().value().has_value());
  EXPECT_EQ(store.begin(), store.end());
}

TEST(Iteration, ByRangeForHandsOutEveryEntryOnceInADifferentOrderEachTime) {
  TempDir dir(TempDir::Where::kMemory);
  for (const int shard_bits : {0, 2}) {
    Options options = quiet_options();
    options.shard_bits = shard_bits;
    Store store = filled(dir.file("store" + std::to_string(shard_bits)), 500, options);
    std::set<std::string> first_keys;

    for (int round = 0; round < 20; ++round) {
      std::set<std::string> keys;
      for (const auto& [key, value] : store) {
        if (keys.empty()) first_keys.emplace(key);
        EXPECT_TRUE(keys.emplace(key).second);
      }
      EXPECT_EQ(500U, keys.size());
    }

    EXPECT_GT(first_keys.size(), 5U) << "the start is not random";
  }
}

TEST(Iteration, ResumedAtAPositionByAnotherHandleMissesNothing) {
  TempDir dir(TempDir::Where::kMemory);
  Options options = quiet_options();
  options.shard_bits = 1;
  Store store = filled(dir.file("store"), 300, options);

  for (std::uint64_t taken = 0; taken <= 300; taken += 7) {
    Cursor cursor = store.cursor().value();
    std::set<std::string> keys;
    for (std::uint64_t i = 0; i < taken; ++i) keys.emplace(cursor.next().value()->key);
    Store other = Store::open(dir.file("store"), with_mode({}, Mode::kReadOnly)).value();
    Cursor rest = other.cursor(cursor.position()).value();
    std::uint64_t repeated = 0;
    while (const std::optional<Entry> entry = rest.next().value()) {
      if (!keys.emplace(entry->key).second) ++repeated;
    }

    EXPECT_EQ(300U, keys.size()) << "taken: " << taken;
    EXPECT_LE(repeated, 64U) << "more than the bucket being handed out was repeated";
  }
}

// A shard that has been empty has another seed, and with it another order.
TEST(Iteration, HandsNothingOutTwiceWhenAllIsErasedAndPutAgainMeanwhile) {
  TempDir dir(TempDir::Where::kMemory);
  for (const bool clears : {false, true}) {
    Options options = quiet_options();
    options.shard_bits = 1;
    Store store = filled(dir.file(clears ? "cleared" : "erased"), 200, options);
    for (int round = 0; round < 20; ++round) {
      Cursor cursor = store.cursor().value();
      std::set<std::string> keys;
      for (int i = 0; i < 30 + round * 8; ++i) keys.emplace(cursor.next().value()->key);
      if (clears) {
        ASSERT_OK(store.clear());
      } else {
        for (std::uint64_t i = 0; i < 200; ++i) ASSERT_TRUE(store.erase(key_of(i)).value());
      }
      for (std::uint64_t i = 0; i < 200; ++i) ASSERT_OK(store.put(key_of(i), "new"));

      // By the same cursor, or by one that is resumed, which repeats the chain it was in.
      Cursor resumed = store.cursor(cursor.position()).value();
      Cursor& rest = round % 2 == 0 ? cursor : resumed;
      std::uint64_t repeated = 0;
      while (const std::optional<Entry> entry = rest.next().value()) {
        if (!keys.emplace(entry->key).second) ++repeated;
      }
      EXPECT_LE(repeated, round % 2 == 0 ? 0U : 64U) << "round " << round;
    }
  }
}

TEST(Iteration, AtInventedPositionsIsSomeIterationAndNeverAFault) {
  TempDir dir(TempDir::Where::kMemory);
  Store store = filled(dir.file("store"), 100, quiet_options());
  Random random(test_seed());

  for (int round = 0; round < 20'000; ++round) {
    Position position;
    unsigned char bytes[sizeof position];
    const unsigned shift = static_cast<unsigned>(random.below(64));
    for (unsigned char& byte : bytes) {
      byte = static_cast<unsigned char>(random.next() >> shift);
      if (random.one_in(2)) byte = 0;
    }
    std::memcpy(&position, bytes, sizeof position);
    Result<Cursor> cursor = store.cursor(position);
    if (!cursor) continue;
    for (std::uint64_t i = 0; i <= 1'000; ++i) {
      ASSERT_LT(i, 1'000U) << "an iteration of 100 entries does not end";
      const auto entry = cursor->next();
      ASSERT_OK(entry);
      if (!entry->has_value()) break;
      ASSERT_TRUE(store.contains((*entry)->key).value());
    }
  }
}

// One iteration with random writes between its steps.
class ChangingStore {
 public:
  ChangingStore(Store& store, Random& random, std::uint64_t keys, std::uint64_t insert_share)
      : store_(store), random_(random), keys_(keys), insert_share_(insert_share) {
    for (const auto& [key, value] : contents(store)) present_.insert(key);
    steady_ = present_;
  }

  void run(std::uint64_t writes_per_step) {
    Cursor cursor = store_.cursor().value();
    while (true) {
      const auto entry = cursor.next();
      ASSERT_OK(entry);
      if (!entry->has_value()) break;
      check(std::string((*entry)->key), (*entry)->value);
      for (std::uint64_t i = random_.below(2 * writes_per_step + 1); i > 0; --i) write();
      ++step_;
      ASSERT_LT(step_, 1'000'000U) << "the iteration does not end";
    }
    for (const std::string& key : steady_) {
      ASSERT_TRUE(seen_.contains(key)) << key << " was there throughout and was not handed out";
    }
  }

 private:
  void check(const std::string& key, std::string_view value) {
    const auto stamp = parse_stamped(value);
    const bool initial = value.size() == 10;
    ASSERT_TRUE(initial || stamp.has_value()) << "torn value";
    ASSERT_TRUE(seen_.insert(key).second || !steady_.contains(key)) << key << " came twice";
    const auto erased = erased_at_.find(key);
    // What the cursor has already read of a chain it may still hand out.
    ASSERT_TRUE(present_.contains(key) || step_ - erased->second < 200) << key << " was erased";
  }

  void write() {
    const std::uint64_t number = random_.below(keys_);
    const std::string key = key_of(number);
    if (random_.below(100) < insert_share_) {
      ASSERT_OK(store_.put(key, stamped_value({number, ++version_})));
      present_.insert(key);
    } else if (store_.erase(key).value()) {
      present_.erase(key);
      steady_.erase(key);
      erased_at_[key] = step_;
    }
  }

  Store& store_;
  Random& random_;
  std::uint64_t keys_;
  std::uint64_t insert_share_;
  std::set<std::string> present_;
  std::set<std::string> steady_;  // there from begin to end so far
  std::set<std::string> seen_;
  std::map<std::string, std::uint64_t> erased_at_;
  std::uint64_t version_ = 0;
  std::uint64_t step_ = 0;
};

TEST(Iteration, KeepsItsPromisesThroughWritesAndGrowths) {
  Random random(test_seed());
  TempDir dir(TempDir::Where::kMemory);
  for (std::uint64_t round = 0; round < (kSanitized ? 32 : 120); ++round) {
    Options options = quiet_options();
    options.shard_bits = round % 4 == 3 ? 2 : 0;
    const std::uint64_t keys = random.between(1, 400);
    Store store = filled(dir.file(std::to_string(round)), keys, options);
    // From mostly erasing over churn (same-size growths) to inserting through several doublings.
    ChangingStore changing(store, random, keys * random.between(1, 20), random.between(30, 100));
    changing.run(random.between(1, 8));
    if (::testing::Test::HasFatalFailure()) return;
  }
}

TEST(Iteration, EndsWhenTheStoreIsClearedUnderIt) {
  TempDir dir(TempDir::Where::kMemory);
  Store store = filled(dir.file("store"), 1'000, quiet_options());
  Cursor cursor = store.cursor().value();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(cursor.next().value().has_value());

  ASSERT_OK(store.clear());

  std::uint64_t rest = 0;
  while (cursor.next().value().has_value()) ++rest;
  EXPECT_LT(rest, 100U) << "more than the chain being handed out came after clear()";
}

TEST(Iteration, EntriesAnIterationHasNotReachedComeWithTheirNewValues) {
  TempDir dir(TempDir::Where::kMemory);
  Store store = filled(dir.file("store"), 400, quiet_options());
  Cursor cursor = store.cursor().value();
  std::set<std::string> early;
  for (int i = 0; i < 50; ++i) early.emplace(cursor.next().value()->key);

  for (std::uint64_t i = 0; i < 400; ++i) ASSERT_OK(store.put(key_of(i), "new"));

  std::uint64_t old_values = 0;
  while (const std::optional<Entry> entry = cursor.next().value()) {
    EXPECT_FALSE(early.contains(std::string(entry->key)));
    if (entry->value != "new") ++old_values;
  }
  EXPECT_LT(old_values, 64U) << "more than the chain being handed out was old";
}

}  // namespace
}  // namespace hmap::test
