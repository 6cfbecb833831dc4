// Snapshots, verification and group commit by several threads at once.
//
// HMAP_THREADS_OPERATIONS: writes of each writing thread (default 4,000; sanitizers 500).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <thread>
#include <vector>

#include "child.h"
#include "hmap/snapshot.h"
#include "hmap/verify.h"
#include "sanitized.h"
#include "seeds.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kTurns = kSanitized ? 500 : 4'000;

std::uint64_t turns() { return environment_number("HMAP_THREADS_OPERATIONS", kTurns); }

Options options_of_a_busy_store() {
  Options options = small_options();
  options.shard_bits = 2;
  options.geometry.slots = 16;
  options.checkpoint_interval = Milliseconds(5);
  return options;
}

// Keys written in turn, each round with the next version: at any moment the versions in the order
// of the keys fall at most once, and by one.
class InTurns {
 public:
  static constexpr std::uint64_t kKeys = 60;

  // Writes number `from` to `to`; a version goes on where the last one ended.
  static void write(Store& store, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i) {
      const std::uint64_t key = i % kKeys;
      ASSERT_OK(store.put(key_of(key), stamped_value({key, i / kKeys + 1})));
    }
  }

  // Fails the test if a snapshot is not one moment.
  static void check(const Snapshot& snapshot) {
    std::array<std::uint64_t, kKeys> versions{};
    std::uint64_t entries = 0;
    for (const auto& [key, value] : snapshot) {
      const std::optional<Stamp> stamp = parse_stamped(value);
      ASSERT_TRUE(stamp.has_value() && stamp->key < kKeys) << "torn value of " << key;
      versions[stamp->key] = stamp->version;
      ++entries;
    }
    ASSERT_EQ(entries, snapshot.size().value());
    for (std::uint64_t key = 0; key < kKeys; ++key) {
      const auto value = snapshot.get(key_of(key));
      ASSERT_OK(value);
      ASSERT_EQ(versions[key], value->has_value() ? parse_stamped(**value)->version : 0) << key;
    }
    ASSERT_TRUE(std::is_sorted(versions.rbegin(), versions.rend())) << "not one moment";
    ASSERT_LE(versions.front() - versions.back(), 1U) << "not one moment";
  }
};

TEST(ThreadsTogether, SnapshotsAreOneMomentBesideAWriterAndCheckpoints) {
  Watchdog watchdog(Milliseconds(240'000));
  TempDir dir(TempDir::Where::kMemory);
  Store store = Store::open(dir.file("store"), options_of_a_busy_store()).value();
  Store other = Store::open(dir.file("store"), options_of_a_busy_store()).value();
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> taken{0};
  std::vector<std::thread> threads;
  for (const Store* reader : {&store, &store, &other}) {
    threads.emplace_back([&, reader] {
      do {
        Result<Snapshot> snapshot = reader->snapshot();
        ASSERT_OK(snapshot);
        InTurns::check(*snapshot);
        ++taken;
      } while (!done);
    });
  }

  std::uint64_t written = turns();
  InTurns::write(store, 0, written);
  // On a busy machine the writer may be quicker than the first snapshot.
  for (; taken < 10 && !testing::Test::HasFailure(); written += InTurns::kKeys)
    InTurns::write(store, written, written + InTurns::kKeys);

  done = true;
  for (std::thread& thread : threads) thread.join();
}

TEST(ThreadsTogether, VerifyFindsNothingBesideWriters) {
  Watchdog watchdog(Milliseconds(240'000));
  TempDir dir(TempDir::Where::kMemory);
  Store store = Store::open(dir.file("store"), options_of_a_busy_store()).value();
  Store reader = Store::open(dir.file("store"), with_mode({}, Mode::kReadOnly)).value();
  std::atomic<bool> done{false};
  std::atomic<std::uint64_t> looks{0};
  std::vector<std::thread> threads;
  for (const Store* handle : {&store, &reader}) {
    threads.emplace_back([&, handle] {
      do {
        const Result<VerifyReport> report = handle->verify();
        ASSERT_OK(report);
        ASSERT_EQ(0U, report->findings.size()) << report->findings.front().text;
        ++looks;
      } while (!done);
    });
  }

  InTurns::write(store, 0, turns());
  while (looks < 4 && !testing::Test::HasFailure()) InTurns::write(store, 0, InTurns::kKeys);

  done = true;
  for (std::thread& thread : threads) thread.join();
}

TEST(ThreadsTogether, CommittersOfOneHandleAndOfTwoShareFlushesAndLoseNothing) {
  Watchdog watchdog(Milliseconds(240'000));
  TempDir dir(TempDir::Where::kMemory);
  Options options = options_of_a_busy_store();
  options.durability = Durability::kCommit;
  options.log_bytes = std::uint64_t{64} << 10;  // so small that it goes round
  Store store = Store::open(dir.file("store"), options).value();
  options.wait_for_log = false;
  Store late = Store::open(dir.file("store"), options).value();
  const std::uint64_t writes = turns() / 4;
  std::vector<std::thread> threads;
  for (std::uint64_t thread = 0; thread < 6; ++thread) {
    threads.emplace_back([&, thread] {
      Store& mine = thread % 2 == 0 ? store : late;
      for (std::uint64_t i = 0; i < writes; ++i) {
        const std::string key = std::to_string(thread) + "/" + std::to_string(i % 50);
        if (i >= 50 && i % 7 == 6) {
          ASSERT_TRUE(mine.erase(key).value());
        }
        ASSERT_OK(mine.put(key, stamped_value({thread, i})));
      }
      ASSERT_OK(mine.wait_durable());
    });
  }
  for (std::thread& thread : threads) thread.join();
  const Contents before = contents(store);
  EXPECT_EQ(6 * std::min<std::uint64_t>(writes, 50), before.size());

  // As another boot finds them: what returned is in the log or in a checkpoint.
  copy_file(dir.file("store"), dir.file("copy"));
  copy_file(dir.file("store-wal"), dir.file("copy-wal"));
  const Result<Store> copy = Store::open(dir.file("copy"), options);
  ASSERT_OK(copy);
  EXPECT_TRUE(before == contents(*copy));
}

}  // namespace
}  // namespace hmap::test
