// compact_online(): smaller, while everything that others do and hold goes on.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "child.h"
#include "hmap/compact.h"
#include "hmap/snapshot.h"
#include "hmap/verify.h"
#include "hmap/view.h"
#include "seeds.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kEntries = 40'000;

class Online : public ::testing::Test {
 protected:
  void open(Options options = {}) {
    if (options.durability == Durability::kStore) options.durability = Durability::kNone;
    store_.emplace(Store::open(path_, options).value());
  }
  static std::string value_for(std::uint64_t i) { return value_of(i, 80 + i % 40); }
  // Keys 0, 10, 20, ... stay.
  void fill_and_erase() {
    for (std::uint64_t i = 0; i < kEntries; ++i) ASSERT_OK(store_->put(key_of(i), value_for(i)));
    ASSERT_OK(store_->checkpoint());
    before_ = store_->stats().value().allocated_bytes;
    for (std::uint64_t i = 0; i < kEntries; ++i) {
      if (i % 10 == 0) continue;
      ASSERT_TRUE(store_->erase(key_of(i)).value());
    }
  }
  void expect_what_stayed() {
    ASSERT_EQ(kEntries / 10, store_->size().value());
    for (std::uint64_t i = 0; i < kEntries; i += 10) EXPECT_VALUE(*store_, key_of(i), value_for(i));
    EXPECT_EQ(kEntries / 10, contents(*store_).size());
    expect_clean();
  }
  void expect_clean() {
    const Result<VerifyReport> report = store_->verify();
    ASSERT_OK(report);
    EXPECT_TRUE(report->clean());
  }
  [[nodiscard]] std::uint64_t disk() const {
    struct stat facts {};
    EXPECT_EQ(0, stat(path_.c_str(), &facts));
    return static_cast<std::uint64_t>(facts.st_blocks) * 512;
  }

  Watchdog watchdog_;
  TempDir dir_;
  std::string path_ = dir_.file("store");
  std::optional<Store> store_;
  std::uint64_t before_ = 0;
};

TEST_F(Online, WhatErasedEntriesTookIsGivenBack) {
  open();
  fill_and_erase();
  const std::uint64_t length = std::filesystem::file_size(path_);

  const Result<OnlineReport> report = compact_online(*store_);

  ASSERT_OK(report);
  EXPECT_TRUE(report->complete);
  EXPECT_GE(report->records_moved, kEntries / 10 / 2);
  EXPECT_LE(report->records_moved, kEntries / 10);
  EXPECT_EQ(length, std::filesystem::file_size(path_));
  EXPECT_EQ(length, report->file_bytes);
  EXPECT_EQ(disk(), report->allocated_after);
  EXPECT_LT(report->allocated_after, before_ / 2);
  expect_what_stayed();
}

TEST_F(Online, TheSecondTimeThereIsNothingToMove) {
  open();
  fill_and_erase();
  ASSERT_OK(compact_online(*store_));
  const std::uint64_t disk_before = disk();

  const OnlineReport again = compact_online(*store_).value();

  EXPECT_TRUE(again.complete);
  EXPECT_EQ(0U, again.records_moved);
  EXPECT_LE(disk(), disk_before);
}

// Also those of arrays so large that writes have them go from frame to frame.
TEST_F(Online, NoBlockStaysDisplaced) {
  constexpr std::uint64_t kMany = 240'000;
  constexpr std::uint64_t kFew = 4'096;  // of them
  Options options;
  options.shard_bits = 0;
  options.expected_entries = kMany;
  open(options);
  for (int round = 0; round < 4; ++round) {
    const std::uint64_t stride = round == 0 ? 1 : kFew;
    for (std::uint64_t i = 0; i < kMany; i += stride) ASSERT_OK(store_->put(key_of(i), "value"));
    ASSERT_OK(store_->checkpoint());
  }
  std::optional<Snapshot> snapshot = store_->snapshot().value();
  for (std::uint64_t i = 0; i < kMany; i += kFew) ASSERT_OK(store_->put(key_of(i), "another"));
  ASSERT_LT(0U, store_->stats().value().frame_bytes);

  // What a snapshot sees stays displaced, or its successor does.
  ASSERT_OK(compact_online(*store_));
  EXPECT_LT(0U, store_->stats().value().frame_bytes);
  EXPECT_EQ("value", snapshot->get(key_of(0)).value());
  expect_clean();
  snapshot.reset();
  const OnlineReport report = compact_online(*store_).value();

  EXPECT_EQ(0U, store_->stats().value().frame_bytes);
  EXPECT_LT(report.allocated_after, report.allocated_before);
  EXPECT_EQ("another", store_->get(key_of(0)).value());
  EXPECT_EQ(kMany, store_->size().value());
  expect_clean();
}

