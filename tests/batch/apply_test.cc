// What Store::apply() does, and what it refuses.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "hmap/batch.h"
#include "hmap/snapshot.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

Options sharded_options(int shard_bits) {
  Options options = quiet_options();
  options.shard_bits = shard_bits;
  return options;
}

class Apply : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override { ASSERT_OK(store_); }

  void expect_clean() {
    const Result<VerifyReport> report = store_->verify();
    ASSERT_OK(report);
    EXPECT_TRUE(report->clean() && report->complete)
        << (report->findings.empty() ? "" : report->findings[0].text);
    EXPECT_EQ(contents(*store_).size(), store_->size().value());
  }

  TempDir dir_{TempDir::Where::kMemory};
  Result<Store> store_ = Store::open(dir_.file("store"), sharded_options(GetParam()));
};

TEST_P(Apply, DoesPutsAndErasuresOfAnyKeys) {
  ASSERT_OK(store_->put("old", "1"));
  ASSERT_OK(store_->put("gone", "1"));
  Batch batch;
  batch.put("old", "2");
  batch.put("", "the empty key");
  batch.put("new", "");
  batch.erase("gone");
  batch.erase("never there");
  EXPECT_EQ(5U, batch.size());
  EXPECT_EQ(3U + 1 + 13 + 3 + 4 + 11, batch.bytes());

  ASSERT_OK(store_->apply(batch));

  EXPECT_TRUE((Contents{{"old", "2"}, {"", "the empty key"}, {"new", ""}}) == contents(*store_));
  expect_clean();
}

TEST_P(Apply, LetsTheLastOperationOnAKeyWin) {
  ASSERT_OK(store_->put("b", "old"));
  Batch batch;
  batch.put("a", "1");
  batch.erase("a");
  batch.put("b", "1");
  batch.put("b", "22");
  batch.put("c", "1");
  batch.put("c", "2");
  batch.erase("c");
  batch.erase("d");
  batch.put("d", "4");

  ASSERT_OK(store_->apply(batch));

  EXPECT_TRUE((Contents{{"b", "22"}, {"d", "4"}}) == contents(*store_));
  expect_clean();
}

TEST_P(Apply, TakesABatchAgainAndAfterClear) {
  Batch batch;
  ASSERT_OK(store_->apply(batch));
  batch.put("a", "1");
  ASSERT_OK(store_->apply(batch));
  ASSERT_OK(store_->put("a", "other"));
  ASSERT_OK(store_->apply(batch));
  EXPECT_VALUE(*store_, "a", "1");

  batch.clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(0U, batch.bytes());
  batch.put("b", "2");
  ASSERT_OK(store_->apply(batch));

  EXPECT_TRUE((Contents{{"a", "1"}, {"b", "2"}}) == contents(*store_));
}

TEST_P(Apply, FillsTheLargestBatchIntoAnEmptyStoreAndTakesItOutAgain) {
  const std::size_t most = store_->stats().value().batch_ops;
  EXPECT_EQ(64U, most);
  Contents model;
  Batch batch;
  for (std::size_t round = 0; round < 12; ++round) {
    batch.clear();
    for (std::size_t i = 0; i < most; ++i) {
      const std::string key = "key " + std::to_string(round * most / 2 + i);
      model[key] = value_of(round * most + i, i * 7 % 400);
      batch.put(key, model[key]);
    }
    ASSERT_OK(store_->apply(batch));
    ASSERT_TRUE(model == contents(*store_));
  }
  expect_clean();
  while (!model.empty()) {
    batch.clear();
    while (batch.size() < most && !model.empty()) {
      batch.erase(model.begin()->first);
      model.erase(model.begin());
    }
    ASSERT_OK(store_->apply(batch));
    ASSERT_TRUE(model == contents(*store_));
  }
  expect_clean();
}

