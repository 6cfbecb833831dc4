// One flush for all who wait, and what becomes of them when it fails.
#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "child.h"
#include "commit_options.h"
#include "disk.h"
#include "raw_view.h"
#include "shared_memory.h"

namespace hmap::test {
namespace {

class GroupCommit : public ::testing::Test {
 protected:
  void TearDown() override {
    disk_faults().slow_us = 0;
    disk_faults().fail_log_flush = 0;
  }
  static Options options() {
    Options options = commit_options();
    options.shard_bits = 2;
    options.geometry.slots = 16;
    options.log_bytes = std::uint64_t{1} << 20;
    return options;
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
};

TEST_F(GroupCommit, EightProcessesShareFlushes) {
  constexpr int kProcesses = 8;
  constexpr int kCommits = 60;
  // No threads of ours at a fork, for the thread sanitizer's sake.
  { ASSERT_OK(Store::open(path_, options())); }
  disk_faults().slow_us = 500;
  disk_faults().log_flushes = 0;
  std::vector<Child> children;
  for (int number = 0; number < kProcesses; ++number) {
    children.emplace_back([&, number] {
      Store own = Store::open(path_, options()).value();
      for (int i = 0; i < kCommits; ++i) {
        const std::string key = std::to_string(number) + "/" + std::to_string(i);
        if (!own.put(key, "value").ok()) return 2;
      }
      return 0;
    });
  }
  for (Child& child : children) EXPECT_CHILD_PASSES(child.wait());

  const std::uint64_t flushes = disk_faults().log_flushes;
  const Store store = Store::open(path_, options()).value();
  std::printf("%d commits, %llu flushes\n", kProcesses * kCommits,
              static_cast<unsigned long long>(flushes));
  EXPECT_LT(flushes, std::uint64_t{kProcesses * kCommits});
  EXPECT_GT(flushes, 0U);
  EXPECT_EQ(std::uint64_t{kProcesses * kCommits}, store.size().value());
}

TEST_F(GroupCommit, OneCommitIsOneFlush) {
  Store store = Store::open(path_, options()).value();
  disk_faults().log_flushes = 0;
  for (int i = 0; i < 10; ++i) ASSERT_OK(store.put("key " + std::to_string(i), "value"));
  EXPECT_TRUE(store.erase("key 1").value());
  EXPECT_EQ(11U, disk_faults().log_flushes);
  // What changes nothing has nothing to wait for.
  EXPECT_FALSE(store.erase("key 1").value());
  EXPECT_FALSE(store.insert("key 2", "other").value());
  EXPECT_EQ(11U, disk_faults().log_flushes);
}

TEST_F(GroupCommit, AFailedFlushPoisonsTheStoreForAll) {
  Shared<std::atomic<int>> step;
  Child child([&] {
    while (step->load() < 1) continue;
    Store own = Store::open(path_, options()).value();
    step->store(2);
    while (step->load() < 3) continue;
    return own.put("other", "value").code() == Code::kPoisoned ? 0 : 2;
  });
  Store store = Store::open(path_, options()).value();
  Store second = Store::open(path_, options()).value();
  ASSERT_OK(store.put("acknowledged", "value"));
  step->store(1);
  while (step->load() < 2) continue;
  disk_faults().fail_log_flush = 1;

  EXPECT_CODE(Code::kIoError, store.put("lost", "perhaps"));

  step->store(3);
  const std::uint64_t flushes = disk_faults().log_flushes;
  EXPECT_CHILD_PASSES(child.wait());
  EXPECT_CODE(Code::kPoisoned, store.put("other", "value"));
  EXPECT_CODE(Code::kPoisoned, second.erase("acknowledged"));
  EXPECT_CODE(Code::kPoisoned, store.wait_durable());
  EXPECT_OK(second.wait_durable()) << "it has written nothing";
  EXPECT_CODE(Code::kPoisoned, second.checkpoint());
  EXPECT_EQ(flushes, disk_faults().log_flushes) << "a failed flush was tried again";
  EXPECT_FALSE(store.close().ok());
  EXPECT_FALSE(second.close().ok());

  Store again = Store::open(path_, options()).value();
  EXPECT_VALUE(again, "acknowledged", "value");
  EXPECT_FALSE(again.stats().value().poisoned);
  EXPECT_OK(again.put("other", "value"));
}

// The one who flushes for all dies in it; and is stopped in it.
TEST_F(GroupCommit, ADeadOrStoppedLeaderKeepsNobody) {
  Store store = Store::open(path_, options()).value();
  for (const int signal : {SIGKILL, SIGSTOP}) {
    disk_faults().slow_us = 200'000;
    const std::uint64_t before = disk_faults().log_flushes;
    Child leader([&] {
      Store own = Store::open(path_, options()).value();
      return own.put("leader", "value").ok() ? 0 : 2;
    });
    while (disk_faults().log_flushes == before) continue;
    leader.signal(signal);
    static_cast<void>(leader.wait());
    disk_faults().slow_us = 0;
    EXPECT_OK(store.put("after " + std::to_string(signal), "value"));
    // Of a dead one the lock was taken over: those who flush for themselves tell nobody.
    const format::LogState log = RawView(path_).runtime().log;
    if (signal == SIGKILL) {
      EXPECT_EQ(log.tail, log.flushed);
    }
  }
  EXPECT_EQ(3U, store.size().value());
}

}  // namespace
}  // namespace hmap::test
