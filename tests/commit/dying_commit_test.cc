// Death before any store, write and flush of a commit: another process that is attached goes on,
// and a reboot right after the death, or later, finds every acknowledged write and no half one.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "child.h"
#include "commit_options.h"
#include "hmap/batch.h"
#include "life/open.h"
#include "sanitized.h"
#include "stop_at.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kStride = kSanitized ? 5 : 1;

struct Act {
  const char* name;
  std::function<Status(Store&)> on_store;
  std::function<void(Contents&)> on_model;
};

const std::vector<Act>& acts() {
  static const std::vector<Act> kActs = {
      {"insert", [](Store& s) { return s.put("new", "value"); },
       [](Contents& m) { m["new"] = "value"; }},
      {"replace", [](Store& s) { return s.put("key 3", "other"); },
       [](Contents& m) { m["key 3"] = "other"; }},
      {"erase", [](Store& s) { return s.erase("key 5").error(); },
       [](Contents& m) { m.erase("key 5"); }},
      {"clear", [](Store& s) { return s.clear(); }, [](Contents& m) { m.clear(); }},
      {"batch",
       [](Store& s) {
         Batch batch;
         batch.put("key 3", "other");
         batch.put("new", "value");
         batch.erase("key 5");
         return s.apply(batch);
       },
       [](Contents& m) {
         m["key 3"] = "other";
         m["new"] = "value";
         m.erase("key 5");
       }},
      {"large", [](Store& s) { return s.put("large", value_of(7, 12'000)); },
       [](Contents& m) { m["large"] = value_of(7, 12'000); }},
  };
  return kActs;
}

class DyingCommit : public ::testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "forks beside the checkpointer's thread";
#endif
    store_.emplace(Store::open(path_, commit_options()).value());
    for (int i = 0; i < 40; ++i) ASSERT_OK(store_->put("key " + std::to_string(i), "value"));
  }

  Contents after_reboot() { return after_reboot(path_); }
  Contents after_reboot(const std::string& path) {
    copy_store(path, dir_.file("rebooted"));
    // Any opener replays the log, whatever durability it wants.
    Result<Store> store = Store::open(dir_.file("rebooted"), quiet_options());
    EXPECT_OK(store);
    if (!store) return {};
    const Contents found = contents(*store);
    EXPECT_EQ(found.size(), store->size().value());
    EXPECT_OK(store->close());
    return found;
  }

  // Performs the act in a child that dies before its n-th event. False: it came through.
  bool dies(const Act& act, std::uint64_t event) {
    Child child([&] {
      Result<Store> store = Store::open(path_, commit_options());
      if (!store) return 2;
      StopAt::arm(event, SIGKILL);
      const Status status = act.on_store(*store);
      StopAt::disarm();
      if (!status.ok()) return 3;
      raise(SIGKILL);  // no close: nothing is durable but what the commit made so
      return 4;
    });
    const Outcome outcome = child.wait();
    EXPECT_TRUE(outcome.killed()) << outcome;
    return outcome.killed();
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  std::optional<Store> store_;
};

TEST_P(DyingCommit, LeavesTheOldOrTheNewStateToOthersAndToAReboot) {
  const Act& act = acts()[GetParam()];
  bool was_old = false;
  std::uint64_t after_it = 0;
  for (std::uint64_t event = 1; after_it < 3; event += kStride) {
    SCOPED_TRACE(std::string(act.name) + ", death before event " + std::to_string(event));
    watchdog_.feed();
    const Contents before = contents(*store_);
    Contents done = before;
    act.on_model(done);
    ASSERT_TRUE(dies(act, event));

    // Half of the times the reboot comes before anybody has looked after the dead one.
    if (event % 2 == 0) {
      const Contents rebooted = after_reboot();
      ASSERT_TRUE(rebooted == before || rebooted == done) << rebooted.size() << " keys";
    }
    // Another process goes on: takes the lock over, builds on what it finds.
    // A value of another size each time: its first change is a span, which is not logged.
    const std::string next = "next " + std::to_string(event);
    ASSERT_OK(store_->put(next, value_of(event, event * 48 % 1'800)));
    Contents found = contents(*store_);
    ASSERT_EQ(found.size(), store_->size().value());
    ASSERT_TRUE(found == after_reboot()) << "the log has another history";
    ASSERT_EQ(1U, found.erase(next));
    if (found != done) {
      ASSERT_TRUE(found == before) << "half done";
      was_old = true;
      after_it = 0;
    } else {
      ++after_it;
    }
    // The same state for the next round.
    ASSERT_TRUE(store_->erase(next).value());
    if (found == done && act.name != std::string("insert")) {
      ASSERT_OK(store_->clear());
      for (int i = 0; i < 40; ++i) ASSERT_OK(store_->put("key " + std::to_string(i), "value"));
    } else if (found == done) {
      ASSERT_TRUE(store_->erase("new").value());
    }
    ASSERT_LT(event, 5'000U);
    if (found == done && event > 400) break;
  }
  EXPECT_TRUE(was_old) << "the hook is not called";
}

INSTANTIATE_TEST_SUITE_P(Acts, DyingCommit, ::testing::Range(std::size_t{0}, std::size_t{6}),
                         [](const auto& which) { return std::string(acts()[which.param].name); });

class DyingRecovery : public DyingCommit {};

// Replaying dies before any of its events, again and again in the same file.
TEST_F(DyingRecovery, MayDieAnywhereAndBeginsAgain) {
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(store_->erase("key " + std::to_string(i)).value());
  const Contents model = contents(*store_);
  const std::string cut = dir_.file("cut");
  copy_store(path_, cut);
  std::uint64_t event = 1;
  for (bool dead = true; dead; event += 7 * kStride) {
    watchdog_.feed();
    Child child([&] {
      StopAt::arm(event, SIGKILL);
      Result<Store> store = Store::open(cut, commit_options());
      StopAt::disarm();
      return store ? 0 : 2;
    });
    const Outcome outcome = child.wait();
    ASSERT_TRUE(outcome.killed() || outcome.exited(0)) << outcome;
    dead = outcome.killed();
    if (event % 5 != 1) continue;
    copy_store(cut, dir_.file("again"));
    Result<Store> again = Store::open(dir_.file("again"), quiet_options());
    ASSERT_OK(again);
    ASSERT_TRUE(model == contents(*again)) << "death before event " << event;
  }
  EXPECT_GT(event, 100U) << "the hook is not called";
  Store store = Store::open(cut, commit_options()).value();
  EXPECT_TRUE(model == contents(store));
}

// Dies before each of its stores while it opens a closed store, beside a guest: who comes next and
// is told that a commit is durable finds it after a power cut.
TEST_F(DyingRecovery, AnOpenerThatDiedHasAgreedOnNothing) {
  ASSERT_OK(store_->close());
  Options guest_options = quiet_options();
  guest_options.any_type = true;
  bool dead = true;
  for (std::uint64_t event = 1; dead; ++event) {
    SCOPED_TRACE("death before event " + std::to_string(event));
    watchdog_.feed();
    const auto guest = open_session(path_, guest_options, Role::kGuest);
    ASSERT_OK(guest);
    Child opener([&] {
      StopAt::arm(event, SIGKILL);
      const Result<Store> store = Store::open(path_, commit_options());
      StopAt::disarm();
      return store ? 0 : 2;
    });
    const Outcome outcome = opener.wait();
    dead = outcome.killed();
    ASSERT_TRUE(dead || outcome.exited(0)) << outcome;
    const std::string key = "acknowledged " + std::to_string(event);
    ASSERT_CHILD_PASSES(run_in_child([&] {
      Store next = Store::open(path_, commit_options()).value();
      ASSERT_OK(next.put(key, "value"));
      ASSERT_EQ(1U, after_reboot().count(key));
    }));
    EXPECT_OK(close_session(**guest));
    ASSERT_OK(Store::open(path_, commit_options()).value().close());
  }
}

// Who takes over from one who died in a commit, and is not in commit mode himself, sees whether it
// has happened; a power cut does not change that.
TEST_F(DyingRecovery, WhatHasNotHappenedStaysSoForOpenersWithoutALog) {
  const std::string next = dir_.file("next");
  std::uint64_t event = 1;
  int undone = 0;
  for (bool dead = true; dead; ++event) {
    SCOPED_TRACE("death before event " + std::to_string(event));
    watchdog_.feed();
    copy_store(path_, next);
    Child writer([&] {
      Store store = Store::open(next, commit_options()).value();
      StopAt::arm(event, SIGKILL);
      const Status status = store.put("new", "value");
      StopAt::disarm();
      return status.ok() ? 0 : 1;
    });
    dead = writer.wait().killed();
    const Store store = Store::open(next, quiet_options()).value();
    const bool happened = store.contains("new").value();
    ASSERT_EQ(happened, after_reboot(next).count("new") == 1);
    undone += happened ? 0 : 1;
  }
  EXPECT_GT(undone, 5);
}

}  // namespace
}  // namespace hmap::test