TEST_P(Apply, ReplacesAndErasesLargeValues) {
  for (int i = 0; i < 60; ++i) {
    ASSERT_OK(store_->put("large " + std::to_string(i), value_of(1, 9'000)));
  }
  Batch batch;
  Contents model;
  for (int i = 0; i < 60; ++i) {
    const std::string key = "large " + std::to_string(i);
    if (i % 2 == 0) {
      batch.erase(key);
    } else {
      batch.put(key, model[key] = "small");
    }
  }

  ASSERT_OK(store_->apply(batch));

  EXPECT_TRUE(model == contents(*store_));
  expect_clean();
}

TEST_P(Apply, IsWhollyInASnapshotOrNotAtAll) {
  Batch batch;
  for (int i = 0; i < 40; ++i) batch.put("key " + std::to_string(i), "old");
  ASSERT_OK(store_->apply(batch));
  const Snapshot before = store_->snapshot().value();
  batch.clear();
  for (int i = 0; i < 40; ++i) batch.put("key " + std::to_string(i + 20), "new");
  ASSERT_OK(store_->apply(batch));
  const Snapshot after = store_->snapshot().value();

  EXPECT_EQ(40U, before.size().value());
  for (const auto& [key, value] : before) EXPECT_EQ("old", value) << key;
  EXPECT_EQ(60U, after.size().value());
  for (int i = 0; i < 60; ++i) {
    EXPECT_EQ(i < 20 ? "old" : "new", after.get("key " + std::to_string(i)).value().value());
  }
}

// The largest record that lies in a span; one byte more needs extents of its own.
TEST_P(Apply, RefusesWhatIsTooLargeAndDoesNothing) {
  ASSERT_OK(store_->put("a", "old"));
  const Contents before = contents(*store_);
  const std::size_t most = 2 * 4096 - 12;
  Batch fits;
  fits.put("b", value_of(1, most - 1));
  Batch too_many;
  for (int i = 0; i < 65; ++i) too_many.put("a", "new");
  Batch key_too_long;
  key_too_long.put("a", "new");
  key_too_long.erase(std::string(kKeyBytesMax + 1, 'k'));
  Batch value_too_long;
  value_too_long.put("a", "new");
  value_too_long.put("b", value_of(1, most));
  Batch bytes;
  bytes.put("a", "new");
  for (int i = 0; i < 17; ++i) bytes.erase(std::string(kKeyBytesMax, static_cast<char>(i)));

  for (const Batch* batch : {&too_many, &key_too_long, &value_too_long, &bytes}) {
    EXPECT_CODE(Code::kTooLarge, store_->apply(*batch));
    EXPECT_TRUE(before == contents(*store_));
  }
  ASSERT_OK(store_->apply(fits));
  EXPECT_VALUE(*store_, "b", value_of(1, most - 1));
}

TEST_P(Apply, NeedsAnOpenHandleThatMayWrite) {
  Batch batch;
  batch.put("a", "1");
  Store reader = Store::open(dir_.file("store"), with_mode({}, Mode::kReadOnly)).value();
  EXPECT_CODE(Code::kReadOnly, reader.apply(batch));
  ASSERT_OK(store_->close());
  EXPECT_CODE(Code::kClosed, store_->apply(batch));
}

TEST_P(Apply, SurvivesAReopening) {
  Batch batch;
  Contents model;
  for (int i = 0; i < 60; ++i) batch.put("key " + std::to_string(i), "value");
  ASSERT_OK(store_->apply(batch));
  model = contents(*store_);
  ASSERT_OK(store_->close());
  copy_file(dir_.file("store"), dir_.file("copy"));

  const Store copy = Store::open(dir_.file("copy"), quiet_options()).value();

  EXPECT_EQ(60U, model.size());
  EXPECT_TRUE(model == contents(copy));
}

// Readers get the keys in one order, batches write them all: what was seen never goes back.
TEST_P(Apply, BecomesVisibleAtOneMoment) {
  constexpr int kKeys = 12;
  constexpr int kRounds = 4'000;
  const auto key_of = [](int i) { return "key " + std::to_string(i); };
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> reads{0};
  const auto read = [&](const Store& store) {
    std::uint64_t last = 0;
    for (int i = 0; !done; i = (i + 1) % kKeys, ++reads) {
      const std::optional<std::string> value = value_in(store, key_of(i));
      const std::uint64_t version = value ? std::stoull(*value) : 0;
      ASSERT_LE(last, version) << "a batch that was seen is gone";
      last = version;
    }
  };
  std::thread in_handle([&] { read(*store_); });
  std::thread apart(
      [&] { read(Store::open(dir_.file("store"), with_mode({}, Mode::kReadOnly)).value()); });

  for (int round = 1; round <= kRounds; ++round) {
    Batch batch;
    for (int i = 0; i < kKeys; ++i) batch.put(key_of(kKeys - 1 - i), std::to_string(round));
    ASSERT_OK(store_->apply(batch));
    if (round % 100 != 0) continue;
    ASSERT_OK(store_->checkpoint());
  }
  done = true;
  in_handle.join();
  apart.join();
  EXPECT_GT(reads.load(), 100U);
}

INSTANTIATE_TEST_SUITE_P(Shards, Apply, ::testing::Values(0, 1, 3));

}  // namespace
}  // namespace hmap::test
