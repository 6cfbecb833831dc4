// Death outside of writes: while creating, opening, rebuilding after a reboot, making a checkpoint
// and closing, just before every store, copy and flush.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <vector>

#include "child.h"
#include "hmap/activity.h"
#include "hmap/snapshot.h"
#include "hmap/verify.h"
#include "sanitized.h"
#include "stop_at.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kStride = kSanitized ? 7 : 1;

class Dying : public ::testing::Test {
 protected:
  // Kills a child before its n-th event for n = 1, 2, ... until one comes through. `live` arms
  // StopAt itself where its interesting part begins; `check` runs after each death and at the end.
  void at_every_event(const std::function<void()>& before,
                      const std::function<int(std::uint64_t)>& live,
                      const std::function<void()>& check) {
    for (std::uint64_t event = 1;; event += kStride) {
      SCOPED_TRACE("death before event " + std::to_string(event));
      watchdog_.feed();
      before();
      Child child([&] { return live(event); });
      const Outcome outcome = child.wait();
      ASSERT_TRUE(outcome.killed() || outcome.exited(0)) << outcome;
      check();
      if (HasFailure()) return;
      if (outcome.exited(0)) {
        EXPECT_GT(event, 3 * kStride) << "the hook is not called";
        return;
      }
      ASSERT_LT(event, 200'000U);
    }
  }

  // A store with a checkpoint of 60 keys and a live state of 106 (a growth under way), its writer
  // dead.
  void make_past() {
    Child child([this] {
      Store store = Store::open(dir_.file("past"), quiet_options()).value();
      for (int i = 0; i < 106; ++i) {
        if (!store.put("key " + std::to_string(i), value_of(1, 30)).ok()) return 2;
        if (i == 59 && !store.checkpoint().ok()) return 3;
      }
      raise(SIGKILL);
      return 4;
    });
    ASSERT_TRUE(child.wait().killed());
  }

  static Contents first_keys(int count) {
    Contents model;
    for (int i = 0; i < count; ++i) model["key " + std::to_string(i)] = value_of(1, 30);
    return model;
  }

  // Opens, compares, writes, closes, opens again.
  void expect_usable(const std::vector<Contents>& allowed) {
    Result<Store> store = Store::open(path_, quiet_options());
    ASSERT_OK(store);
    Contents found = contents(*store);
    EXPECT_TRUE(std::find(allowed.begin(), allowed.end(), found) != allowed.end())
        << found.size() << " keys";
    EXPECT_EQ(found.size(), store->size().value());
    for (int i = 0; i < 30; ++i) {
      const std::string key = "after " + std::to_string(i);
      ASSERT_OK(store->put(key, "value"));
      found[key] = "value";
    }
    EXPECT_TRUE(found == contents(*store));
    ASSERT_OK(store->close());
    copy_file(path_, path_ + ".copy");
    store = Store::open(path_ + ".copy", quiet_options());
    ASSERT_OK(store);
    EXPECT_TRUE(found == contents(*store)) << "after a reopening";
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
};

TEST_F(Dying, WhileCreatingLeavesNothingOrAStore) {
  at_every_event([this] { std::filesystem::remove(path_); },
                 [this](std::uint64_t event) {
                   StopAt::arm(event, SIGKILL);
                   Result<Store> store = Store::open(path_, quiet_options());
                   StopAt::disarm();
                   return store ? 0 : 2;
                 },
                 [this] { expect_usable({{}}); });
}

TEST_F(Dying, WhileRebuildingAfterARebootLeavesTheLastCheckpoint) {
  make_past();
  at_every_event([this] { copy_file(dir_.file("past"), path_); },
                 [this](std::uint64_t event) {
                   StopAt::arm(event, SIGKILL);
                   Result<Store> store = Store::open(path_, quiet_options());
                   StopAt::disarm();
                   return store ? 0 : 2;
                 },
                 [this] { expect_usable({first_keys(60)}); });
}

// Here the file stays the same, so that the rebuilt part of the live state is what the next finds.
TEST_F(Dying, WhileRebuildingTimeAndAgainLosesNothing) {
  make_past();
  path_ = dir_.file("past");
  for (std::uint64_t event = 1; event < 400; event += 3) {
    Child child([&] {
      fake_reboot(1);
      StopAt::arm(event, SIGKILL);
      Result<Store> store = Store::open(path_, quiet_options());
      raise(SIGKILL);
      return 2;
    });
    ASSERT_TRUE(child.wait().killed());
  }
  EXPECT_CHILD_PASSES(run_in_child([this] {
    fake_reboot(1);
    expect_usable({first_keys(60)});
  }));
}

// Nobody repairs anything in between: each opener finds what the dead before it left.
TEST_F(Dying, WhileOpeningTheLiveStateOfTheDeadLosesNothing) {
  Child child([this] {
    Store store = Store::open(path_, quiet_options()).value();
    for (int i = 0; i < 106; ++i) {
      if (!store.put("key " + std::to_string(i), value_of(1, 30)).ok()) return 2;
    }
    StopAt::arm(9, SIGKILL);
    return store.put("key 0", value_of(1, 30)).ok() ? 0 : 3;
  });
  ASSERT_TRUE(child.wait().killed());

  for (std::uint64_t event = 1; event <= 100; ++event) {
    watchdog_.feed();
    Child opener([&] {
      StopAt::arm(event, SIGKILL);
      Result<Store> store = Store::open(path_, quiet_options());
      raise(SIGKILL);
      return store ? 2 : 3;
    });
    ASSERT_TRUE(opener.wait().killed());
    Result<Store> reader = Store::open(path_, with_mode({}, Mode::kReadOnly));
    ASSERT_OK(reader);
    ASSERT_TRUE(contents(*reader) == first_keys(106)) << "event " << event;
  }

  expect_usable({first_keys(106)});
}

// The next one in the slot of the dead does not know of extents that were taken for him there. (The
// row is marked by two intents: its words lie in two blocks of the extent table.)
TEST_F(Dying, WhileTakingExtentsLeavesNoRowBehind) {
  const std::string past = dir_.file("past");
  {
    Store store = Store::open(past, quiet_options()).value();
    ASSERT_OK(store.put("key 1", value_of(1, 70'000)));
    ASSERT_OK(store.put("key 2", value_of(2, 90'000)));
    ASSERT_OK(store.close());
  }
  at_every_event([&] { copy_file(past, path_); },
                 [this](std::uint64_t event) {
                   Store store = Store::open(path_, quiet_options()).value();
                   StopAt::arm(event, SIGKILL);
                   const Status status = store.put("large", value_of(3, 200'000));
                   StopAt::disarm();
                   return status.ok() ? 0 : 2;
                 },
                 [this] {
                   Result<Store> store = Store::open(path_, quiet_options());
                   ASSERT_OK(store);
                   ASSERT_OK(store->put("large", value_of(4, 200'000)));
                   ASSERT_OK(store->checkpoint());
                   const Result<VerifyReport> report = store->verify();
                   ASSERT_OK(report);
                   ASSERT_TRUE(report->clean()) << report->findings[0].text;
                 });
}

// Two checkpoints: the first of 60 keys, the second of 106, which `end` makes and dies in.
class DyingAtTheEnd : public Dying {
 protected:
  void die_in(Status (*end)(Store& store)) {
    at_every_event([this] { std::filesystem::remove(path_); },
                   [this, end](std::uint64_t event) { return live(event, end); },
                   [this] {
                     const std::string live_path = path_;
                     copy_file(live_path, dir_.file("rebooted"));
                     path_ = dir_.file("rebooted");
                     expect_usable({first_keys(60), first_keys(106)});
                     path_ = live_path;
                     expect_usable({first_keys(106)});
                   });
  }

 private:
  int live(std::uint64_t event, Status (*end)(Store& store)) {
    Store store = Store::open(path_, quiet_options()).value();
    for (int i = 0; i < 106; ++i) {
      if (i == 60 && !store.checkpoint().ok()) return 2;
      if (!store.put("key " + std::to_string(i), value_of(1, 30)).ok()) return 3;
    }
    StopAt::arm(event, SIGKILL);
    const Status status = end(store);
    StopAt::disarm();
    return status.ok() ? 0 : 4;
  }
};

TEST_F(DyingAtTheEnd, InACheckpointLeavesTheOneBeforeOrTheNewOne) {
  die_in([](Store& store) { return store.checkpoint(); });
}

TEST_F(DyingAtTheEnd, InTheLastCloseLeavesTheCheckpointBeforeOrTheNewOne) {
  die_in([](Store& store) { return store.close(); });
}

// A cut whose taker dies before it counts must never count: not by the next rise of the epoch,
// which is that of a snapshot, and not for whoever dies in the next checkpoint.
class DyingInACut : public Dying {
 protected:
  void SetUp() override {
    Store store = Store::open(path_, quiet_options()).value();
    for (int i = 0; i < 40; ++i) ASSERT_OK(store.put("key " + std::to_string(i), value_of(1, 30)));
  }

  // A checkpoint that ends in death before its n-th event. False if it came through.
  bool die_in_checkpoint(std::uint64_t event) {
    Child child([this, event] {
      Store store = Store::open(path_, quiet_options()).value();
      StopAt::arm(event, SIGKILL);
      const Status status = store.checkpoint();
      StopAt::disarm();
      if (!status.ok()) return 2;
      raise(SIGKILL);  // no close, which would make another checkpoint
      return 0;
    });
    const Outcome outcome = child.wait();
    EXPECT_TRUE(outcome.killed()) << outcome;
    return outcome.killed();
  }

  static void change(Store& store, Contents& model, int& n) {
    for (int i = 0; i < 30; ++i, ++n) {
      const std::string key = "key " + std::to_string(n);
      model[key] = value_of(2, 40);
      ASSERT_OK(store.put(key, model[key]));
    }
  }

  // What a reboot finds: one of the states, undamaged.
  void expect_after_reboot(const std::vector<Contents>& allowed) {
    copy_file(path_, dir_.file("rebooted"));
    Result<Store> store = Store::open(dir_.file("rebooted"), quiet_options());
    ASSERT_OK(store);
    const Contents found = contents(*store);
    EXPECT_TRUE(std::find(allowed.begin(), allowed.end(), found) != allowed.end())
        << found.size() << " keys";
    EXPECT_EQ(found.size(), store->size().value());
    const Result<VerifyReport> report = store->verify();
    ASSERT_OK(report);
    EXPECT_TRUE(report->clean()) << report->findings[0].text;
  }
};

TEST_F(DyingInACut, NeverMakesItCountByASnapshot) {
  Result<Store> opened = Store::open(path_, quiet_options());
  ASSERT_OK(opened);
  Contents durable = contents(*opened);
  Contents model = durable;
  int n = 40;
  // The first events of a checkpoint are those of its cut.
  for (std::uint64_t event = 1; event <= 24; ++event) {
    SCOPED_TRACE("death before event " + std::to_string(event));
    watchdog_.feed();
    change(*opened, model, n);
    const Contents at_cut = model;
    die_in_checkpoint(event);
    change(*opened, model, n);
    { ASSERT_OK(opened->snapshot()); }
    change(*opened, model, n);
    expect_after_reboot({durable, at_cut});
    // A cut that counts is completed first, one that does not is forgotten.
    die_in_checkpoint(5 + event * 5);
    expect_after_reboot({durable, at_cut, model});
    if (HasFailure()) return;
    ASSERT_OK(opened->checkpoint());
    durable = model;
    expect_after_reboot({durable});
    if (HasFailure()) return;
  }
}

// Each goes on with the checkpoint of those before, and dies as early or a little later: however
// many it takes, it is one checkpoint, and its root is the next one.
TEST_F(DyingInACut, OneAfterTheOtherMakesOneCheckpoint) {
  Result<Store> opened = Store::open(path_, quiet_options());
  ASSERT_OK(opened);
  Contents model = contents(*opened);
  int n = 40;
  change(*opened, model, n);
  const Activity before = activity(*opened).value();
  const std::uint64_t checkpoints = opened->stats()->checkpoints;
  for (std::uint64_t event = 1; activity(*opened)->epoch == before.epoch; ++event) {
    ASSERT_TRUE(die_in_checkpoint(event));
  }
  // Three at each event: what the first has done, the second does not do again.
  std::uint64_t deaths = 0;
  while (activity(*opened)->durable_epoch == before.durable_epoch) {
    watchdog_.feed();
    ASSERT_TRUE(die_in_checkpoint(++deaths / 3 + 1));
    const Result<VerifyReport> report = opened->verify();
    ASSERT_OK(report);
    ASSERT_TRUE(report->clean()) << deaths << " deaths: " << report->findings[0].text;
  }
  EXPECT_GT(deaths, 20U);
  EXPECT_EQ(checkpoints + 1, opened->stats()->checkpoints);
  expect_after_reboot({model});
}

}  // namespace
}  // namespace hmap::test
