// The last one to close a store leaves it without the space that only writing needed, whoever dies
// in doing so.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "child.h"
#include "flush_count.h"
#include "hmap/verify.h"
#include "sanitized.h"
#include "stop_at.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

class Close : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kEntries = 8'000;

  // Puts all entries three times, so that each block changes after each checkpoint.
  static Status put_all(Store& store) {
    for (std::uint64_t version = 0; version < 3; ++version) {
      for (std::uint64_t i = 0; i < kEntries; ++i) {
        if (Status s = store.put(key_of(i), value_of(i + version, 20)); !s.ok()) return s;
      }
      if (Status s = store.checkpoint(); !s.ok()) return s;
    }
    return {};
  }
  void make_closed() {
    Store store = Store::open(path_, quiet_options()).value();
    ASSERT_OK(put_all(store));
    ASSERT_OK(store.close());
  }
  // A store with many displaced blocks: its writer is killed instead of closing it.
  void make_displaced(const std::string& path) {
    Child writer([&] {
      Store store = Store::open(path, quiet_options()).value();
      if (!put_all(store).ok()) return 1;
      raise(SIGKILL);
      return 2;
    });
    ASSERT_TRUE(writer.wait().killed());
  }
  void write_and_close() {
    Store store = Store::open(path_, quiet_options()).value();
    ASSERT_OK(store.put(key_of(0), value_of(2, 20)));
    ASSERT_OK(store.close());
  }
  Stats stats() const {
    return Store::open(path_, with_mode({}, Mode::kReadOnly)).value().stats().value();
  }
  void expect_entries() {
    const Store store = Store::open(path_, quiet_options()).value();
    EXPECT_EQ(kEntries, store.size().value());
    for (std::uint64_t i = 0; i < kEntries; i += 7)
      ASSERT_EQ(value_of(i + 2, 20), value_in(store, key_of(i))) << i;
    const VerifyReport report = store.verify().value();
    EXPECT_TRUE(report.clean()) << report.findings[0].text;
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
};

TEST_F(Close, LeavesNoBlockDisplacedAndNothingFreeOnTheDisk) {
  make_displaced(path_);
  const Stats before = stats();
  ASSERT_GT(before.frame_bytes, before.bucket_bytes);

  write_and_close();

  const Stats after = stats();
  EXPECT_EQ(0U, after.frame_bytes);
  EXPECT_EQ(before.bucket_bytes, after.bucket_bytes);
  EXPECT_EQ(before.file_bytes, after.file_bytes) << "others may have it mapped";
  EXPECT_LE(after.allocated_bytes, before.allocated_bytes - before.frame_bytes / 2);
  expect_entries();
}

TEST_F(Close, IsLeftToTheLastOne) {
  make_displaced(path_);
  Store last = Store::open(path_, quiet_options()).value();
  write_and_close();
  EXPECT_LT(0U, last.stats().value().frame_bytes);
  ASSERT_OK(last.close());
  EXPECT_EQ(0U, stats().frame_bytes);
}

TEST_F(Close, GivesBackWhatWasErased) {
  Store store = Store::open(path_, quiet_options()).value();
  for (std::uint64_t i = 0; i < 20; ++i) ASSERT_OK(store.put(key_of(i), value_of(i, 100'000)));
  ASSERT_OK(store.checkpoint());
  const std::uint64_t before = store.stats().value().allocated_bytes;
  for (std::uint64_t i = 1; i < 20; ++i) ASSERT_TRUE(store.erase(key_of(i)).value());
  ASSERT_OK(store.close());
  EXPECT_LT(stats().allocated_bytes, before / 4);
  EXPECT_EQ(value_of(0, 100'000), value_in(Store::open(path_, quiet_options()).value(), key_of(0)));
}

// A checkpoint is one flush and one root; more would be a price without a gain.
TEST_F(Close, OfWhatIsHardlyWorthItMakesOneCheckpoint) {
  make_closed();
  Store store = Store::open(path_, quiet_options()).value();
  for (std::uint64_t i = 0; i < 10; ++i)
    ASSERT_OK(store.put(key_of(i * 700), value_of(i * 700 + 2, 20)));
  ASSERT_LT(0U, store.stats().value().frame_bytes);
  FlushCount::begin();
  ASSERT_OK(store.close());
  EXPECT_EQ(2U, FlushCount::end());
  expect_entries();
}

// It would look at the whole extent table.
TEST_F(Close, OfWhatNobodyWroteToLeavesItAlone) {
  make_displaced(path_);
  const Stats before = stats();
  Store store = Store::open(path_, quiet_options()).value();
  FlushCount::begin();
  ASSERT_OK(store.close());
  EXPECT_EQ(0U, FlushCount::end());
  EXPECT_EQ(before.frame_bytes, stats().frame_bytes);
}

// In every step of it: the live state and what a power cut would leave have all entries, and the
// next one who closes goes on.
TEST_F(Close, IsSafeToDieIn) {
  constexpr std::uint64_t kStride = kSanitized ? 101 : 19;
  const std::string past = dir_.file("past");
  make_displaced(past);
  std::uint64_t deaths = 0;
  for (std::uint64_t event = 1;; event += kStride) {
    SCOPED_TRACE("death before event " + std::to_string(event));
    watchdog_.feed();
    copy_file(past, path_);
    Child child([&] {
      Store store = Store::open(path_, quiet_options()).value();
      if (!store.put(key_of(0), value_of(2, 20)).ok()) return 2;
      StopAt::arm(event, SIGKILL);
      const Status status = store.close();
      StopAt::disarm();
      return status.ok() ? 0 : 1;
    });
    const Outcome outcome = child.wait();
    ASSERT_TRUE(outcome.killed() || outcome.exited(0)) << outcome;
    copy_file(path_, dir_.file("rebooted"));  // another file: its live state does not count
    const std::string live = path_;
    path_ = dir_.file("rebooted");
    expect_entries();
    path_ = live;
    write_and_close();
    expect_entries();
    // Not zero where next to nothing was left to do: that is hardly worth it.
    ASSERT_GT(stats().bucket_bytes / 2, stats().frame_bytes);
    if (HasFailure()) return;
    if (outcome.exited(0)) break;
    ++deaths;
  }
  EXPECT_GT(deaths, 10U);
}

}  // namespace
}  // namespace hmap::test
