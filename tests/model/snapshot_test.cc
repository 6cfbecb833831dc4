// A snapshot is the store at one moment, whatever is written afterwards.
#include "hmap/snapshot.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <iterator>
#include <thread>

#include "child.h"
#include "sanitized.h"
#include "seeds.h"
#include "shared_memory.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kRounds = kSanitized ? 2 : 6;

// Everything a snapshot says, by iteration; fails on a key that comes twice.
Contents contents_of(const Snapshot& snapshot) {
  Contents found;
  Cursor cursor = snapshot.cursor().value();
  while (true) {
    Result<std::optional<Entry>> entry = cursor.next();
    EXPECT_TRUE(entry.has_value()) << entry.error();
    if (!entry || !entry->has_value()) return found;
    EXPECT_TRUE(found.emplace((*entry)->key, (*entry)->value).second) << (*entry)->key;
  }
}

struct Kept {
  Snapshot snapshot;
  Contents model;
};

// Random writes beside snapshots that come and go.
class History {
 public:
  History(const std::string& path, const Options& options, std::uint64_t seed)
      : store_(Store::open(path, options).value()), random_(seed) {}

  void step(std::uint64_t n) {
    const std::uint64_t dice = random_.below(1'000);
    const std::string key = "key " + std::to_string(random_.below(300));
    if (dice < 1) {
      ASSERT_OK(store_.clear());
      model_.clear();
    } else if (dice < 20) {
      ASSERT_OK(store_.checkpoint());
    } else if (dice < 40) {
      take();
    } else if (dice < 60) {
      drop();
    } else if (dice < 330) {
      ASSERT_EQ(model_.erase(key) != 0, store_.erase(key).value());
    } else {
      const std::string value =
          value_of(n, dice < 985 ? random_.below(120) : random_.below(20'000));
      ASSERT_OK(store_.put(key, value));
      model_[key] = value;
    }
    if (!kept_.empty()) look_up(kept_[random_.below(kept_.size())]);
  }

  void check_all() {
    for (const Kept& kept : kept_) check(kept);
    EXPECT_TRUE(model_ == contents(store_));
  }

  [[nodiscard]] std::uint64_t checked() const { return checked_; }
  [[nodiscard]] Stats stats() const { return store_.stats().value(); }
  void drop_all() { kept_.clear(); }
  Store& store() { return store_; }

 private:
  void take() {
    if (kept_.size() == 12) return drop();
    kept_.push_back({store_.snapshot().value(), model_});
  }
  void drop() {
    if (kept_.empty()) return;
    const auto at = kept_.begin() + static_cast<long>(random_.below(kept_.size()));
    check(*at);
    kept_.erase(at);
  }
  void check(const Kept& kept) {
    EXPECT_TRUE(kept.model == contents_of(kept.snapshot)) << "epoch " << kept.snapshot.epoch();
    EXPECT_EQ(kept.model.size(), kept.snapshot.size().value());
    ++checked_;
  }
  void look_up(const Kept& kept) {
    const std::string key = "key " + std::to_string(random_.below(300));
    const auto expected = kept.model.find(key);
    const std::optional<std::string> found = kept.snapshot.get(key).value();
    ASSERT_EQ(expected != kept.model.end(), found.has_value()) << key;
    if (found) {
      ASSERT_TRUE(expected->second == *found) << key;
    }
  }

  Store store_;
  Random random_;
  Contents model_;
  std::deque<Kept> kept_;
  std::uint64_t checked_ = 0;
};

TEST(Snapshots, KeepTheirMomentThroughEverythingWritten) {
  const std::uint64_t seed = test_seed();
  std::uint64_t checked = 0;
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    TempDir dir(TempDir::Where::kMemory);
    Options options = quiet_options();
    options.shard_bits = round % 2 == 0 ? 0 : 2;
    History history(dir.file("store"), options, mix(seed) + round);
    for (std::uint64_t n = 0; n < 6'000; ++n) {
      history.step(n);
      if (HasFatalFailure()) return;
    }
    history.check_all();
    if (HasFailure()) return;
    checked += history.checked();
  }
  EXPECT_GT(checked, 50 * kRounds);
}

TEST(Snapshots, GiveBackWhatTheyHeld) {
  TempDir dir(TempDir::Where::kMemory);
  Store store = Store::open(dir.file("store"), quiet_options()).value();
  std::uint64_t after_first = 0;
  for (int round = 0; round < 200; ++round) {
    {
      const Snapshot snapshot = store.snapshot().value();
      for (std::uint64_t i = 0; i < 300; ++i)
        ASSERT_OK(store.put("key " + std::to_string(i), value_of(i, 90)));
      ASSERT_OK(store.checkpoint());
      for (std::uint64_t i = 0; i < 300; ++i)
        ASSERT_OK(store.put("key " + std::to_string(i), value_of(i, 80)));
    }
    ASSERT_OK(store.checkpoint());
    if (round == 50) after_first = store.stats().value().file_bytes;
  }
  EXPECT_LE(store.stats().value().file_bytes, after_first + after_first / 8);
}

TEST(Snapshots, SeeAllShardsAtOneMoment) {
  TempDir dir(TempDir::Where::kMemory);
  Options options = quiet_options();
  options.shard_bits = 3;
  const std::string path = dir.file("store");
  Store store = Store::open(path, options).value();
  Shared<std::atomic<bool>> stop;
  Child writer([&] {
    Store mine = Store::open(path, options).value();
    for (int n = 1; !*stop; ++n) {
      for (int k = 0; k < 16; ++k) {
        if (!mine.put("key " + std::to_string(k), std::to_string(n)).ok()) return 2;
      }
    }
    return 0;
  });
  int moved = 0;
  const auto start = Clock::now();
  while (moved < 100) {
    ASSERT_LT(Clock::now() - start, Milliseconds(60'000)) << "the writer is never met in a round";
    const Snapshot snapshot = store.snapshot().value();
    std::vector<int> seen;
    for (int k = 0; k < 16; ++k) {
      const std::optional<std::string> value = snapshot.get("key " + std::to_string(k)).value();
      seen.push_back(value ? std::stoi(*value) : 0);
    }
    // The writer goes round: what comes later in the round is as new, or one older.
    for (std::size_t k = 1; k < 16; ++k) {
      ASSERT_LE(seen[k], seen[k - 1]);
      ASSERT_GE(seen[k], seen[0] - 1);
    }
    moved += seen[0] != seen[15] ? 1 : 0;
  }
  *stop = true;
  EXPECT_TRUE(writer.wait().exited(0));
}

TEST(Snapshots, AreRefusedWhereTheyCannotBe) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  Store store = Store::open(path, quiet_options()).value();
  ASSERT_OK(store.put("key", "value"));
  EXPECT_CODE(Code::kReadOnly,
              Store::open(path, with_mode(quiet_options(), Mode::kReadOnly)).value().snapshot());

  std::vector<Snapshot> all;
  for (int i = 0; i < 12; ++i) all.push_back(store.snapshot().value());
  EXPECT_CODE(Code::kTooManySnapshots, store.snapshot());
  EXPECT_OK(store.put("key", "new"));
  EXPECT_EQ("value", all.back().get("key").value());
  all.pop_back();
  EXPECT_OK(store.snapshot());

  Snapshot moved = std::move(all[0]);
  EXPECT_CODE(Code::kClosed, all[0].get("key"));
  EXPECT_CODE(Code::kInvalidArgument, moved.get(std::string(70'000, 'k')));
  Child child([&] { return moved.get("key").error().code() == Code::kForked ? 0 : 1; });
  EXPECT_TRUE(child.wait().exited(0));
  EXPECT_EQ("value", moved.get("key").value()) << "the child must not have ended it";
  ASSERT_OK(store.close());
  EXPECT_CODE(Code::kClosed, moved.get("key"));
}

TEST(Snapshots, OfTheDeadHoldNothingBack) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  Store store = Store::open(path, quiet_options()).value();
  for (std::uint64_t i = 0; i < 200; ++i)
    ASSERT_OK(store.put("key " + std::to_string(i), value_of(i, 100)));
  Child child([&] {
    Store mine = Store::open(path, quiet_options()).value();
    std::vector<Snapshot> all;
    for (int i = 0; i < 12; ++i) all.push_back(mine.snapshot().value());
    raise(SIGKILL);
    return 1;
  });
  ASSERT_TRUE(child.wait().killed());

  EXPECT_OK(store.snapshot());
  ASSERT_OK(store.clear());
  ASSERT_OK(store.put("key", "value"));
  ASSERT_OK(store.checkpoint());
  ASSERT_OK(store.put("key", "value"));
  ASSERT_OK(store.checkpoint());
  EXPECT_EQ(0U, store.stats().value().retired_bytes);
}

}  // namespace
}  // namespace hmap::test
