// Who is attached, alive or dead, and what they hold; and that clearing takes only from the dead.
#include "hmap/activity.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <string>
#include <thread>

#include "child.h"
#include "hmap/snapshot.h"
#include "stop_at.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

class ActivityOf : public ::testing::Test {
 protected:
  Store open() { return Store::open(path_, quiet_options()).value(); }

  // A process that opens the store, does `body`, and then stops, or dies, before store `event` of
  // a put.
  Child at_put(int event, int signal) {
    return Child([this, event, signal] {
      Store store = open();
      StopAt::arm(static_cast<std::uint64_t>(event), signal);
      const Status status = store.put("key", value_of(1, 100'000));
      StopAt::disarm();
      return status.ok() ? 0 : 1;
    });
  }

  const TempDir dir_;
  const std::string path_ = dir_.file("store");
};

TEST_F(ActivityOf, AStoreNotInUse) {
  { Store store = open(); }
  fake_reboot(7);
  const Store reader = Store::open(path_, with_mode(quiet_options(), Mode::kReadOnly)).value();
  const Activity seen = activity(reader).value();
  EXPECT_FALSE(seen.live);
  EXPECT_TRUE(seen.processes.empty());
  EXPECT_TRUE(seen.locks.empty());
  real_boot();
}

TEST_F(ActivityOf, TheLiving) {
  Store store = open();
  Store second = open();
  const Snapshot snapshot = second.snapshot().value();
  const Store reader = Store::open(path_, with_mode(quiet_options(), Mode::kReadOnly)).value();
  for (const Store* by : {static_cast<const Store*>(&store), &reader}) {
    const Activity seen = activity(*by).value();
    EXPECT_TRUE(seen.live);
    ASSERT_EQ(seen.processes.size(), 2u);
    EXPECT_TRUE(seen.processes[0].alive);
    EXPECT_TRUE(seen.processes[1].alive);
    EXPECT_EQ(seen.processes[1].pid, static_cast<std::uint32_t>(getpid()));
    ASSERT_EQ(seen.snapshots.size(), 1u);
    EXPECT_EQ(seen.snapshots[0].epoch, snapshot.epoch());
    EXPECT_EQ(seen.snapshots[0].slot, seen.processes[1].slot);
    EXPECT_TRUE(seen.snapshots[0].alive);
    EXPECT_TRUE(seen.locks.empty());
  }
  // Nothing of it may be taken away.
  const ClearedDead cleared = clear_dead(store).value();
  EXPECT_EQ(cleared.processes + cleared.locks + cleared.snapshots, 0u);
  EXPECT_EQ(activity(store)->snapshots.size(), 1u);
  EXPECT_EQ(activity(store)->processes.size(), 2u);
  Store copy = Store::open(path_, with_mode(quiet_options(), Mode::kReadOnly)).value();
  EXPECT_CODE(Code::kReadOnly, clear_dead(copy));
}

TEST_F(ActivityOf, SpaceHeldBackBySomebody) {
  Store store = open();
  for (int i = 0; i < 2'000; ++i) ASSERT_OK(store.put(std::to_string(i), std::string(100, 'v')));
  ASSERT_OK(store.checkpoint());
  const Activity quiet = activity(store).value();
  EXPECT_FALSE(quiet.held_by_snapshot);
  EXPECT_EQ(quiet.oldest_needed, quiet.durable_epoch);
  EXPECT_EQ(quiet.dirty_bytes, 0u);
  EXPECT_TRUE(quiet.checkpoint_known);
  EXPECT_LT(quiet.checkpoint_age_ms, 60'000u);
  std::optional<Snapshot> snapshot(store.snapshot().value());
  ASSERT_OK(store.clear());
  EXPECT_GT(activity(store)->dirty_bytes, 0u);
  ASSERT_OK(store.checkpoint());
  const Activity held = activity(store).value();
  EXPECT_TRUE(held.held_by_snapshot);
  EXPECT_EQ(held.oldest_needed, snapshot->epoch());
  EXPECT_GT(held.held_bytes, 100'000u);
  snapshot.reset();
  EXPECT_EQ(activity(store)->held_bytes, 0u);
}

TEST_F(ActivityOf, AStoppedWriterHoldsItsLock) {
  Store store = open();
  bool seen_locked = false;
  for (int event = 1; !seen_locked; ++event) {
    Child child = at_put(event, SIGSTOP);
    if (!child.wait().stopped()) break;
    const Activity seen = activity(store).value();
    for (const HeldLock& lock : seen.locks) {
      if (lock.kind != LockKind::kShard) continue;
      seen_locked = true;
      EXPECT_TRUE(lock.owner_alive);
      const auto owner = std::find_if(seen.processes.begin(), seen.processes.end(),
                                      [&](const auto& p) { return p.slot == lock.slot; });
      ASSERT_NE(owner, seen.processes.end());
      EXPECT_EQ(owner->pid, static_cast<std::uint32_t>(child.pid()));
      EXPECT_EQ(owner->large_records, 1u);
    }
    child.kill();
  }
  EXPECT_TRUE(seen_locked);
}

// Dead before any store of a put of a large record: after clear_dead() nothing of it is left.
TEST_F(ActivityOf, TheDeadAreCleared) {
  Store store = open();
  ASSERT_OK(store.put("key", "old"));
  std::uint32_t locks = 0;
  std::uint32_t large = 0;
  for (int event = 1;; ++event) {
    Child child = at_put(event, SIGKILL);
    const Outcome outcome = child.wait();
    if (!outcome.killed()) break;
    const Activity seen = activity(store).value();
    ASSERT_EQ(seen.processes.size(), 2u) << event;
    EXPECT_FALSE(seen.processes[1].alive);
    large += seen.processes[1].large_records;
    locks += static_cast<std::uint32_t>(seen.locks.size());
    for (const HeldLock& lock : seen.locks) EXPECT_FALSE(lock.owner_alive);
    const ClearedDead cleared = clear_dead(store).value();
    EXPECT_EQ(cleared.processes, 1u);
    EXPECT_EQ(cleared.locks, seen.locks.size());
    const Activity after = activity(store).value();
    EXPECT_EQ(after.processes.size(), 1u) << event;
    EXPECT_TRUE(after.locks.empty()) << event;
    EXPECT_FINDS_NOTHING(store.verify()) << event;
  }
  EXPECT_GT(locks, 0u);
  EXPECT_GT(large, 0u);
}

// Two threads of one handle clear at a time: the second one begins when the first is about to clear
// the slot of the dead process, and must not get there before the first is done.
struct TwoClear {
  static inline Store* store = nullptr;
  static inline std::uint64_t dead_pid = 0;
  static inline std::thread second;
  static inline std::atomic<pid_t> task = 0;
  static inline std::atomic<bool> second_is_done = false;
  static inline bool second_overtook = false;

  static void look(seam::Event event, const void* at, std::size_t bytes) {
    std::uint64_t word = 0;
    if (event != seam::Event::kStore || bytes != sizeof word || task != 0) return;
    std::memcpy(&word, at, sizeof word);
    if (word != dead_pid) return;
    second = std::thread([] {
      task = static_cast<pid_t>(::syscall(SYS_gettid));
      EXPECT_OK(clear_dead(*store));
      second_is_done = true;
    });
    while (!second_is_done && (task == 0 || !sleeps_in(SYS_fcntl, ::getpid(), task)))
      std::this_thread::yield();
    second_overtook = second_is_done;
  }
};

TEST_F(ActivityOf, TheDeadAreClearedByOneThreadAtATime) {
  Store store = open();
  Child child = at_put(5, SIGKILL);
  TwoClear::dead_pid = static_cast<std::uint64_t>(child.pid());
  ASSERT_TRUE(child.wait().killed());
  TwoClear::store = &store;
  seam::hook.store(&TwoClear::look);
  EXPECT_OK(clear_dead(store));
  seam::hook.store(nullptr);
  ASSERT_NE(0, TwoClear::task);
  TwoClear::second.join();
  EXPECT_FALSE(TwoClear::second_overtook);
}

TEST_F(ActivityOf, SnapshotsOfTheDeadAreCleared) {
  Store store = open();
  const Outcome outcome = run_in_child([this] {
    Store mine = open();
    const Snapshot one = mine.snapshot().value();
    const Snapshot two = mine.snapshot().value();
    ::raise(SIGKILL);
  });
  ASSERT_TRUE(outcome.killed());
  const Activity seen = activity(store).value();
  ASSERT_EQ(seen.snapshots.size(), 2u);
  EXPECT_FALSE(seen.snapshots[0].alive);
  const ClearedDead cleared = clear_dead(store).value();
  EXPECT_EQ(cleared.snapshots, 2u);
  EXPECT_EQ(cleared.processes, 1u);
  EXPECT_TRUE(activity(store)->snapshots.empty());
}

}  // namespace
}  // namespace hmap::test
