// Many processes that create, open and close one store in any order.
#include <gtest/gtest.h>
#include <sched.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <functional>
#include <iostream>
#include <vector>

#include "child.h"
#include "sanitized.h"
#include "seeds.h"
#include "shared_memory.h"
#include "stores.h"
#include "temp_file.h"

namespace hmap::test {
namespace {

constexpr int kProcesses = 8;

// Children that start their work at the same moment.
std::vector<Outcome> all_at_once(int processes, const std::function<int(int)>& body) {
  Shared<std::atomic<int>> ready;
  std::vector<Child> children;
  for (int number = 0; number < processes; ++number) {
    children.emplace_back([&, number] {
      ready->fetch_add(1);
      while (ready->load() < processes) sched_yield();
      return body(number);
    });
  }
  std::vector<Outcome> outcomes;
  for (Child& child : children) outcomes.push_back(child.wait());
  return outcomes;
}

TEST(Opening, EightProcessesThatCreateOneStoreAllGetTheSame) {
  for (int round = 0; round < (kSanitized ? 10 : 40); ++round) {
    TempDir dir(TempDir::Where::kMemory);
    const std::string path = dir.file("store");
    Shared<std::array<std::array<std::uint8_t, 16>, kProcesses>> uuids;

    const auto outcomes = all_at_once(kProcesses, [&](int number) {
      Result<Store> store = Store::open(path, small_options());
      if (!store) {
        std::cerr << store.error() << "\n";
        return 2;
      }
      (*uuids)[static_cast<std::size_t>(number)] = store->stats().value().uuid;
      return store->put("key" + std::to_string(number), "value").ok() ? 0 : 3;
    });

    for (const Outcome& outcome : outcomes) ASSERT_CHILD_PASSES(outcome);
    Store store = Store::open(path, with_mode({}, Mode::kOpen)).value();
    for (const auto& uuid : *uuids) EXPECT_EQ(store.stats().value().uuid, uuid);
    EXPECT_EQ(std::uint64_t{kProcesses}, store.size().value());
    EXPECT_EQ(std::size_t{kProcesses}, contents(store).size());
    std::size_t files = 0;
    for (const auto& file : std::filesystem::directory_iterator(dir.path())) {
      files += file.exists() ? 1 : 0;
    }
    EXPECT_EQ(1U, files) << "something was left behind";
  }
}

TEST(Opening, OfEightProcessesThatInsistOnCreatingExactlyOneMay) {
  for (int round = 0; round < (kSanitized ? 5 : 20); ++round) {
    TempDir dir(TempDir::Where::kMemory);

    const auto outcomes = all_at_once(kProcesses, [&](int) {
      Result<Store> store =
          Store::open(dir.file("store"), with_mode(small_options(), Mode::kCreate));
      if (store) return 10;
      return store.error().code() == Code::kExists ? 11 : 12;
    });

    int created = 0;
    for (const Outcome& outcome : outcomes) {
      ASSERT_TRUE(outcome.exited(10) || outcome.exited(11)) << outcome;
      created += outcome.exited(10) ? 1 : 0;
    }
    EXPECT_EQ(1, created);
  }
}

TEST(Opening, AStormOfOpeningsAndClosingsLosesNothing) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  constexpr int kRounds = 60;
  const std::uint64_t seed = test_seed();

  const auto outcomes = all_at_once(6, [&](int number) {
    Random random(seed + static_cast<std::uint64_t>(number));
    for (int round = 0; round < kRounds; ++round) {
      Result<Store> store = Store::open(path, small_options());
      if (!store) {
        std::cerr << store.error() << "\n";
        return 2;
      }
      const std::string key = std::to_string(number) + "/" + std::to_string(round);
      if (!store->put(key, key).ok()) return 3;
      if (round > 0) {
        const std::string last = std::to_string(number) + "/" + std::to_string(round - 1);
        if (value_in(*store, last) != last) return 4;
      }
      Result<Store> reader = Store::open(path, with_mode({}, Mode::kReadOnly));
      if (!reader || value_in(*reader, key) != key) return 5;
      if (random.one_in(2) && !store->close().ok()) return 6;
    }
    return 0;
  });

