// The owner of a batch stopped, and then killed, just before every store of it; those who take over
// killed as well, again and again. Over one, two and several shards, with growth inside.
//
// Whoever reads beside the stopped one sees all of the batch or nothing; so does a snapshot, a
// checkpoint, the log of commits, and the next owner of any lock, and none of them ever sees
// nothing again once somebody has seen all.
//
// HMAP_BATCH_STRIDE=n looks at every n-th store only; HMAP_STOP_AT=k at the k-th only.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "../commit/commit_options.h"
#include "child.h"
#include "hmap/batch.h"
#include "hmap/snapshot.h"
#include "sanitized.h"
#include "seeds.h"
#include "stop_at.h"
#include "values.h"

namespace hmap::test {
namespace {

// One in so many stores is looked at where one or two shards take part; one in 5 times as many
// where more do, because each has as many stores, and a lock to be taken over. All of them:
// batch.long.DyingBatch.
constexpr std::uint64_t kStride = kSanitized ? 41 : 12;

// What a call may take that waits for nobody; a machine under load included.
constexpr Milliseconds kQuick{3'000};

struct Case {
  const char* name;
  int shard_bits;
  int entries;  // before the batch
  int puts;     // of the batch: half of them new keys
  int erasures;
  bool commits;                 // Durability::kCommit
  std::uint32_t key_bytes = 0;  // not 0: all keys and values have these lengths and lie in buckets
  std::uint32_t value_bytes = 0;
};

// 26 entries fill four buckets of one shard, so that the batch makes it grow; the others have room.
constexpr Case kCases[] = {
    {"OneShard", 0, 30, 6, 3, false},
    {"OneShardGrows", 0, 24, 12, 2, false},
    {"TwoShards", 1, 40, 8, 4, false},
    {"EightShards", 3, 90, 20, 8, false},
    {"EightShardsGrow", 3, 60, 60, 4, false},
    {"FourShardsCommit", 2, 40, 12, 4, true},
    {"TwoShardsInline", 1, 40, 8, 4, false, 8, 8},
    {"FourShardsInlineCommit", 2, 80, 40, 4, true, 3, 5},
};

class DyingBatch : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_THREAD__)
    GTEST_SKIP() << "forks beside the checkpointer's thread";
#endif
    const Case& tested = GetParam();
    options_ = tested.commits ? commit_options() : quiet_options();
    options_.shard_bits = tested.shard_bits;
    if (tested.key_bytes != 0) options_.type = fixed_type(tested.key_bytes, tested.value_bytes);
    {
      Store store = Store::open(dir_.file("template"), options_).value();
      for (int i = 0; i < tested.entries; ++i) {
        before_[key_of(i)] = value_of(options_.type, static_cast<std::uint64_t>(i), 30);
        ASSERT_OK(store.put(key_of(i), before_[key_of(i)]));
      }
      ASSERT_OK(store.close());
    }
    after_ = before_;
    for (int i = 0; i < tested.puts; ++i) {
      const std::string key = key_of(tested.entries + i - tested.puts / 2);
      const auto stamp = 1'000 + static_cast<std::uint64_t>(i);
      after_[key] = value_of(options_.type, stamp, i % 5 == 0 ? 500 : 20);
      batch_.put(key, after_[key]);
    }
    for (int i = 0; i < tested.erasures; ++i) {
      after_.erase(key_of(i));
      batch_.erase(key_of(i));
    }
  }

  [[nodiscard]] std::string key_of(int i) const {
    return test::key_of(options_.type, static_cast<std::uint64_t>(i));
  }

  // A fresh copy of the store, open in this process for writing and for reading.
  void open_copy() {
    reader_.reset();
    writer_.reset();
    copy_file(dir_.file("template"), path_);
    if (GetParam().commits) copy_file(log_of(dir_.file("template")), log_of(path_));
    Result<Store> writer = Store::open(path_, options_);
    ASSERT_OK(writer);
    writer_.emplace(*std::move(writer));
    Result<Store> reader = Store::open(path_, with_mode(options_, Mode::kReadOnly));
    ASSERT_OK(reader);
    reader_.emplace(*std::move(reader));
  }

