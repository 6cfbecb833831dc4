// Go's rules of growth (runtime/map.go; shared/field.md, section 5), for a store of one hmap.
#include <gtest/gtest.h>

#include <array>
#include <utility>
#include <vector>

#include "raw_view.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

// Go's overLoadFactor: integer division first.
bool over_load(std::uint64_t count, std::uint64_t b) {
  return count > 8 && count > 13 * ((std::uint64_t{1} << b) / 2);
}

std::uint64_t go_b(std::uint64_t hint) {
  std::uint64_t b = 0;
  while (over_load(hint, b)) ++b;
  return b;
}

class GoRules : public ::testing::Test {
 protected:
  void create(Options options = quiet_options()) {
    auto opened = Store::open(dir_.file("store"), options);
    ASSERT_OK(opened);
    store_.emplace(*std::move(opened));
    raw_ = std::make_unique<RawView>(dir_.file("store"));
  }
  [[nodiscard]] const format::ShardHeader& header() const { return raw_->shard(); }
  [[nodiscard]] Stats::Shard shard() const { return store_->stats().value().shards.at(0); }
  void put(std::uint64_t number) { ASSERT_OK(store_->put(key_of(number), "value")); }
  void erase(std::uint64_t number) { ASSERT_TRUE(store_->erase(key_of(number)).value()); }
  // Inserts keys from `next_` on until a growth of `b` to b + 1 runs (2^b old buckets).
  void insert_until_growing(std::uint64_t b) {
    while (!(shard().growing && shard().old_buckets == std::uint64_t{1} << b)) {
      ASSERT_LT(next_, std::uint64_t{100} << b);
      put(next_++);
    }
  }

  TempDir dir_{TempDir::Where::kMemory};
  std::optional<Store> store_;
  std::unique_ptr<RawView> raw_;
  std::uint64_t next_ = 0;
};

TEST_F(GoRules, GrowthStartsExactlyAtTheInsertAfterTheFullCounts) {
  constexpr std::array<std::uint64_t, 9> kFull = {8, 13, 26, 52, 104, 208, 416, 832, 1664};
  create();

  for (std::uint64_t b = 0; b < kFull.size(); ++b) {
    while (shard().entries < kFull[b]) {
      put(next_++);
      ASSERT_EQ(b, shard().buckets_log2) << "after " << next_ << " inserts";
    }
    ASSERT_FALSE(shard().growing) << "B = " << b;
    put(next_++);
    ASSERT_EQ(b + 1, shard().buckets_log2);
    ASSERT_FALSE(shard().same_size_growth);
  }
}

TEST_F(GoRules, OverwritingAndErasingAtTheFullCountStartNoGrowth) {
  create();
  for (; next_ < 104; ++next_) put(next_);
  ASSERT_EQ(4U, shard().buckets_log2);
  ASSERT_FALSE(shard().growing);

  for (std::uint64_t i = 0; i < 104; ++i) put(i);
  EXPECT_FALSE(store_->insert(key_of(7), "value").value());
  EXPECT_FALSE(store_->replace("absent", "value").value());
  EXPECT_FALSE(store_->erase("absent").value());
  erase(0);
  put(0);

  EXPECT_EQ(4U, shard().buckets_log2);
  EXPECT_FALSE(shard().growing);
}

TEST_F(GoRules, GrowthEndsWithinAsManyWritesAsThereAreOldBuckets) {
  create();
  for (std::uint64_t b = 2; b <= 9; ++b) {
    insert_until_growing(b);
    std::uint64_t writes = 1;
    std::uint64_t evacuated = shard().evacuated;
    EXPECT_GE(evacuated, 1U);

    while (shard().growing) {
      put(writes % 3 == 0 ? next_++ : writes % next_);
      ++writes;
      if (!shard().growing) break;
      ASSERT_GT(shard().evacuated, evacuated) << "a write evacuated nothing";
      ASSERT_EQ(b + 1, shard().buckets_log2) << "a growth started while one was running";
      evacuated = shard().evacuated;
    }

    EXPECT_LE(writes, std::uint64_t{1} << b);
    EXPECT_EQ(0U, header().oldbuckets.id);
    EXPECT_EQ(0U, header().flags & format::kSameSizeGrow);
  }
}

TEST_F(GoRules, ErasingMovesAGrowthOnAndReadingDoesNot) {
  create();
  insert_until_growing(6);
  const std::uint64_t before = shard().evacuated;

  for (std::uint64_t i = 0; i < next_; ++i) ASSERT_TRUE(store_->contains(key_of(i)).value());
  EXPECT_EQ(next_, contents(*store_).size());
  EXPECT_EQ(before, shard().evacuated);

  erase(0);
  EXPECT_GT(shard().evacuated, before);
}