TEST_F(Online, AnEmptyStoreAndAFullOneAreLeftAlone) {
  open();
  EXPECT_EQ(0U, compact_online(*store_).value().records_moved);
  ASSERT_OK(store_->put("one", "entry"));
  EXPECT_EQ(0U, compact_online(*store_).value().records_moved);
  for (std::uint64_t i = 0; i < kEntries; ++i) ASSERT_OK(store_->put(key_of(i), value_for(i)));
  EXPECT_LT(compact_online(*store_).value().records_moved, kEntries / 20);
  EXPECT_EQ(kEntries + 1, store_->size().value());
  expect_clean();
}

TEST_F(Online, SnapshotsViewsAndCursorsKeepWhatTheySee) {
  open();
  fill_and_erase();
  Snapshot snapshot = store_->snapshot().value();
  std::optional<View> view = store_->find(key_of(100)).value();
  ASSERT_TRUE(view.has_value());
  Result<Cursor> cursor = store_->cursor();
  ASSERT_OK(cursor);
  Contents walked;
  const auto walk = [&](std::uint64_t most) {
    for (std::uint64_t i = 0; i < most; ++i) {
      const auto entry = cursor->next();
      ASSERT_OK(entry);
      if (!entry->has_value()) return;
      EXPECT_TRUE(walked.emplace((*entry)->key, (*entry)->value).second) << (*entry)->key;
    }
  };
  walk(kEntries / 20);

  ASSERT_OK(compact_online(*store_));

  walk(kEntries);
  EXPECT_EQ(kEntries / 10, walked.size());
  EXPECT_TRUE(view->value() == value_for(100));
  for (std::uint64_t i = 0; i < kEntries; i += 10)
    ASSERT_TRUE(snapshot.get(key_of(i)).value() == value_for(i)) << i;
  expect_what_stayed();
}

TEST_F(Online, EndedAtAnyMomentItKeepsWhatItHasDone) {
  open();
  fill_and_erase();
  std::uint64_t moved = 0;
  int calls = 0;
  for (std::uint64_t limit = 1; calls < 200; limit = limit * 3 + 1) {
    OnlineOptions options;
    std::uint64_t steps = 0;
    std::uint64_t last = 0;
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
      EXPECT_LE(done, total);
      EXPECT_GE(done, last);
      last = done;
      return ++steps < limit;
    };
    const Result<OnlineReport> report = compact_online(*store_, options);
    ASSERT_OK(report);
    ++calls;
    moved += report->records_moved;
    if (report->complete) break;
    EXPECT_EQ(limit, steps);
    expect_what_stayed();
  }
  EXPECT_GT(calls, 3);
  EXPECT_LE(moved, kEntries / 5) << "moved again and again";
  EXPECT_LT(disk(), before_ / 2);
}

