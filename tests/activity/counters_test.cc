// What is counted for people: writes by kind, look-ups of those who ask for it, waits for locks.
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "child.h"
#include "hmap/activity.h"
#include "hmap/batch.h"
#include "hmap/map.h"
#include "hmap/snapshot.h"
#include "hmap/view.h"
#include "stop_at.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

struct Written {
  std::uint64_t inserted = 0;
  std::uint64_t replaced = 0;
  std::uint64_t erased = 0;
  friend bool operator==(const Written&, const Written&) = default;
};

Written written(const Stats& stats) {
  Written sum;
  for (const Stats::Shard& shard : stats.shards) {
    sum.inserted += shard.inserted;
    sum.replaced += shard.replaced;
    sum.erased += shard.erased;
  }
  return sum;
}

Options counting() {
  Options options = quiet_options();
  options.count_reads = true;
  return options;
}

class Counters : public ::testing::Test {
 protected:
  const TempDir dir_;
  const std::string path_ = dir_.file("store");
};

TEST_F(Counters, WritesByKind) {
  Store store = Store::open(path_, quiet_options()).value();
  EXPECT_EQ(written(store.stats().value()), Written());
  ASSERT_OK(store.put("a", "1"));
  ASSERT_OK(store.put("b", "1"));
  ASSERT_OK(store.insert("b", "2"));  // is there
  EXPECT_EQ(written(store.stats().value()), (Written{2, 0, 0}));
  ASSERT_OK(store.put("a", value_of(1, 100'000)));  // in extents of its own
  ASSERT_OK(store.replace("b", "3"));
  ASSERT_OK(store.compare_exchange("b", "3", "4"));
  ASSERT_OK(store.compare_exchange("b", "3", "5"));  // is another
  ASSERT_OK(store.replace("c", "1"));                // is not there
  EXPECT_EQ(written(store.stats().value()), (Written{2, 3, 0}));
  ASSERT_OK(store.erase("a"));
  ASSERT_OK(store.erase("a"));
  EXPECT_EQ(written(store.stats().value()), (Written{2, 3, 1}));
  Batch batch;
  batch.put("b", "6");
  batch.put("c", "1");
  batch.put("d", "1");
  batch.erase("nothing");
  ASSERT_OK(store.apply(batch));
  EXPECT_EQ(written(store.stats().value()), (Written{4, 4, 1}));
  Batch erasing;
  erasing.erase("d");
  ASSERT_OK(store.apply(erasing));
  EXPECT_EQ(written(store.stats().value()), (Written{4, 4, 2}));
}

TEST_F(Counters, WritesThatGrow) {
  constexpr int kKeys = 1'000;
  Store store = Store::open(path_, quiet_options()).value();
  for (int i = 0; i < kKeys; ++i) ASSERT_OK(store.put("key " + std::to_string(i), "x"));
  for (int i = 0; i < kKeys; i += 2) ASSERT_OK(store.erase("key " + std::to_string(i)));
  ASSERT_OK(store.clear());
  EXPECT_EQ(written(store.stats().value()), (Written{kKeys, 0, kKeys / 2}));
}

TEST_F(Counters, TypedWritesAndReads) {
  auto map = Map<std::uint64_t, std::uint64_t>::open(path_, counting());
  ASSERT_OK(map);
  ASSERT_OK(map->put(1, 2));
  ASSERT_OK(map->fetch_add(1, 3));
  ASSERT_OK(map->erase(1));
  ASSERT_OK(map->get(1));
  const Stats stats = map->store().stats().value();
  EXPECT_EQ(written(stats), (Written{1, 1, 1}));
  ASSERT_EQ(stats.processes.size(), 1u);
  // One by fetch_add().
  EXPECT_EQ(stats.processes[0].reads, 2u);
}

TEST_F(Counters, ReadsOfThoseWhoCount) {
  Store store = Store::open(path_, counting()).value();
  const Store silent = Store::open(path_, quiet_options()).value();
  ASSERT_OK(store.put("a", "1"));
  const std::array<std::string_view, 3> keys = {"a", "b", "c"};
  std::array<std::optional<std::string>, 3> values;
  std::array<bool, 3> present{};
  ASSERT_OK(store.get("a"));
  ASSERT_OK(store.get("nothing"));
  ASSERT_OK(store.contains("a"));
  ASSERT_OK(store.find("a"));
  ASSERT_OK(store.multi_get(keys, values));
  ASSERT_OK(store.multi_contains(keys, present));
  ASSERT_OK(store.snapshot()->get("a"));
  ASSERT_OK(silent.get("a"));
  const Stats stats = silent.stats().value();
  ASSERT_EQ(stats.processes.size(), 2u);
  EXPECT_TRUE(stats.processes[0].counts_reads);
  EXPECT_EQ(stats.processes[0].reads, 11u);
  EXPECT_FALSE(stats.processes[1].counts_reads);
  EXPECT_EQ(stats.processes[1].reads, 0u);
}

TEST_F(Counters, ReadsOfManyThreads) {
  constexpr int kReads = 5'000;
  Store store = Store::open(path_, counting()).value();
  ASSERT_OK(store.put("a", "1"));
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int read = 0; read < kReads; ++read) ASSERT_OK(store.get("a"));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(store.stats()->processes[0].reads, 4u * kReads);
}

// A slot's next owner begins at 0.
TEST_F(Counters, AreOfOneHandle) {
  const Store other = Store::open(path_, quiet_options()).value();
  {
    const Store store = Store::open(path_, counting()).value();
    ASSERT_OK(store.get("a"));
    EXPECT_EQ(other.stats()->processes[1].reads, 1u);
  }
  const Store store = Store::open(path_, counting()).value();
  ASSERT_EQ(other.stats()->processes.size(), 2u);
  EXPECT_EQ(other.stats()->processes[1].reads, 0u);
}

TEST_F(Counters, WaitsForALock) {
  Store store = Store::open(path_, quiet_options()).value();
  ASSERT_OK(store.put("a", "1"));
  EXPECT_EQ(store.stats()->shards[0].lock_waits, 0u);
  bool waited = false;
  for (std::uint64_t event = 1; !waited; ++event) {
    Child child([this, event] {
      Store mine = Store::open(path_, quiet_options()).value();
      StopAt::arm(event, SIGSTOP);
      const Status status = mine.put("key", "x");
      StopAt::disarm();
      return status.ok() ? 0 : 1;
    });
    ASSERT_TRUE(child.wait().stopped()) << "no store of a put is made with the lock held";
    const Activity seen = activity(store).value();
    if (!seen.locks.empty() && seen.locks[0].kind == LockKind::kShard) {
      waited = true;
      std::thread writer([&] { ASSERT_OK(store.put("a", "2")); });
      const auto until = Clock::now() + kDeadline;
      while (Clock::now() < until && !activity(store)->locks[0].wanted) std::this_thread::yield();
      ::kill(child.pid(), SIGCONT);
      writer.join();
    }
    child.kill();
  }
  const Stats::Shard shard = store.stats()->shards[0];
  EXPECT_EQ(shard.lock_waits, 1u);
  EXPECT_GT(shard.lock_waited_ns, 1'000u);
}

}  // namespace
}  // namespace hmap::test