  // A process that opens the store and raises `signal` before the `event`-th store of `act`.
  Child start(std::uint64_t event, int signal, const std::function<Status(Store&)>& act) {
    return Child([=, this] {
      Result<Store> store = Store::open(path_, options_);
      if (!store) return 2;
      StopAt::arm(event, signal);
      const Status status = act(*store);
      StopAt::disarm();
      return status.ok() ? 0 : 3;
    });
  }
  Child start_batch(std::uint64_t event, int signal) {
    return start(event, signal, [this](Store& store) { return store.apply(batch_); });
  }

  // 0: nothing of the batch, 1: all of it, -1: something else.
  int state_of(const Contents& found) const {
    return found == before_ ? 0 : found == after_ ? 1 : -1;
  }

  // By look-ups and by iteration.
  int state_seen_by(const Store& store) {
    Contents found;
    for (int i = 0; i < GetParam().entries + GetParam().puts; ++i) {
      if (const std::optional<std::string> value = value_in(store, key_of(i)))
        found[key_of(i)] = *value;
    }
    EXPECT_TRUE(found == contents(store)) << "look-ups and iteration disagree";
    return state_of(found);
  }

  // A read-only handle looks for damage beside the stopped or dead one.
  void expect_no_finding_by(const Store& store) {
    const Result<VerifyReport> report = store.verify();
    ASSERT_OK(report);
    EXPECT_TRUE(report->clean()) << report->findings[0].text;
  }

  int state_in_snapshot() {
    const Result<Snapshot> snapshot = writer_->snapshot();
    EXPECT_OK(snapshot);
    if (!snapshot) return -1;
    Contents found;
    for (const auto& [key, value] : *snapshot) found.emplace(key, value);
    EXPECT_EQ(found.size(), snapshot->size().value());
    return state_of(found);
  }

  // What another boot finds: the checkpoint just taken, or the log.
  int state_after_reboot() {
    copy_file(path_, dir_.file("rebooted"));
    if (GetParam().commits) copy_file(log_of(path_), log_of(dir_.file("rebooted")));
    const Result<Store> store = Store::open(dir_.file("rebooted"), options_);
    EXPECT_OK(store);
    if (!store) return -1;
    expect_no_finding_by(*store);
    return state_seen_by(*store);
  }

  // The record of a batch that has not happened may be in the log: behind its end for the living,
  // who write over it, but a power cut may keep it. What has happened is there in any case.
  int state_by_the_log() {
    const int rebooted = state_after_reboot();
    EXPECT_NE(-1, rebooted) << "half a batch in the log";
    const int state = state_seen_by(*writer_);
    EXPECT_GE(rebooted, state) << "the log lacks a batch that was seen";
    return state;
  }

  int state_by_a_checkpoint() {
    EXPECT_OK(writer_->checkpoint());
    return state_after_reboot();
  }

  // After the death: one of several ways in which others meet what is left. Returns the state.
  int go_on(std::uint64_t way) {
    const auto start = Clock::now();
    int state = -1;
    switch (way % 4) {
      case 0:
        state = state_in_snapshot();
        break;
      case 1:
        state = GetParam().commits ? state_by_the_log() : state_by_a_checkpoint();
        break;
      case 2: {  // a writer of one of the shards, then a reader of all of them
        const std::string key = key_of(500 + static_cast<int>(way % 400));
        EXPECT_OK(writer_->put(key, value_of(options_.type, way, 1)));
        EXPECT_TRUE(writer_->erase(key).value());
        state = state_seen_by(*reader_);
        break;
      }
      default: {  // the next batch
        Batch next;
        const std::string value = value_of(options_.type, way, 1);
        next.put(key_of(901), value);
        next.put(key_of(902), value);
        EXPECT_OK(writer_->apply(next));
        EXPECT_VALUE(*reader_, key_of(902), value);
        next.clear();
        next.erase(key_of(901));
        next.erase(key_of(902));
        EXPECT_OK(writer_->apply(next));
        state = state_seen_by(*reader_);
      }
    }
    EXPECT_LT(Clock::now() - start, kQuick) << "taking over took too long";
    return state;
  }

