// Calls of every kind by several threads at once: batches, read-modify-write, look-ups of many
// keys, snapshots, and those who look at who is there.
//
// HMAP_THREADS_OPERATIONS: batches, and additions, of each writing thread (default 2,000;
// sanitizers 250).
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "child.h"
#include "hmap/activity.h"
#include "hmap/batch.h"
#include "hmap/snapshot.h"
#include "hmap/verify.h"
#include "sanitized.h"
#include "seeds.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kCalls = kSanitized ? 250 : 2'000;
constexpr std::uint64_t kBatchWriters = 2;
constexpr std::uint64_t kAdders = 2;
constexpr std::uint64_t kKeysOfABatch = 6;

class ThreadsWithAllCalls : public ::testing::TestWithParam<int> {
 protected:
  void SetUp() override {
    Options options = small_options();
    options.shard_bits = 2;
    options.geometry.slots = 16;
    options.checkpoint_interval = Milliseconds(5);
    for (int i = 0; i < GetParam(); ++i) {
      handles_.push_back(Store::open(dir_.file("store"), options).value());
    }
  }
  Store& handle(std::uint64_t thread) { return handles_[thread % handles_.size()]; }

  // The keys of a writer lie in all shards.
  static std::string batch_key(std::uint64_t writer, std::uint64_t n) {
    return std::to_string(writer) + "/" + std::to_string(n);
  }

  // Each batch gives all keys of the writer the next version; every fifth takes them away.
  void apply(std::uint64_t writer) {
    Batch batch;
    for (std::uint64_t version = 1; version <= calls_; ++version) {
      batch.clear();
      for (std::uint64_t n = 0; n < kKeysOfABatch; ++n) {
        const std::string key = batch_key(writer, n);
        if (version % 5 == 0) {
          batch.erase(key);
        } else {
          batch.put(key, stamped_value({writer, version}));
        }
      }
      ASSERT_OK(handle(writer).apply(batch));
    }
  }

  // One each: by fetch_add(), by hand, by append().
  void add(std::uint64_t thread) {
    Store& store = handle(thread);
    for (std::uint64_t i = 0; i < calls_; ++i) {
      ASSERT_OK(store.fetch_add("sum", 1));
      std::optional<std::string> seen;
      bool exchanged = false;
      while (!exchanged) {
        seen = store.get("exchanged").value();
        const std::string next = std::to_string(seen ? std::stoull(*seen) + 1 : 1);
        exchanged = store.compare_exchange("exchanged", seen, next).value();
      }
      if (i % 16 == 0) {
        ASSERT_OK(store.append("appended", "x"));
      }
    }
  }

  void look_up(std::uint64_t thread) {
    const Store& store = handle(thread);
    std::vector<std::string> names{"sum", "exchanged", "appended", "absent"};
    for (std::uint64_t writer = 0; writer < kBatchWriters; ++writer) {
      for (std::uint64_t n = 0; n < kKeysOfABatch; ++n) names.push_back(batch_key(writer, n));
    }
    const std::vector<std::string_view> keys(names.begin(), names.end());
    std::vector<std::optional<std::string>> values(keys.size());
    do {
      ASSERT_OK(store.multi_get(keys, values));
      for (std::size_t i = 4; i < values.size(); ++i) {
        ASSERT_TRUE(!values[i] || parse_stamped(*values[i])) << "torn value of " << names[i];
      }
      ASSERT_EQ(std::nullopt, values[3]);
      std::array<bool, 4> present{};
      ASSERT_OK(store.multi_contains(std::span(keys).first(4), present));
      ASSERT_FALSE(present[3]);
      ++rounds_;
    } while (!done_);
  }

  void look_around(std::uint64_t thread) {
    Store& store = handle(thread);
    do {
      const Result<Activity> seen = activity(store);
      ASSERT_OK(seen);
      ASSERT_EQ(handles_.size(), seen->processes.size());
      for (const AttachedProcess& process : seen->processes) ASSERT_TRUE(process.alive);
      ASSERT_OK(store.stats(StatsDepth::kChains));
      const Result<VerifyReport> report = store.verify();
      ASSERT_OK(report);
      ASSERT_EQ(0U, report->findings.size()) << report->findings.front().text;
    } while (!done_);
  }

  // In a snapshot the keys of a writer have one version, or none is there.
  void look_back(std::uint64_t thread) {
    std::array<std::uint64_t, kBatchWriters> last{};
    do {
      const Result<Snapshot> snapshot = handle(thread).snapshot();
      ASSERT_OK(snapshot);
      for (std::uint64_t writer = 0; writer < kBatchWriters; ++writer) {
        std::array<std::uint64_t, kKeysOfABatch> versions{};
        for (std::uint64_t n = 0; n < kKeysOfABatch; ++n) {
          const auto value = snapshot->get(batch_key(writer, n));
          ASSERT_OK(value);
          if (value->has_value()) versions[n] = parse_stamped(**value).value_or(Stamp()).version;
          ASSERT_EQ(versions[0], versions[n]) << "half a batch of writer " << writer;
        }
        ASSERT_TRUE(versions[0] == 0 || versions[0] >= last[writer]) << "went back in time";
        last[writer] = std::max(last[writer], versions[0]);
      }
      ++rounds_;
    } while (!done_);
  }

  const std::uint64_t calls_ = environment_number("HMAP_THREADS_OPERATIONS", kCalls);
  TempDir dir_{TempDir::Where::kMemory};
  std::vector<Store> handles_;
  std::atomic<bool> done_{false};
  std::atomic<std::uint64_t> rounds_{0};
};

TEST_P(ThreadsWithAllCalls, NothingIsHalfOrLost) {
  Watchdog watchdog(Milliseconds(240'000));
  std::vector<std::thread> writers;
  std::vector<std::thread> others;
  for (std::uint64_t i = 0; i < kBatchWriters; ++i) writers.emplace_back([=, this] { apply(i); });
  for (std::uint64_t i = 0; i < kAdders; ++i) writers.emplace_back([=, this] { add(i); });
  others.emplace_back([this] { look_up(0); });
  others.emplace_back([this] { look_around(1); });
  others.emplace_back([this] { look_back(2); });

  for (std::thread& writer : writers) writer.join();
  done_ = true;
  for (std::thread& other : others) other.join();

  const Store& store = handle(0);
  EXPECT_EQ(static_cast<std::int64_t>(kAdders * calls_), handle(0).fetch_add("sum", 0).value());
  EXPECT_VALUE(store, "exchanged", std::to_string(kAdders * calls_));
  EXPECT_VALUE(store, "appended", std::string(kAdders * ((calls_ + 15) / 16), 'x'));
  EXPECT_GE(rounds_, 2U);
}

INSTANTIATE_TEST_SUITE_P(Handles, ThreadsWithAllCalls, ::testing::Values(1, 2));

}  // namespace
}  // namespace hmap::test
