// Logs that are too small: many laps, several writers, values that do not fit at all.
#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "child.h"
#include "commit_options.h"
#include "values.h"

namespace hmap::test {
namespace {

class LogFull : public ::testing::Test {
 protected:
  // What a power cut would leave now, if every sector written had reached the disk.
  Contents after_reboot() {
    copy_store(path_, dir_.file("rebooted"));
    Result<Store> store = Store::open(dir_.file("rebooted"), commit_options());
    EXPECT_OK(store);
    if (!store) return {};
    const Contents found = contents(*store);
    EXPECT_EQ(found.size(), store->size().value());
    return found;
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
};

TEST_F(LogFull, GoesRoundManyTimesAndHasWhatTheLastCheckpointHasNot) {
  Store store = Store::open(path_, commit_options()).value();
  Contents model;
  for (std::uint64_t n = 0; n < 3'000; ++n) {
    const std::string key = "key " + std::to_string(n % 150);
    if (n % 5 == 4) {
      ASSERT_EQ(model.erase(key) == 1, store.erase(key).value());
    } else {
      model[key] = value_of(n, n % 300);
      ASSERT_OK(store.put(key, model[key]));
    }
    if (n % 1'000 == 500) {
      ASSERT_OK(store.clear());
      model.clear();
    }
    if (n % 97 == 0) {
      watchdog_.feed();
      ASSERT_TRUE(model == after_reboot()) << "operation " << n;
    }
  }

  const Stats stats = store.stats().value();
  EXPECT_GT(stats.log_written, 20 * stats.log_bytes) << "not many laps";
  EXPECT_LE(stats.log_used, stats.log_bytes);
  EXPECT_EQ(stats.log_written, stats.log_durable);
  EXPECT_GT(stats.checkpoints, 20U);
}

TEST_F(LogFull, IsEmptiedForAllWhoWait) {
  Store store = Store::open(path_, commit_options()).value();
  constexpr int kThreads = 4;
  constexpr int kPuts = 400;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&store, t] {
      for (int i = 0; i < kPuts; ++i) {
        const auto n = static_cast<std::uint64_t>(t * kPuts + i);
        EXPECT_OK(store.put("key " + std::to_string(n), value_of(n, 1'000 + n % 900)));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(std::size_t{kThreads * kPuts}, after_reboot().size());
}

TEST_F(LogFull, AValueTooLargeForItIsDurableByACheckpoint) {
  Store store = Store::open(path_, commit_options()).value();
  ASSERT_OK(store.put("before", "value"));
  const std::uint64_t before = store.stats().value().checkpoints;

  for (const std::size_t bytes : {2'048U, 5'000U, 20'000U, 200'000U}) {
    Contents model = contents(store);
    model["large"] = value_of(bytes, bytes);
    ASSERT_OK(store.put("large", model["large"]));
    ASSERT_TRUE(model == after_reboot()) << bytes << " bytes";
    model["after"] = std::to_string(bytes);
    ASSERT_OK(store.put("after", model["after"]));
    ASSERT_TRUE(model == after_reboot()) << "after " << bytes << " bytes";
  }

  EXPECT_GE(store.stats().value().checkpoints, before + 4);
  EXPECT_TRUE(store.erase("large").value());
  EXPECT_EQ(2U, after_reboot().size());
}

// The marker stands for a write that nobody has been told of; what follows it has not been
// acknowledged either, and without it might not make sense.
TEST_F(LogFull, ReplayStopsAtAMarkerThatNoCheckpointHas) {
  Options options = commit_options();
  options.wait_for_log = false;
  Store store = Store::open(path_, options).value();
  ASSERT_OK(store.put("before", "value"));
  ASSERT_OK(store.put("large", value_of(1, 5'000)));
  ASSERT_OK(store.put("after", "value"));

  EXPECT_EQ((Contents{{"before", "value"}}), after_reboot());
  ASSERT_OK(store.wait_durable());
  EXPECT_EQ(3U, after_reboot().size());
}

TEST_F(LogFull, WithoutWaitingManyWritesShareOneWait) {
  Options options = commit_options();
  options.wait_for_log = false;
  options.log_bytes = std::uint64_t{1} << 20;
  Store store = Store::open(path_, options).value();
  for (int i = 0; i < 100; ++i) ASSERT_OK(store.put("key " + std::to_string(i), "value"));
  Stats stats = store.stats().value();
  EXPECT_LT(stats.log_durable, stats.log_written);

  ASSERT_OK(store.wait_durable());

  stats = store.stats().value();
  EXPECT_EQ(stats.log_durable, stats.log_written);
  EXPECT_EQ(100U, after_reboot().size());
}

}  // namespace
}  // namespace hmap::test