  for (const Outcome& outcome : outcomes) EXPECT_CHILD_PASSES(outcome);
  Store store = Store::open(path).value();
  EXPECT_EQ(6U * kRounds, store.size().value());
  EXPECT_EQ(6U * kRounds, contents(store).size());
}

TEST(Opening, AllSlotsTakenIsTooManyProcessesUntilOneLeavesOrDies) {
  TempDir dir;
  const std::string path = dir.file("store");
  Options options = small_options();
  options.geometry.slots = 3;
  Store first = Store::open(path, options).value();
  std::optional<Store> second = Store::open(path).value();
  Child third([&] {
    Result<Store> store = Store::open(path);
    if (!store) return 2;
    raise(SIGSTOP);
    return 3;
  });
  ASSERT_TRUE(third.wait().stopped());

  EXPECT_CODE(Code::kTooManyProcesses, Store::open(path));
  EXPECT_OK(Store::open(path, with_mode({}, Mode::kReadOnly))) << "readers take no slot";
  second.reset();
  EXPECT_OK(Store::open(path));
  second.emplace(Store::open(path).value());
  EXPECT_CODE(Code::kTooManyProcesses, Store::open(path));
  third.kill();
  EXPECT_OK(Store::open(path)) << "the slot of a dead process is free at once";
  EXPECT_OK(first.put("key", "value"));
}

TEST(Opening, StatsNameTheAttachedProcesses) {
  TempDir dir;
  const std::string path = dir.file("store");
  Store store = Store::open(path, small_options()).value();
  Child child([&] {
    Result<Store> own = Store::open(path);
    raise(SIGSTOP);
    return own ? 0 : 2;
  });
  ASSERT_TRUE(child.wait().stopped());

  const std::vector<Stats::Process> processes = store.stats().value().processes;

  ASSERT_EQ(2U, processes.size());
  EXPECT_EQ(static_cast<std::uint32_t>(getpid()), processes[0].pid);
  EXPECT_EQ(static_cast<std::uint32_t>(child.pid()), processes[1].pid);
  EXPECT_TRUE(processes[0].alive);
  EXPECT_TRUE(processes[1].alive);
}

TEST(Opening, ExclusivelyWorksOnlyAlone) {
  TempDir dir;
  const std::string path = dir.file("store");
  const Options exclusive = with_mode({}, Mode::kExclusive);
  EXPECT_CODE(Code::kNotFound, Store::open(path, exclusive));
  std::optional<Store> store = Store::open(path, small_options()).value();
  ASSERT_OK(store->put("key", "value"));

  EXPECT_CODE(Code::kLockedExclusively, Store::open(path, exclusive));
  EXPECT_CHILD_PASSES(
      run_in_child([&] { EXPECT_CODE(Code::kLockedExclusively, Store::open(path, exclusive)); }));
  store.reset();
  store.emplace(Store::open(path, exclusive).value());

  EXPECT_VALUE(*store, "key", "value");
  EXPECT_OK(store->put("key", "changed"));
  EXPECT_CODE(Code::kLockedExclusively, Store::open(path));
  EXPECT_CODE(Code::kLockedExclusively, Store::open(path, exclusive));
  EXPECT_CHILD_PASSES(
      run_in_child([&] { EXPECT_CODE(Code::kLockedExclusively, Store::open(path)); }));
  store.reset();
  EXPECT_VALUE(Store::open(path).value(), "key", "changed");
}

TEST(Opening, AnotherDurabilityThanThatOfTheOpenStoreIsAMismatch) {
  TempDir dir;
  const std::string path = dir.file("store");
  Options none = small_options();
  none.durability = Durability::kNone;
  Options checkpoint = small_options();
  checkpoint.durability = Durability::kCheckpoint;
  std::optional<Store> store = Store::open(path, none).value();

  EXPECT_CODE(Code::kModeMismatch, Store::open(path, checkpoint));
  EXPECT_OK(Store::open(path, none));
  const Store follower = Store::open(path, small_options()).value();
  EXPECT_EQ(Durability::kNone, follower.stats().value().durability);
}

TEST(Opening, TheDurabilityMayChangeWhenNobodyHasTheStoreOpen) {
  TempDir dir;
  const std::string path = dir.file("store");
  for (const Durability wish : {Durability::kNone, Durability::kCheckpoint, Durability::kNone}) {
    Options options = small_options();
    options.durability = wish;
    const Store store = Store::open(path, options).value();
    EXPECT_EQ(wish, store.stats().value().durability);
  }
  const Store store = Store::open(path).value();
  EXPECT_EQ(Durability::kCheckpoint, store.stats().value().durability) << "the default";
}

TEST(Opening, DeadProcessesDoNotCountAsOthers) {
  TempDir dir;
  const std::string path = dir.file("store");
  { ASSERT_OK(Store::open(path, small_options())); }
  for (int round = 0; round < (kSanitized ? 5 : 20); ++round) {
    Child child([&] {
      Result<Store> store = Store::open(path);
      if (!store || !store->put("key" + std::to_string(round), "value").ok()) return 2;
      raise(SIGKILL);
      return 3;
    });
    ASSERT_TRUE(child.wait().killed());

    Result<Store> alone = Store::open(path, with_mode({}, Mode::kExclusive));

    ASSERT_OK(alone);
    ASSERT_EQ(static_cast<std::uint64_t>(round + 1), alone->size().value());
  }
}

}  // namespace
}  // namespace hmap::test
