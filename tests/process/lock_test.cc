// Locks between processes: time-outs that name the owner, owners that die, waiters that are woken.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "child.h"
#include "raw_view.h"
#include "stop_at.h"
#include "stores.h"
#include "temp_file.h"

namespace hmap::test {
namespace {

class LockTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Store store = Store::open(path_, quiet_options()).value();
    ASSERT_OK(store.put("key", "old"));
    ASSERT_OK(store.checkpoint());
    store_.emplace(std::move(store));
  }

  // A child stopped inside put("key", "new"), holding the shard's lock.
  Child start_stopped_owner() {
    Child child([this] {
      Result<Store> store = Store::open(path_, quiet_options());
      if (!store) return 2;
      StopAt::arm(4, SIGSTOP);
      const Status status = store->put("key", "new");
      StopAt::disarm();
      return status.ok() && store->close().ok() ? 0 : 3;
    });
    const Outcome outcome = child.wait();
    EXPECT_TRUE(outcome.stopped()) << outcome;
    EXPECT_NE(0U, RawView(path_).domain(0).lock.word & 0xffff) << "the lock is not held";
    return child;
  }

  Store open_with_timeout(Milliseconds timeout) {
    Options options = quiet_options();
    options.lock_timeout = timeout;
    return Store::open(path_, options).value();
  }

  std::uint32_t slot_of(pid_t pid) {
    const Stats stats = store_->stats().value();
    for (const Stats::Process& process : stats.processes) {
      if (process.pid == static_cast<std::uint32_t>(pid)) return process.slot;
    }
    ADD_FAILURE() << "pid " << pid << " has no slot";
    return 0;
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  std::optional<Store> store_;
};

TEST_F(LockTest, AWriteBesideAStoppedOwnerIsBusyAfterItsTimeoutAndNamesTheSlot) {
  Child owner = start_stopped_owner();
  Store store = open_with_timeout(Milliseconds(60));
  const std::uint32_t slot = slot_of(owner.pid());

  const auto start = Clock::now();
  const Status status = store.put("key", "mine");
  const auto took = Clock::now() - start;

  EXPECT_CODE(Code::kBusy, status);
  EXPECT_EQ(slot, status.value());
  EXPECT_GE(took, Milliseconds(55));
  EXPECT_LT(took, Milliseconds(3'000));
  EXPECT_CODE(Code::kBusy, store.insert("other", "mine"));
  EXPECT_CODE(Code::kBusy, store.replace("key", "mine"));
  EXPECT_CODE(Code::kBusy, store.erase("key"));
  EXPECT_CODE(Code::kBusy, store.clear());
  EXPECT_CODE(Code::kBusy, store.checkpoint());
  EXPECT_OK(store.get("key"));
  EXPECT_ABSENT(store, "other");

  owner.signal(SIGCONT);
  EXPECT_CHILD_PASSES(owner.wait());
  EXPECT_VALUE(store, "key", "new");
  EXPECT_OK(store.put("key", "mine"));
  EXPECT_VALUE(*store_, "key", "mine");
}

TEST_F(LockTest, ATimeoutOfZeroOnlyTries) {
  Child owner = start_stopped_owner();
  Store store = open_with_timeout(Milliseconds(0));

  const auto start = Clock::now();
  EXPECT_CODE(Code::kBusy, store.put("key", "mine"));

  EXPECT_LT(Clock::now() - start, Milliseconds(500));
  owner.kill();
  EXPECT_OK(store.put("key", "mine")) << "the lock of a dead owner costs no time-out";
  EXPECT_VALUE(*store_, "key", "mine");
}

TEST_F(LockTest, AWaiterWithoutTimeoutGoesOnWhenTheOwnerDies) {
  Child owner = start_stopped_owner();
  Store store = open_with_timeout(Milliseconds(-1));
  Status status{Code::kSystem, "never set"};
  std::thread waiter([&] { status = store.put("key", "mine"); });
  while ((RawView(path_).domain(0).lock.word >> 31) == 0) std::this_thread::yield();

  const auto start = Clock::now();
  owner.kill();
  waiter.join();

  EXPECT_OK(status);
  EXPECT_LT(Clock::now() - start, Milliseconds(1'000));
  EXPECT_VALUE(*store_, "key", "mine");
}

TEST_F(LockTest, ATimeoutBeyondTheClockIsForEver) {
  Child owner = start_stopped_owner();
  Store store = open_with_timeout(Milliseconds::max());
  std::atomic<bool> ended = false;
  Status status;
  std::thread waiter([&] {
    status = store.checkpoint();
    ended = true;
  });

  std::this_thread::sleep_for(Milliseconds(100));  // the time is the subject here

  EXPECT_FALSE(ended);
  owner.kill();
  waiter.join();
  EXPECT_OK(status);
}

TEST_F(LockTest, AWaiterIsWokenWhenTheOwnerGoesOn) {
  Child owner = start_stopped_owner();
  Store store = open_with_timeout(Milliseconds(30'000));
  Status status{Code::kSystem, "never set"};
  std::thread waiter([&] { status = store.put("key", "mine"); });
  while ((RawView(path_).domain(0).lock.word >> 31) == 0) std::this_thread::yield();

  owner.signal(SIGCONT);
  EXPECT_CHILD_PASSES(owner.wait());
  waiter.join();

  EXPECT_OK(status);
  EXPECT_VALUE(*store_, "key", "mine");
}

TEST_F(LockTest, AStoppedWriterOfOneShardLeavesTheOtherShardsFree) {
  Options options = quiet_options();
  options.shard_bits = 3;
  options.lock_timeout = Milliseconds(0);
  const std::string path = dir_.file("eight shards");
  Store store = Store::open(path, options).value();
  // Each shard has its array and a span, so that the stopped one needs nothing of the space lock.
  for (int i = 0; i < 200; ++i) ASSERT_OK(store.put("key" + std::to_string(i), "value"));
  Child owner([&] {
    Result<Store> own = Store::open(path, options);
    if (!own) return 2;
    StopAt::arm(4, SIGSTOP);
    return own->put("key0", "other").ok() ? 0 : 3;
  });
  ASSERT_TRUE(owner.wait().stopped());

  int written = 0;
  for (int i = 0; i < 200; ++i) {
    const Status status = store.put("key" + std::to_string(i), "value");
    EXPECT_TRUE(status.ok() || status.code() == Code::kBusy) << status;
    if (status.ok()) ++written;
  }

  EXPECT_GT(written, 120);
  EXPECT_LT(written, 200);
}

}  // namespace
}  // namespace hmap::test
