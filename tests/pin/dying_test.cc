// Death with views, while taking or ending one, and while somebody sweeps what the dead left.
#include <gtest/gtest.h>
#include <unistd.h>

#include <functional>

#include "child.h"
#include "held.h"
#include "stop_at.h"

namespace hmap::test {
namespace {

constexpr int kKeptKeys = 40;
std::string key_of(int i) { return "key " + std::to_string(i); }
std::string value_for(int i, std::uint64_t version) {
  return value_of(version * 1'000 + static_cast<std::uint64_t>(i), i % 10 == 3 ? 9'000 : 40);
}

class DyingWithViews : public ::testing::Test {
 protected:
  void SetUp() override {
    Store store = Store::open(path_, quiet_options()).value();
    for (int i = 0; i < kKeptKeys; ++i) ASSERT_OK(store.put(key_of(i), value_for(i, 0)));
    ASSERT_OK(store.close());
    most_bytes_ = bytes_without_views(60) + (64 << 10);
  }

  // Takes views, ends them in another order, and takes some again.
  static int look(const std::string& path, std::uint64_t event) {
    const Store store = Store::open(path, with_mode(quiet_options(), Mode::kOpen)).value();
    StopAt::arm(event, SIGKILL);
    std::vector<View> views(kKeptKeys);
    for (int i = 0; i < kKeptKeys; i += 3) {
      views[static_cast<std::size_t>(i)] = *store.find(key_of(i)).value();
    }
    for (int i = 0; i < kKeptKeys; i += 6) views[static_cast<std::size_t>(i)] = View();
    for (int i = 3; i < kKeptKeys; i += 10) {
      views[static_cast<std::size_t>(i)] = *store.find(key_of(i)).value();
    }
    views.clear();
    StopAt::disarm();
    return 0;
  }

  static void overwrite(Store& store, std::uint64_t rounds) {
    for (std::uint64_t round = 1; round <= rounds; ++round) {
      for (int i = 0; i < kKeptKeys; ++i) ASSERT_OK(store.put(key_of(i), value_for(i, round)));
      if (round % 2 == 0) {
        ASSERT_OK(store.checkpoint());
      }
    }
  }
  // The size of a store that never saw a view, after so many rounds.
  std::uint64_t bytes_without_views(std::uint64_t rounds) {
    const std::string path = dir_.file("other store");
    Store store = Store::open(path, quiet_options()).value();
    overwrite(store, rounds);
    return file_bytes(path);
  }

  // The store is written over time and again, and takes no more than if there were no views.
  void expect_all_space_is_used_again() {
    Result<Store> store = Store::open(path_, with_mode(quiet_options(), Mode::kOpen));
    ASSERT_OK(store);
    ASSERT_OK(store->checkpoint());
    for (const Stats::Process& process : store->stats().value().processes) {
      EXPECT_EQ(0U, process.views) << "slot " << process.slot;
    }
    EXPECT_EQ(0U, store->stats().value().held_bytes);
    EXPECT_TRUE(verified(*store).clean());
    overwrite(*store, 20);
    EXPECT_LE(file_bytes(path_), most_bytes_);
    for (int i = 0; i < kKeptKeys; ++i) EXPECT_VALUE(*store, key_of(i), value_for(i, 20));
    ASSERT_OK(store->close());
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  std::uint64_t most_bytes_ = 0;
};

TEST_F(DyingWithViews, AtAnyStoreHoldsNothingBackForLong) {
  std::uint64_t deaths = 0;
  for (std::uint64_t event = 1;; ++event) {
    SCOPED_TRACE("death before event " + std::to_string(event));
    watchdog_.feed();
    Child child([&] { return look(path_, event); });
    const Outcome outcome = child.wait();
    if (outcome.exited(0)) break;
    ASSERT_TRUE(outcome.killed()) << outcome;
    ++deaths;
    expect_all_space_is_used_again();
    if (HasFailure()) return;
  }
  std::printf("%llu deaths\n", static_cast<unsigned long long>(deaths));
  EXPECT_GT(deaths, 30U);
}

// The slot is taken by others before anybody sweeps it: what is left in it is not theirs.
TEST_F(DyingWithViews, LeavesNothingToTheNextOwnerOfTheSlot) {
  for (std::uint64_t event = 10; event <= 25; event += 5) {
    Child child([&] { return look(path_, event); });
    ASSERT_TRUE(child.wait().killed());
    Store store = Store::open(path_, with_mode(quiet_options(), Mode::kOpen)).value();
    EXPECT_EQ(0U, views_in(store, static_cast<std::uint32_t>(getpid())));
    std::optional<Held> held = hold(store, key_of(1));
    EXPECT_EQ(1U, views_in(store, static_cast<std::uint32_t>(getpid())));
    for (int round = 0; round < 20; ++round) {
      for (int i = 0; i < kKeptKeys; ++i) ASSERT_OK(store.put(key_of(i), value_for(i, 7)));
      ASSERT_OK(store.checkpoint());
    }
    EXPECT_TRUE(held->intact());
    held.reset();
    EXPECT_OK(store.close());
  }
  expect_all_space_is_used_again();
}

// A second process sweeps, and dies at every store of the checkpoint that does it.
TEST_F(DyingWithViews, AndSweepersThatDieHarmNobody) {
  for (std::uint64_t event = 1;; ++event) {
    SCOPED_TRACE("death of the sweeper before event " + std::to_string(event));
    watchdog_.feed();
    Store witness = Store::open(path_, with_mode(quiet_options(), Mode::kOpen)).value();
    const Held held = hold(witness, key_of(5));
    Child dead([&] { return look(path_, 25); });
    ASSERT_TRUE(dead.wait().killed());
    Child sweeper([&] {
      Store store = Store::open(path_, with_mode(quiet_options(), Mode::kOpen)).value();
      if (!store.put(key_of(5), value_for(5, event)).ok()) return 2;
      StopAt::arm(event, SIGKILL);
      const Status status = store.checkpoint();
      StopAt::disarm();
      return status.ok() ? 0 : 3;
    });
    const Outcome outcome = sweeper.wait();
    ASSERT_TRUE(outcome.exited(0) || outcome.killed()) << outcome;
    Store other = Store::open(path_, with_mode(quiet_options(), Mode::kOpen)).value();
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < kKeptKeys; ++i) ASSERT_OK(other.put(key_of(i), value_for(i, 7)));
      ASSERT_OK(other.checkpoint());
    }
    ASSERT_TRUE(held.intact());
    ASSERT_EQ(1U, views_in(witness, static_cast<std::uint32_t>(getpid())));
    for (const Stats::Process& process : other.stats().value().processes) {
      if (!process.alive) {
        ASSERT_EQ(0U, process.views);
      }
    }
    if (outcome.exited(0)) {
      EXPECT_GT(event, 10U);
      break;
    }
  }
  expect_all_space_is_used_again();
}

}  // namespace
}  // namespace hmap::test
