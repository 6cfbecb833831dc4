// Processes that apply batches, read and take snapshots, and are killed and stopped meanwhile.
//
// Each writer owns a group of keys in all shards and writes all of them in every batch, with one
// version. So: a snapshot has one version of each group; whoever gets the keys of a group one after
// the other never sees a lower version than before; and nothing that was acknowledged is lost.
//
// HMAP_STORM_KILLS: how many (default 40). HMAP_TEST_SEED repeats a run.
#include <gtest/gtest.h>
#include <time.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstring>

#include "../commit/commit_options.h"
#include "child.h"
#include "hmap/batch.h"
#include "hmap/snapshot.h"
#include "progress.h"
#include "sanitized.h"
#include "shared_memory.h"
#include "stop_at.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kKills = kSanitized ? 20 : 40;

constexpr std::uint64_t kWriters = 2;
constexpr std::uint64_t kReaders = 2;  // one by get(), one by snapshots
constexpr std::uint64_t kProcesses = kWriters + kReaders;
constexpr std::uint64_t kKeys = 14;      // of a group
constexpr std::uint64_t kPassing = 200;  // other keys of a writer, put and erased along the way

struct Board {
  std::array<std::atomic<std::uint64_t>, kWriters> begun;         // version being written
  std::array<std::atomic<std::uint64_t>, kWriters> acknowledged;  // version written
  std::array<std::atomic<std::uint64_t>, kProcesses> progress;
};

struct StormPlan {
  std::string path;
  Options options;
};