  // Everything done by now: the next ones see the same, and no damage; the batch can be applied.
  void finish(int state) {
    ASSERT_EQ(state, state_seen_by(*writer_));
    ASSERT_EQ(state, state_in_snapshot());
    expect_no_finding_by(*writer_);
    ASSERT_OK(writer_->apply(batch_));
    ASSERT_EQ(1, state_seen_by(*reader_));
    ASSERT_EQ(after_.size(), writer_->size().value());
    ASSERT_OK(writer_->checkpoint());
    ASSERT_EQ(1, state_after_reboot());
  }

  // Runs fn(event) until it says that the batch came through.
  void for_every_store(std::uint64_t first, std::uint64_t stride,
                       const std::function<bool(std::uint64_t)>& fn) {
    const std::uint64_t only = environment_number("HMAP_STOP_AT", 0);
    stride *= GetParam().shard_bits > 1 ? 5 : 1;
    stride = environment_number("HMAP_BATCH_STRIDE", stride);
    first = std::min(first, stride);
    bool came_through = false;
    std::uint64_t event = first;
    for (; !came_through; event += stride) {
      if (only != 0) event = only;
      SCOPED_TRACE("HMAP_STOP_AT=" + std::to_string(event));
      watchdog_.feed();
      came_through = fn(event);
      if (HasFailure() || only != 0) return;
      ASSERT_LT(event, 100'000U) << "the batch never comes through";
    }
    std::printf("%llu stores, one in %llu looked at\n", static_cast<unsigned long long>(event),
                static_cast<unsigned long long>(stride));
    EXPECT_GT(event, 50U) << "the hook is not called";
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  Options options_;
  Contents before_;
  Contents after_;
  Batch batch_;
  std::optional<Store> writer_;
  std::optional<Store> reader_;
};

TEST_P(DyingBatch, HasHappenedWhollyOrNotAtAllForEverybody) {
  Random random(test_seed());
  int seen[2] = {0, 0};
  for_every_store(1, kStride, [&](std::uint64_t event) {
    open_copy();
    Child child = start_batch(event, SIGSTOP);
    const Outcome outcome = child.wait();
    if (outcome.exited(0)) return true;
    EXPECT_TRUE(outcome.stopped()) << outcome;
    const auto start = Clock::now();
    const int beside = state_seen_by(*reader_);
    EXPECT_EQ(beside, state_seen_by(*writer_));
    expect_no_finding_by(*reader_);
    EXPECT_LT(Clock::now() - start, kQuick) << "a reader waited for the stopped owner";
    child.kill();

    const int state = go_on(random.next());

    EXPECT_NE(-1, state) << "half a batch";
    EXPECT_GE(state, beside) << "a batch that was seen has disappeared";
    ++seen[state == 1 ? 1 : 0];
    if (!HasFailure()) finish(state);
    return false;
  });
  EXPECT_GT(seen[0], 0);
  EXPECT_GT(seen[1], 0);
}

TEST_P(DyingBatch, IsFinishedThoughThoseWhoFinishItDieToo) {
  Random random(test_seed());
  const std::uint64_t stride = 2 * kStride;  // by chance other ones in each run
  for_every_store(random.between(1, stride), stride, [&](std::uint64_t event) {
    open_copy();
    Child first = start_batch(event, SIGKILL);
    const Outcome outcome = first.wait();
    if (outcome.exited(0)) return true;
    EXPECT_TRUE(outcome.killed()) << outcome;
    int before = state_seen_by(*reader_);
    EXPECT_NE(-1, before) << "half a batch beside the dead";
    for (int deaths = 0; deaths < 3; ++deaths) {
      const std::uint64_t at = random.between(1, deaths == 0 ? 150 : 40);
      const std::uint64_t way = random.below(3);
      SCOPED_TRACE("and another death at " + std::to_string(at));
      Child next = start(at, SIGKILL, [&](Store& store) {
        Batch other;
        other.erase(key_of(998));  // never there
        other.erase(key_of(999));
        return way == 0   ? store.apply(other)
               : way == 1 ? store.snapshot().error()
                          : store.checkpoint();
      });
      const Outcome second = next.wait();
      EXPECT_TRUE(second.killed() || second.exited(0)) << second;
      const int now = state_seen_by(*reader_);
      EXPECT_GE(now, before) << "a batch that was seen has disappeared";
      before = now;
    }
    const int state = go_on(random.next());
    EXPECT_GE(state, before) << "a batch that was seen has disappeared";
    if (!HasFailure()) finish(state);
    return false;
  });
}

// Of two owners who die the second wanted one shard only, so that marks of the first one's batch
// are still in the others: they mean nothing in the second one's, whether that happened or not.
TEST_P(DyingBatch, LeavesNoMarkToTheNextBatch) {
  Random random(test_seed());
  for_every_store(3, 4 * kStride, [&](std::uint64_t event) {
    open_copy();
    Child first = start_batch(event, SIGKILL);
    const Outcome outcome = first.wait();
    if (outcome.exited(0)) return true;
    EXPECT_TRUE(outcome.killed()) << outcome;
    const int before = state_seen_by(*reader_);
    Batch next;
    next.put(key_of(901), value_of(options_.type, event, 20));
    const std::uint64_t at = random.between(1, 60);
    SCOPED_TRACE("and another death at " + std::to_string(at));
    Child second = start(at, SIGKILL, [&](Store& store) { return store.apply(next); });
    const Outcome other = second.wait();
    EXPECT_TRUE(other.killed() || other.exited(0)) << other;
    Contents beside = contents(*reader_);
    beside.erase(key_of(901));
    EXPECT_GE(state_of(beside), before) << "a batch that was seen has disappeared";
    EXPECT_OK(writer_->erase(key_of(901)));
    const int state = state_in_snapshot();
    EXPECT_GE(state, before) << "half a batch, or less than was seen";
    if (!HasFailure()) finish(state);
    return false;
  });
}

// Nobody is left: the next to open the store is alone with what the dead one left.
TEST_P(DyingBatch, IsFinishedByTheNextToOpenTheStore) {
  for_every_store(2, 4 * kStride, [&](std::uint64_t event) {
    open_copy();
    writer_.reset();
    reader_.reset();
    Child child = start_batch(event, SIGKILL);
    const Outcome outcome = child.wait();
    if (outcome.exited(0)) return true;
    EXPECT_TRUE(outcome.killed()) << outcome;
    Result<Store> reader = Store::open(path_, with_mode(options_, Mode::kReadOnly));
    EXPECT_OK(reader);
    const int beside = state_seen_by(*reader);
    EXPECT_NE(-1, beside) << "half a batch, nobody but the dead";
    reader_.emplace(*std::move(reader));
    Result<Store> writer = Store::open(path_, options_);
    EXPECT_OK(writer);
    writer_.emplace(*std::move(writer));
    const int state = state_seen_by(*writer_);
    EXPECT_GE(state, beside);
    EXPECT_EQ(state == 1 ? after_.size() : before_.size(), writer_->size().value());
    if (!HasFailure()) finish(state);
    return false;
  });
}

INSTANTIATE_TEST_SUITE_P(, DyingBatch, ::testing::ValuesIn(kCases),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace hmap::test