TEST_F(GoRules, AnArrayIsPreparedForTheExpectedEntries) {
  for (const std::uint64_t hint :
       {0U, 1U, 8U, 9U, 13U, 14U, 26U, 27U, 52U, 53U, 104U, 105U, 1000U, 6656U, 6657U, 100000U}) {
    Options options = quiet_options();
    options.expected_entries = hint;
    auto store = Store::open(dir_.file("hint" + std::to_string(hint)), options);
    ASSERT_OK(store);

    EXPECT_EQ(go_b(hint), store->stats().value().shards.at(0).buckets_log2) << hint;
    if (hint > 2'000) continue;
    for (std::uint64_t i = 0; i < hint; ++i) ASSERT_OK(store->put(key_of(i), "value"));
    EXPECT_EQ(go_b(hint), store->stats().value().shards.at(0).buckets_log2) << hint;
    EXPECT_FALSE(store->stats().value().shards.at(0).growing);
  }
}

TEST_F(GoRules, OverflowBucketsAreCountedExactlyAndGivenOutInOrder) {
  create();
  for (; next_ < 3'000; ++next_) {
    put(next_);
    const Stats stats = store_->stats(StatsDepth::kChains).value();
    const Stats::Shard& now = stats.shards.at(0);
    if (now.growing) continue;
    std::uint64_t chained = 0;
    std::uint64_t heads = 0;
    for (std::size_t i = 0; i < stats.chains.size(); ++i) {
      chained += i * stats.chains[i];
      heads += stats.chains[i];
    }
    ASSERT_EQ(now.overflow_buckets, chained) << "after " << next_ + 1 << " inserts";
    ASSERT_EQ(std::uint64_t{1} << now.buckets_log2, heads);
    ASSERT_EQ((std::uint64_t{1} << now.buckets_log2) + now.overflow_buckets,
              header().buckets.next_overflow);
  }
  EXPECT_GT(shard().overflow_buckets, 0U);
}

// The oracle proper: before each insert of a new key the header says what has to happen.
TEST_F(GoRules, EveryDecisionOfAChurningStoreIsGos) {
  Random random(test_seed());
  create();
  std::vector<std::uint64_t> present;
  bool filling = true;
  std::uint64_t doubled = 0;
  std::uint64_t same_size = 0;

  for (std::uint64_t i = 0; i < 60'000; ++i) {
    // Filled and emptied over and over with other keys: erasing keeps the overflow buckets, so
    // that they pile up until a growth of the same size clears them away.
    const std::uint64_t full = (std::uint64_t{13} << (i / 6'000)) / 2;
    if (present.size() >= full) filling = false;
    if (present.size() <= full / 8 + 1) filling = true;
    const format::ShardHeader before = header();
    const bool had_array = before.buckets.id != 0;
    const bool growing = before.oldbuckets.id != 0;
    const bool over = over_load(before.count + 1, before.b);
    const bool crowded = before.noverflow >= std::uint64_t{1} << before.b;
    const bool is_new =
        present.size() < 2 || (present.size() < full && random.one_in(filling ? 2 : 8));
    if (is_new) {
      put(next_);
      present.push_back(next_++);
    } else if (random.one_in(filling ? 2 : 8)) {
      put(present[random.below(present.size())]);
    } else {
      std::swap(present[random.below(present.size())], present.back());
      erase(present.back());
      present.pop_back();
    }
    const bool grown = had_array && header().buckets.id != before.buckets.id;
    if (!growing) {  // else it may have ended within this very operation
      ASSERT_EQ(is_new && had_array && (over || crowded), grown) << "operation " << i;
    }
    if (grown) {
      ASSERT_TRUE(is_new) << "operation " << i;
      ASSERT_TRUE(header().b == before.b || header().b == before.b + 1) << "operation " << i;
      ASSERT_TRUE(growing || header().b == before.b + (over ? 1 : 0)) << "operation " << i;
      (header().b > before.b ? doubled : same_size) += 1;
    }
    ASSERT_EQ(present.size(), header().count);
  }

  EXPECT_GE(doubled, 6U);
  EXPECT_GE(same_size, 6U);
  for (const std::uint64_t number : present) EXPECT_VALUE(*store_, key_of(number), "value");
}

TEST_F(GoRules, TheSeedIsRenewedWhenTheLastKeyGoesAndTheArrayStays) {
  create();
  for (std::uint64_t i = 0; i < 40; ++i) put(i);
  while (shard().growing) put(0);
  for (std::uint64_t i = 1; i < 40; ++i) erase(i);
  const std::uint64_t seed = header().hash0;
  const std::uint64_t b = header().b;

  erase(0);

  EXPECT_NE(seed, header().hash0);
  EXPECT_EQ(b, header().b);
  EXPECT_EQ(0U, header().count);
  for (std::uint64_t i = 0; i < 40; ++i) put(i);
  EXPECT_EQ(40U, contents(*store_).size());
}

TEST_F(GoRules, ClearRenewsTheSeedAndBeginsWithAFreshArray) {
  create();
  for (std::uint64_t i = 0; i < 1'000; ++i) put(i);
  const std::uint64_t seed = header().hash0;

  ASSERT_OK(store_->clear());

  EXPECT_NE(seed, header().hash0);
  EXPECT_EQ(0U, header().b);
  EXPECT_EQ(0U, header().count);
  EXPECT_EQ(0U, header().noverflow);
  EXPECT_EQ(0U, header().oldbuckets.id);
  EXPECT_EQ(0U, contents(*store_).size());
  put(1);
  EXPECT_EQ(1U, store_->size().value());
}

}  // namespace
}  // namespace hmap::test