// Below 100 a writer's group, behind that its passing keys.
std::string numbered_key(const StormPlan& plan, std::uint64_t writer, std::uint64_t number) {
  return key_of(plan.options.type, 1 + writer * 1'000 + number);
}
std::string group_key(const StormPlan& plan, std::uint64_t writer, std::uint64_t key) {
  return numbered_key(plan, writer, key);
}

// The version in front, a fill that depends on it behind; 0: not a whole value.
std::string versioned(const StormPlan& plan, std::uint64_t writer, std::uint64_t key,
                      std::uint64_t version) {
  const std::uint64_t stamp = mix(version * kWriters + writer) + key;
  std::string value = value_of(plan.options.type, stamp, 8 + stamp % 300);
  std::memcpy(value.data(), &version, sizeof version);
  return value;
}
std::uint64_t version_in(const StormPlan& plan, std::uint64_t writer, std::uint64_t key,
                         std::string_view value) {
  std::uint64_t version = 0;
  if (value.size() < sizeof version) return 0;
  std::memcpy(&version, value.data(), sizeof version);
  return value == versioned(plan, writer, key, version) ? version : 0;
}

int complain(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  return 1;
}

// The version of a group, all of whose keys must have it; an error text otherwise.
template <typename Source>
std::string group_version(const StormPlan& plan, const Source& source, std::uint64_t writer,
                          std::uint64_t& version) {
  for (std::uint64_t key = 0; key < kKeys; ++key) {
    const Result<std::optional<std::string>> value = source.get(group_key(plan, writer, key));
    if (!value) return "get: " + value.error().message();
    const std::uint64_t seen = value->has_value() ? version_in(plan, writer, key, **value) : 0;
    if (value->has_value() && seen == 0) return "a torn value of " + group_key(plan, writer, key);
    if (key == 0) version = seen;
    if (seen != version) {
      return group_key(plan, writer, key) + " has version " + std::to_string(seen) +
             ", others have " + std::to_string(version);
    }
  }
  return {};
}

Batch next_batch(const StormPlan& plan, std::uint64_t writer, std::uint64_t version,
                 Random& random) {
  Batch batch;
  for (std::uint64_t key = 0; key < kKeys; ++key)
    batch.put(group_key(plan, writer, key), versioned(plan, writer, key, version));
  for (std::uint64_t i = random.below(20); i > 0; --i) {
    const std::string key = numbered_key(plan, writer, 100 + random.below(kPassing));
    random.one_in(2) ? batch.erase(key)
                     : batch.put(key, value_of(plan.options.type, version, random.below(900)));
  }
  return batch;
}

int run_writer(const StormPlan& plan, Board& board, std::uint64_t writer, std::uint64_t seed) {
  Random random(seed);
  Result<Store> store = Store::open(plan.path, plan.options);
  if (!store) return complain("writer: open: " + store.error().message());
  // What the one before left in doubt is seen as it will be, for good.
  std::uint64_t version = 0;
  if (std::string wrong = group_version(plan, store->snapshot().value(), writer, version);
      !wrong.empty()) {
    return complain("after a death: " + wrong);
  }
  if (version < board.acknowledged[writer] || version > board.begun[writer])
    return complain("after a death: version " + std::to_string(version) + " of " +
                    std::to_string(board.acknowledged[writer]) + " to " +
                    std::to_string(board.begun[writer]));
  board.acknowledged[writer] = version;
  if (random.one_in(2)) StopAt::arm(random.between(1, 30'000), SIGKILL);
  for (;;) {
    const Batch batch = next_batch(plan, writer, ++version, random);
    board.begun[writer] = version;
    const Status status = store->apply(batch);
    if (!status.ok()) return complain("apply: " + status.message());
    board.acknowledged[writer] = version;
    board.progress[writer].fetch_add(1);
    if (!random.one_in(500)) continue;
    if (const Status s = store->checkpoint(); !s.ok())
      return complain("checkpoint: " + s.message());
  }
}

// Gets the keys of a group round and round: versions never fall.
int run_reader(const StormPlan& plan, Board& board, std::uint64_t seed) {
  Random random(seed);
  Result<Store> store = Store::open(plan.path, with_mode(plan.options, Mode::kReadOnly));
  if (!store) return complain("reader: open: " + store.error().message());
  std::array<std::uint64_t, kWriters> last{};
  for (;;) {
    const std::uint64_t writer = random.below(kWriters);
    for (std::uint64_t i = 0; i < kKeys; ++i) {
      const std::uint64_t key = random.below(kKeys);
      const std::uint64_t low = std::max(last[writer], board.acknowledged[writer].load());
      const auto value = store->get(group_key(plan, writer, key));
      const std::uint64_t high = board.begun[writer];
      if (!value) return complain("reader: get: " + value.error().message());
      const std::uint64_t version = value->has_value() ? version_in(plan, writer, key, **value) : 0;
      if (value->has_value() && version == 0) return complain("reader: a torn value");
      if (version < low || version > high) {
        return complain("reader: " + group_key(plan, writer, key) + " has version " +
                        std::to_string(version) + " of " + std::to_string(low) + " to " +
                        std::to_string(high));
      }
      last[writer] = version;
    }
    board.progress[kWriters].fetch_add(1);
  }
}

int run_snapshots(const StormPlan& plan, Board& board, std::uint64_t seed) {
  Random random(seed);
  Result<Store> store = Store::open(plan.path, plan.options);
  if (!store) return complain("snapshots: open: " + store.error().message());
  for (;;) {
    Result<Snapshot> snapshot = store->snapshot();
    if (!snapshot && snapshot.error().code() == Code::kBusy) continue;
    if (!snapshot) return complain("snapshot: " + snapshot.error().message());
    for (std::uint64_t writer = 0; writer < kWriters; ++writer) {
      std::uint64_t version = 0;
      const std::string wrong = group_version(plan, *snapshot, writer, version);
      if (!wrong.empty()) return complain("in a snapshot: " + wrong);
    }
    if (random.one_in(20)) {
      std::uint64_t entries = 0;
      for (const auto& entry : *snapshot) entries += entry.key.empty() ? 0 : 1;
      if (entries != snapshot->size().value()) return complain("a snapshot of another size");
    }
    board.progress[kWriters + 1].fetch_add(1);
  }
}

struct Kind {
  const char* name;
  bool commits;
  bool is_inline;  // keys and values lie in the buckets
};
constexpr Kind kKinds[] = {{"Records", false, false},
                           {"RecordsCommit", true, false},
                           {"Inline", false, true},
                           {"InlineCommit", true, true}};

class BatchStorm : public ::testing::TestWithParam<Kind> {
 protected:
  Child start(std::uint64_t process) {
    const std::uint64_t seed = random_.next();
    return Child([this, process, seed] {
      if (process < kWriters) return run_writer(plan_, *board_, process, seed);
      if (process == kWriters) return run_reader(plan_, *board_, seed);
      return run_snapshots(plan_, *board_, seed);
    });
  }

  static void pause(std::uint64_t microseconds) {
    const timespec time{0, static_cast<long>(microseconds) * 1'000};
    nanosleep(&time, nullptr);
  }

  // Those who died before a store of their own are replaced; nobody else ends.
  void replace_the_dead() {
    for (std::uint64_t process = 0; process < kProcesses; ++process) {
      const Outcome outcome = children_[process].poll();
      if (outcome == Outcome{}) continue;
      ASSERT_TRUE(outcome.killed() && process < kWriters)
          << "process " << process << " " << outcome;
      ++deaths_in_batches_;
      children_[process] = start(process);
    }
  }

  void strike() {
    const std::uint64_t victim = random_.below(kProcesses);
    Child& child = children_[victim];
    if (random_.one_in(4)) {  // the others go on beside one that stands still
      child.signal(SIGSTOP);
      pause(random_.below(20'000));
    }
    const Outcome outcome = child.kill();
    ASSERT_TRUE(outcome.killed()) << "process " << victim << " " << outcome;
    ++kills_;
    children_[victim] = start(victim);
  }

  void check_end(Store& store) {
    for (std::uint64_t writer = 0; writer < kWriters; ++writer) {
      std::uint64_t version = 0;
      ASSERT_EQ("", group_version(plan_, store, writer, version));
      ASSERT_GE(version, board_->acknowledged[writer].load());
      ASSERT_LE(version, board_->begun[writer].load());
    }
    const Result<VerifyReport> report = store.verify();
    ASSERT_OK(report);
    ASSERT_TRUE(report->clean()) << report->findings[0].text;
    ASSERT_EQ(contents(store).size(), store.size().value());
  }

  TempDir dir_{TempDir::Where::kMemory};
  StormPlan plan_;
  Random random_{test_seed()};
  Shared<Board> board_;
  std::vector<Child> children_;
  std::uint64_t kills_ = 0;
  std::uint64_t deaths_in_batches_ = 0;
};

TEST_P(BatchStorm, NeverShowsOrLosesHalfABatch) {
#if defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "forks beside the checkpointer's thread";
#endif
  const bool commits = GetParam().commits;
  plan_ = {dir_.file("store"), commits ? commit_options() : small_options()};
  if (GetParam().is_inline) plan_.options.type = fixed_type(8, 24);
  plan_.options.shard_bits = 2;
  plan_.options.geometry.slots = 16;
  plan_.options.checkpoint_interval = std::chrono::milliseconds(20);
  if (commits) plan_.options.log_bytes = 256 * 1024;
  { ASSERT_OK(Store::open(plan_.path, plan_.options)); }
  for (std::uint64_t process = 0; process < kProcesses; ++process)
    children_.push_back(start(process));
  const std::uint64_t wanted = environment_number("HMAP_STORM_KILLS", kKills);
  Progress progress("kills", wanted);
  while (progress.goes_on(kills_)) {
    pause(random_.below(random_.one_in(6) ? 2'000 : 60'000));
    replace_the_dead();
    if (HasFatalFailure()) return;
    strike();
    if (HasFatalFailure()) return;
  }
  children_.clear();

  if (commits) fake_reboot(1);  // what was acknowledged must be in the log
  Result<Store> store = Store::open(plan_.path, plan_.options);
  ASSERT_OK(store);
  check_end(*store);
  ASSERT_OK(store->close());
  real_boot();
  std::printf("%llu kills, %llu deaths in batches, %llu batches, %llu rounds, %llu snapshots\n",
              static_cast<unsigned long long>(kills_),
              static_cast<unsigned long long>(deaths_in_batches_),
              static_cast<unsigned long long>(board_->progress[0] + board_->progress[1]),
              static_cast<unsigned long long>(board_->progress[2]),
              static_cast<unsigned long long>(board_->progress[3]));
  EXPECT_GT(board_->progress[0] + board_->progress[1], kills_);
  EXPECT_GT(board_->progress[2].load(), kills_);
  EXPECT_GT(board_->progress[3].load(), kills_ / 2);
}

INSTANTIATE_TEST_SUITE_P(, BatchStorm, ::testing::ValuesIn(kKinds),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace hmap::test