TEST_F(Online, TheRateIsKept) {
  open();
  fill_and_erase();
  OnlineOptions options;
  options.bytes_per_second = 1'000'000;
  const auto start = Clock::now();

  const OnlineReport report = compact_online(*store_, options).value();

  const std::chrono::duration<double> took = Clock::now() - start;
  ASSERT_GT(report.bytes_moved, 100'000U);
  EXPECT_GE(took.count(), 0.9 * static_cast<double>(report.bytes_moved) / 1e6);
}

TEST_F(Online, CompressedAndLargeValuesStayAsTheyAre) {
  Options options;
  options.compression = Compression::kLz4;
  open(options);
  const auto text = [](std::uint64_t i) { return value_of(i, 100) + std::string(300, 'x'); };

  for (std::uint64_t i = 0; i < 5'000; ++i) ASSERT_OK(store_->put(key_of(i), text(i)));
  for (std::uint64_t i = 5'000; i < 5'020; ++i)
    ASSERT_OK(store_->put(key_of(i), value_of(i, 90'000)));
  for (std::uint64_t i = 0; i < 5'000; ++i) {
    if (i % 10 == 0) continue;
    ASSERT_TRUE(store_->erase(key_of(i)).value());
  }
  const std::uint64_t compressed = store_->stats(StatsDepth::kChains).value().compressed_values;

  EXPECT_GT(compact_online(*store_).value().records_moved, 100U);

  EXPECT_EQ(compressed, store_->stats(StatsDepth::kChains).value().compressed_values);
  for (std::uint64_t i = 0; i < 5'000; i += 10) EXPECT_VALUE(*store_, key_of(i), text(i));
  for (std::uint64_t i = 5'000; i < 5'020; ++i)
    ASSERT_TRUE(value_in(*store_, key_of(i)) == value_of(i, 90'000));
  expect_clean();
}

TEST_F(Online, ADamagedRecordIsNotMadeToLookIntact) {
  open();
  fill_and_erase();
  ASSERT_OK(store_->close());
  std::string file = read_file(path_);
  const std::string value = value_for(0);
  const std::size_t at = file.find(value);
  ASSERT_NE(std::string::npos, at);
  file[at] = static_cast<char>(file[at] ^ 1);
  write_file(path_, file);
  open();

  const Result<OnlineReport> report = compact_online(*store_);

  EXPECT_CODE(Code::kCorrupt, report);
  EXPECT_CODE(Code::kCorrupt, store_->get(key_of(0)));
  EXPECT_FALSE(store_->verify().value().clean());
}

TEST_F(Online, AfterAPowerCutTheLogHasWhatItNeeds) {
  Options options;
  options.durability = Durability::kCommit;
  options.wait_for_log = false;
  open(options);
  fill_and_erase();
  ASSERT_OK(compact_online(*store_));
  ASSERT_OK(store_->put(key_of(kEntries), "the last"));
  ASSERT_OK(store_->wait_durable());
  std::filesystem::copy_file(path_, dir_.file("cut"));
  std::filesystem::copy_file(path_ + "-wal", dir_.file("cut-wal"));
  fake_reboot(1);

  Store cut = Store::open(dir_.file("cut")).value();

  EXPECT_EQ(kEntries / 10 + 1, cut.size().value());
  for (std::uint64_t i = 0; i < kEntries; i += 10) EXPECT_VALUE(cut, key_of(i), value_for(i));
  EXPECT_TRUE(cut.verify().value().clean());
  real_boot();
}

TEST_F(Online, ErrorsAreThoseOfWriting) {
  open();
  ASSERT_OK(store_->put("key", "value"));
  Store reader = Store::open(path_, with_mode({}, Mode::kReadOnly)).value();
  EXPECT_CODE(Code::kReadOnly, compact_online(reader));
  ASSERT_OK(store_->close());
  EXPECT_CODE(Code::kClosed, compact_online(*store_));
}

// Two processes overwrite, erase, put and read, each value checked, while this one compacts.
TEST_F(Online, OthersReadAndWriteMeanwhile) {
  Options options;
  options.durability = Durability::kCheckpoint;
  options.checkpoint_interval = Milliseconds(10);
  open(options);
  fill_and_erase();
  const auto work = [&](std::uint64_t process) {
    Store store = Store::open(path_, options).value();
    std::vector<std::uint64_t> versions(kEntries / 20, 0);
    Random random(process);
    const auto end = Clock::now() + Milliseconds(1'500);
    while (Clock::now() < end) {
      // Of the keys that stayed each process has every other one.
      const std::uint64_t i = random.below(versions.size());
      const std::uint64_t key = (2 * i + process) * 10;
      const std::string before = versions[i] == 0 ? value_for(key) : value_of(versions[i], 60);
      EXPECT_VALUE(store, key_of(key), before);
      if (random.one_in(3)) {
        versions[i] = random.next() | 1;
        EXPECT_OK(store.put(key_of(key), value_of(versions[i], 60)));
        EXPECT_VALUE(store, key_of(key), value_of(versions[i], 60));
      }
      if (::testing::Test::HasFailure()) return 1;
    }
    return 0;
  };
  Child first([&] { return work(0); });
  Child second([&] { return work(1); });
  for (int i = 0; i < 3; ++i) ASSERT_OK(compact_online(*store_));

  EXPECT_TRUE(first.wait().exited(0));
  EXPECT_TRUE(second.wait().exited(0));
  EXPECT_EQ(kEntries / 10, store_->size().value());
  EXPECT_LT(disk(), before_ / 4 * 3);
  expect_clean();
}

}  // namespace
}  // namespace hmap::test
