// Millions of random operations, every answer compared with std::unordered_map.
//
// HMAP_MODEL_OPERATIONS: how many (default 4,000,000; the long run: 100,000,000).
// HMAP_TEST_SEED repeats a run; HMAP_MODEL_HISTORY=n runs only the n-th history of it.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "random_history.h"
#include "sanitized.h"
#include "stores.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kOperations = kSanitized ? 200'000 : 2'500'000;

// Lengths of keys and values where all have the same: in a bucket of any block, in one of a large
// block only, too long for a bucket.
TypeInfo some_fixed_type(Random& random) {
  constexpr std::array<std::array<std::uint32_t, 2>, 10> kBytes = {{{8, 8},
                                                                    {3, 0},
                                                                    {5, 3},
                                                                    {16, 40},
                                                                    {8, 24},
                                                                    {13, 1},
                                                                    {4, 57},
                                                                    {8, 60},
                                                                    {128, 128},
                                                                    {129, 10}}};
  const auto [key, value] = kBytes[random.below(kBytes.size())];
  return fixed_type(key, value);
}

// Kinds of stores by turns: tiny ones, small ones with copied blocks and little extents, some with
// shards, and two of the default geometry.
RandomHistory::Plan plan_history(std::uint64_t number, Random& random) {
  const std::uint64_t kind = number % 10;
  RandomHistory::Plan plan;
  plan.options = kind < 8 ? quiet_options() : Options{};
  if (kind < 8 && random.one_in(2)) plan.options.geometry.extent_bytes = 2048;
  plan.options.size_limit = std::uint64_t{2} << 30;  // a store that grows for ever fails its test
  if (random.one_in(3)) {
    plan.options.durability = Durability::kCheckpoint;
    plan.options.checkpoint_interval = std::chrono::milliseconds(random.between(1, 50));
  }
  if (random.one_in(8)) plan.options.verify_reads = false;
  if (random.one_in(3)) plan.options.type = some_fixed_type(random);
  if (kind < 4) {  // tides up to where an array is full: overflow buckets, same-size growths
    plan.tide = ((std::uint64_t{13} << random.between(1, 4)) / 2) - random.below(2);
    plan.keys = plan.tide * 6;
    plan.operations = 60'000;
    return plan;
  }
  if (random.one_in(4)) plan.options.expected_entries = random.below(3000);
  if (kind < 7) {
    plan.keys = random.one_in(3) ? random.between(2, 60) : random.between(61, 5'000);
    plan.operations = 100'000;
  } else if (kind == 7) {
    plan.keys = random.between(2, 3'000);
    plan.operations = 60'000;
    plan.options.shard_bits = static_cast<int>(random.between(1, 3));
  } else if (kind == 8) {
    plan.keys = random.between(1'000, 60'000);
    plan.operations = 200'000;
    plan.megabytes = true;
  } else {
    plan.keys = random.between(50'000, 200'000);
    plan.operations = 500'000;
    plan.options.shard_bits = 0;
    plan.megabytes = true;
  }
  return plan;
}

void report(const Seen& seen) {
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(
      "%llu operations, %llu growths, %llu same-size growths, %llu halvings, %llu compactions "
      "(%llu ended in a halving), %llu reopenings, "
      "%llu clears, emptied %llu times, %llu iterations, %llu values above 64 KiB\n",
      number(seen.operations), number(seen.growths), number(seen.same_size_growths),
      number(seen.halvings), number(seen.compactions), number(seen.half_done),
      number(seen.reopenings), number(seen.clears), number(seen.emptied), number(seen.iterations),
      number(seen.values_above_64k));
}

TEST(Model, AgreesWithUnorderedMapThroughRandomHistories) {
  const std::uint64_t seed = test_seed();
  const std::uint64_t wanted = environment_number("HMAP_MODEL_OPERATIONS", kOperations);
  const std::uint64_t only = environment_number("HMAP_MODEL_HISTORY", ~std::uint64_t{0});
  Seen seen;

  for (std::uint64_t number = 0; seen.operations < wanted; ++number) {
    if (only != ~std::uint64_t{0}) number = only;
    Random random(mix(seed) + number);
    RandomHistory::Plan plan = plan_history(number, random);
    plan.operations = std::min(plan.operations, wanted - seen.operations);
    const TempDir::Where where = number % 4 == 1 ? TempDir::Where::kDisk : TempDir::Where::kMemory;
    RandomHistory history(plan, random.next(), where, seen);
    const std::string failure = history.run();
    ASSERT_EQ("", failure) << "HMAP_TEST_SEED=" << seed << " HMAP_MODEL_HISTORY=" << number << " ("
                           << plan.keys << " keys, " << plan.operations << " operations)";
    if (only != ~std::uint64_t{0}) break;
  }

  report(seen);
  if (seen.operations >= 1'000'000) {  // else the run was too short to have seen everything
    EXPECT_GT(seen.growths, 50U);
    EXPECT_GT(seen.same_size_growths, 20U);
    EXPECT_GT(seen.halvings, 20U);
    EXPECT_GT(seen.half_done, 5U);
    EXPECT_GT(seen.reopenings, 50U);
    EXPECT_GT(seen.clears, 20U);
    EXPECT_GT(seen.values_above_64k, 10U);
  }
}

TEST(Model, KeepsValuesOfEveryLengthAroundEverySizeClass) {
  TempDir dir(TempDir::Where::kMemory);
  for (const bool small : {true, false}) {
    auto store =
        Store::open(dir.file(small ? "small" : "default"), small ? quiet_options() : Options{});
    ASSERT_OK(store);
    std::vector<std::size_t> lengths;
    for (std::size_t bytes = 0; bytes < 1200; ++bytes) lengths.push_back(bytes);
    for (std::size_t edge = 2048; edge <= 131'072; edge += edge / 8) {
      for (std::size_t bytes = edge - 34; bytes <= edge + 2; ++bytes) lengths.push_back(bytes);
    }

    for (const std::size_t bytes : lengths) {
      ASSERT_OK(store->put("key" + std::to_string(bytes), value_of(bytes, bytes)));
    }

    for (const std::size_t bytes : lengths) {
      const auto value = store->get("key" + std::to_string(bytes));
      ASSERT_OK(value);
      ASSERT_TRUE(value->has_value() && **value == value_of(bytes, bytes)) << bytes;
    }
    EXPECT_EQ(lengths.size(), store->size().value());
  }
}

TEST(Model, KeepsTheLongestKeyAndSeveralMegabytes) {
  TempDir dir(TempDir::Where::kMemory);
  for (const bool small : {true, false}) {
    auto store =
        Store::open(dir.file(small ? "small" : "default"), small ? quiet_options() : Options{});
    ASSERT_OK(store);
    const std::string key(kKeyBytesMax, 'k');
    const std::string other_key = key.substr(1);
    const std::string value = value_of(1, 9'000'001);

    ASSERT_OK(store->put(key, value));
    ASSERT_OK(store->put(other_key, ""));
    ASSERT_OK(store->put("", "empty key"));

    EXPECT_TRUE(store->get(key).value() == value);
    EXPECT_VALUE(*store, other_key, "");
    EXPECT_VALUE(*store, "", "empty key");
    ASSERT_OK(store->close());
    store = Store::open(dir.file(small ? "small" : "default"));
    ASSERT_OK(store);
    EXPECT_TRUE(store->get(key).value() == value);
    EXPECT_TRUE(store->erase(key).value());
    EXPECT_ABSENT(*store, key);
    EXPECT_EQ(2U, store->size().value());
  }
}

TEST(Model, GivesSpaceBackSoThatChurnDoesNotGrowTheFile) {
  TempDir dir(TempDir::Where::kMemory);
  Options options = quiet_options();
  auto store = Store::open(dir.file("churn"), options);
  ASSERT_OK(store);
  const auto round = [&](std::uint64_t salt) {
    for (std::uint64_t i = 0; i < 2'000; ++i) {
      ASSERT_OK(store->put("key" + std::to_string(i), value_of(salt + i, 50 + i % 900)));
    }
    ASSERT_OK(store->checkpoint());
  };
  for (std::uint64_t warm = 0; warm < 6; ++warm) round(warm);
  const std::uint64_t before = store->stats().value().file_bytes;

  for (std::uint64_t i = 6; i < 40; ++i) round(i);

  EXPECT_LE(store->stats().value().file_bytes, before * 3 / 2);
}

// A large record is written before the lock is taken; one that is not wanted after all leaves
// extents that nothing refers to.
TEST(Model, GivesBackTheExtentsOfALargeRecordThatWasNotWanted) {
  TempDir dir(TempDir::Where::kMemory);
  auto store = Store::open(dir.file("unwanted"), quiet_options());
  ASSERT_OK(store);
  ASSERT_OK(store->put("key", "small"));
  const std::string large(1 << 20, 'x');

  for (int i = 0; i < 10; ++i) {
    EXPECT_FALSE(store->insert("key", large).value());
    EXPECT_FALSE(store->replace("absent", large).value());
  }

  EXPECT_EQ(0U, store->stats().value().large_bytes);
}

}  // namespace
}  // namespace hmap::test
