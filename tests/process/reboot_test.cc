// After a reboot the store is exactly its last checkpoint. The reboot is faked by another boot id,
// and by copies, whose live state counts for nothing either.
#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <iostream>
#include <optional>
#include <thread>

#include "child.h"
#include "flush_count.h"
#include "sanitized.h"
#include "seeds.h"
#include "shared_memory.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

// A store's whole life each, of 25 boots.
constexpr int kHistories = kSanitized ? 3 : 6;

// A deterministic history: operation n of a seed, on the model and on the store.
struct Operation {
  enum class Kind { kPut, kErase, kClear, kCheckpoint } kind;
  std::string key;
  std::string value;
};

Operation operation_at(std::uint64_t seed, std::uint64_t n) {
  Random random(mix(seed) + n);
  const std::uint64_t dice = random.below(1'000);
  const std::string key = "key " + std::to_string(random.below(200));
  if (dice < 2) return {Operation::Kind::kClear, {}, {}};
  if (dice < 22) return {Operation::Kind::kCheckpoint, {}, {}};
  if (dice < 300) return {Operation::Kind::kErase, key, {}};
  const std::uint64_t bytes = dice < 990 ? random.below(120) : random.below(20'000);
  return {Operation::Kind::kPut, key, value_of(n, bytes)};
}

Status perform(Store& store, const Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::kPut:
      return store.put(operation.key, operation.value);
    case Operation::Kind::kErase:
      return store.erase(operation.key).error();
    case Operation::Kind::kClear:
      return store.clear();
    default:
      return store.checkpoint();
  }
}

void perform(Contents& model, const Operation& operation) {
  switch (operation.kind) {
    case Operation::Kind::kPut:
      model[operation.key] = operation.value;
      break;
    case Operation::Kind::kErase:
      model.erase(operation.key);
      break;
    case Operation::Kind::kClear:
      model.clear();
      break;
    default:
      break;
  }
}

struct Board {
  std::atomic<std::uint64_t> begun;
  std::atomic<std::uint64_t> done;
};

// Goes on with a history in a child, from operation `from` on, and dies after `count` operations.
void live_and_die(const std::string& path, const Options& options, unsigned boot,
                  std::uint64_t seed, std::uint64_t from, std::uint64_t count, Board& board) {
  board.begun = board.done = from;
  Child child([&] {
    fake_reboot(boot);
    Result<Store> store = Store::open(path, options);
    if (!store) {
      std::cerr << store.error() << "\n";
      return 2;
    }
    for (std::uint64_t n = from; n < from + count; ++n) {
      board.begun = n + 1;
      if (!perform(*store, operation_at(seed, n)).ok()) return 3;
      board.done = n + 1;
    }
    raise(SIGKILL);
    return 4;
  });
  const Outcome outcome = child.wait();
  ASSERT_TRUE(outcome.killed()) << outcome;
}

Contents contents_after_reboot(const std::string& path, unsigned boot) {
  Contents found;
  fake_reboot(boot);
  Result<Store> store = Store::open(path, with_mode({}, Mode::kReadOnly));
  EXPECT_OK(store);
  if (store) {
    found = contents(*store);
    EXPECT_EQ(found.size(), store->size().value());
  }
  real_boot();
  return found;
}

TEST(Reboot, LeavesExactlyTheLastCheckpointWhateverCameAfterIt) {
  const std::uint64_t seed = test_seed();
  Random random(seed);
  for (int history = 0; history < kHistories; ++history) {
    TempDir dir(TempDir::Where::kMemory);
    const std::string path = dir.file("store");
    Options options = quiet_options();
    options.shard_bits = history % 3 == 2 ? 2 : 0;
    Shared<Board> board;
    Contents model;
    std::uint64_t from = random.below(1'000'000);

    for (unsigned boot = 1; boot <= 25; ++boot) {
      const std::uint64_t count = random.below(400);
      live_and_die(path, options, boot, seed, from, count, *board);
      if (HasFatalFailure()) return;
      Contents last = model;  // the state this boot began with is durable
      for (std::uint64_t n = from; n < from + count; ++n) {
        const Operation operation = operation_at(seed, n);
        perform(model, operation);
        if (operation.kind == Operation::Kind::kCheckpoint) last = model;
      }
      ASSERT_TRUE(last == contents_after_reboot(path, boot + 1))
          << "seed " << seed << " history " << history << " boot " << boot;
      model = last;
      from += count;
    }
  }
}

TEST(Reboot, WithAutomaticCheckpointsLeavesSomeStateTheStoreOnceHad) {
  const std::uint64_t seed = test_seed();
  TempDir dir;
  const std::string path = dir.file("store");
  Options options = small_options();
  options.checkpoint_interval = Milliseconds(5);
  Shared<Board> board;
  Contents model;
  std::uint64_t from = 0;
  std::uint64_t kept = 0;

  for (unsigned boot = 1; boot <= 12; ++boot) {
    live_and_die(path, options, boot, seed, from, 2'000, *board);
    if (HasFatalFailure()) return;
    const Contents found = contents_after_reboot(path, boot + 1);
    std::uint64_t at_least = from;
    std::optional<std::uint64_t> matches;
    for (std::uint64_t n = from; n <= from + 2'000; ++n) {
      if (n > from) {
        const Operation operation = operation_at(seed, n - 1);
        perform(model, operation);
        if (operation.kind == Operation::Kind::kCheckpoint) {
          at_least = n;
          matches.reset();
        }
      }
      if (model == found) matches = n;
    }
    ASSERT_TRUE(matches.has_value()) << "no state since operation " << at_least;
    kept += *matches - from;
    model = found;
    from += 2'000;
  }

  EXPECT_GT(kept, 1'000U);
}

TEST(Reboot, WithoutCheckpointsLeavesTheStoreAsItWasCreated) {
  TempDir dir;
  const std::string path = dir.file("store");
  Child child([&] {
    fake_reboot(1);
    Store store = Store::open(path, quiet_options()).value();
    for (int i = 0; i < 500; ++i) {
      if (!store.put("key " + std::to_string(i), "value").ok()) return 2;
    }
    raise(SIGKILL);
    return 3;
  });
  ASSERT_TRUE(child.wait().killed());

  EXPECT_EQ(500U, contents_after_reboot(path, 1).size()) << "killed, not rebooted";
  EXPECT_EQ(0U, contents_after_reboot(path, 2).size());
}

TEST(Reboot, AfterTheLastCloseLosesNothing) {
  for (const Durability durability : {Durability::kNone, Durability::kCheckpoint}) {
    TempDir dir;
    const std::string path = dir.file("store");
    Options options = small_options();
    options.durability = durability;
    options.checkpoint_interval = std::chrono::hours(1);
    Store first = Store::open(path, options).value();
    Store second = Store::open(path, options).value();
    ASSERT_OK(first.put("first", "value"));
    ASSERT_OK(first.close());
    ASSERT_OK(second.put("second", "value"));
    ASSERT_OK(second.close());

    EXPECT_EQ(2U, contents_after_reboot(path, 7).size());
  }
}

TEST(Reboot, TheLastCloseOfARemovedFileFlushesNothing) {
  for (const bool removed : {true, false}) {
    TempDir dir;
    const std::string path = dir.file("store");
    Options options = small_options();
    options.checkpoint_interval = std::chrono::hours(1);
    Store store = Store::open(path, options).value();
    ASSERT_OK(store.put("key", "value"));
    // With a second name it is still to be had.
    if (!removed) std::filesystem::create_hard_link(path, dir.file("second"));
    std::filesystem::remove(path);
    FlushCount::begin();
    ASSERT_OK(store.close());
    EXPECT_EQ(removed, FlushCount::end() == 0);
    if (!removed) {
      EXPECT_EQ(1U, contents_after_reboot(dir.file("second"), 7).size());
    }
  }
}

TEST(Reboot, TheBackgroundMakesAChangeDurableWithinTheInterval) {
  TempDir dir;
  const std::string path = dir.file("store");
  Options options = small_options();
  options.checkpoint_interval = Milliseconds(50);
  Store store = Store::open(path, options).value();
  ASSERT_OK(store.put("key", "value"));
  const std::uint64_t epoch = store.stats().value().epoch;

  const auto start = Clock::now();
  while (store.stats().value().durable_epoch < epoch) {
    ASSERT_LT(Clock::now() - start, Milliseconds(5'000)) << "no checkpoint was made";
    std::this_thread::sleep_for(Milliseconds(1));
  }

  copy_file(path, dir.file("copy"));
  EXPECT_VALUE(Store::open(dir.file("copy")).value(), "key", "value");
}

TEST(Reboot, ACopyOfALiveFileOpensAtItsLastCheckpoint) {
  TempDir dir;
  const std::string path = dir.file("store");
  Store store = Store::open(path, quiet_options()).value();
  for (int i = 0; i < 300; ++i) ASSERT_OK(store.put("key " + std::to_string(i), "old"));
  ASSERT_OK(store.sync());
  const Contents at_checkpoint = contents(store);
  for (int i = 100; i < 700; ++i) ASSERT_OK(store.put("key " + std::to_string(i), "new"));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(store.erase("key " + std::to_string(i)).value());

  for (const Mode mode : {Mode::kOpen, Mode::kReadOnly, Mode::kExclusive}) {
    copy_file(path, dir.file("copy"));
    Result<Store> copy = Store::open(dir.file("copy"), with_mode(quiet_options(), mode));
    ASSERT_OK(copy);
    EXPECT_TRUE(at_checkpoint == contents(*copy));
    EXPECT_EQ(300U, copy->size().value());
    if (mode == Mode::kReadOnly) continue;
    EXPECT_OK(copy->put("only in the copy", "value"));
    EXPECT_OK(copy->close());
  }

  EXPECT_EQ(650U, store.size().value());
  EXPECT_ABSENT(store, "only in the copy");
}

TEST(Reboot, DiscardingTheLiveStateIsLikeAPowerCutAndNeedsToBeAlone) {
  TempDir dir;
  const std::string path = dir.file("store");
  Options discard = quiet_options();
  discard.discard_live_state = true;
  Child child([&] {
    Store store = Store::open(path, quiet_options()).value();
    if (!store.put("durable", "value").ok() || !store.checkpoint().ok()) return 2;
    if (!store.put("live", "value").ok()) return 3;
    raise(SIGSTOP);
    return 4;
  });
  ASSERT_TRUE(child.wait().stopped());

  EXPECT_CODE(Code::kLockedExclusively, Store::open(path, discard));
  child.kill();
  Result<Store> store = Store::open(path, discard);

  ASSERT_OK(store);
  EXPECT_VALUE(*store, "durable", "value");
  EXPECT_ABSENT(*store, "live");
  EXPECT_EQ(1U, store->size().value());
}

TEST(Reboot, ACheckpointWithoutChangesIsNone) {
  TempDir dir;
  Store store = Store::open(dir.file("store"), quiet_options()).value();
  ASSERT_OK(store.put("key", "value"));
  ASSERT_OK(store.checkpoint());
  const std::uint64_t before = store.stats().value().checkpoints;

  for (int i = 0; i < 10; ++i) ASSERT_OK(store.checkpoint());

  EXPECT_EQ(before, store.stats().value().checkpoints);
  ASSERT_OK(store.put("key", "other"));
  ASSERT_OK(store.checkpoint());
  EXPECT_EQ(before + 1, store.stats().value().checkpoints);
}

}  // namespace
}  // namespace hmap::test
