// A writer stopped, and then killed, just before every single store of every kind of write.
//
// Stopped: readers in another process finish, and see the state before the step or after it.
// Killed: another writer goes on at once, the step has happened or not, nothing else is touched,
// and whoever has seen the new state keeps seeing it.
//
// By chance another 17th of the stores in each run (with a second death another 85th):
// kill/prefix_test.cc looks at each one, with a death. HMAP_STOP_STRIDE=n looks at every n-th
// store, HMAP_STOP_AT=k at the k-th only.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <set>

#include "child.h"
#include "scenarios.h"
#include "seeds.h"
#include "shared_memory.h"
#include "stop_at.h"
#include "temp_file.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kStride = 17;

// What a call may take that waits for nobody; a machine under load included.
constexpr Milliseconds kQuick{3'000};

class StoppedWriter : public ::testing::TestWithParam<Scenario> {
 protected:
  void SetUp() override {
    prepared_ = prepare(GetParam(), dir_.file("template"));
    for (const Contents& state : prepared_.states) {
      for (const auto& [key, value] : state) universe_.insert(key);
    }
    universe_.insert("never there");
    ASSERT_FALSE(HasFailure()) << "the scenario could not be prepared";
  }

  // Runs fn for every event at which a writer can be interrupted, until the writer comes through.
  void for_every_store(Random& random, std::uint64_t stride,
                       const std::function<void(std::uint64_t)>& fn) {
    const std::uint64_t only = environment_number("HMAP_STOP_AT", 0);
    stride = environment_number("HMAP_STOP_STRIDE", stride);
    std::uint64_t event = random.between(1, stride);
    came_through_ = false;
    for (; !came_through_; event += stride) {
      if (only != 0) event = only;
      SCOPED_TRACE("HMAP_STOP_AT=" + std::to_string(event));
      watchdog_.feed();
      fn(event);
      if (HasFailure() || only != 0) return;
      ASSERT_LT(event, 100'000U) << "the writer never comes through";
    }
    std::printf("%llu stores, one in %llu looked at\n", static_cast<unsigned long long>(event),
                static_cast<unsigned long long>(stride));
    EXPECT_GT(event, 5 * prepared_.steps.size()) << "the hook is not called";
  }

  // A fresh copy of the prepared store, open in this process for writing and for reading.
  void open_copy() {
    reader_.reset();
    writer_.reset();
    copy_file(prepared_.path, path_);
    Result<Store> writer = Store::open(path_, quiet_options());
    ASSERT_OK(writer);
    writer_.emplace(*std::move(writer));
    Result<Store> reader = Store::open(path_, with_mode({}, Mode::kReadOnly));
    ASSERT_OK(reader);
    reader_.emplace(*std::move(reader));
    acknowledged_->store(0);
  }

  // A process that performs the steps and raises `signal` before its `event`-th store.
  Child start_writer(std::uint64_t event, int signal) {
    return Child([this, event, signal] {
      Result<Store> store = Store::open(path_, quiet_options());
      if (!store) return 2;
      StopAt::arm(event, signal);
      for (const Step& step : prepared_.steps) {
        if (!perform(*store, step).ok()) return 3;
        acknowledged_->fetch_add(1);
      }
      StopAt::disarm();
      return 0;
    });
  }

  // Which of the two possible states the store is in, by look-ups and by iteration; -1 if neither.
  int state_seen_by(const Store& store) {
    const Contents& before = prepared_.states[acknowledged_->load()];
    const Contents& after = prepared_.states[acknowledged_->load() + 1];
    Contents found;
    for (const std::string& key : universe_) {
      if (const std::optional<std::string> value = value_in(store, key)) found[key] = *value;
    }
    EXPECT_TRUE(found == contents(store)) << "look-ups and iteration disagree";
    if (found == after && found == before) return 2;
    return found == after ? 1 : found == before ? 0 : -1;
  }

  // Reads while the writer stands still. Returns whether the new state was seen.
  bool read_beside_the_stopped() {
    const auto start = Clock::now();
    const int by_reader = state_seen_by(*reader_);
    const int by_writer = state_seen_by(*writer_);
    EXPECT_NE(-1, by_reader) << "neither old nor new after " << acknowledged_->load() << " steps";
    EXPECT_EQ(by_reader, by_writer);
    EXPECT_LT(Clock::now() - start, kQuick) << "a reader waited for the stopped writer";
    return by_reader == 1;
  }

  // Goes on after the kill: a write at once, the rest of the steps, and a reopening.
  void go_on(bool new_state_was_seen) {
    const auto start = Clock::now();
    ASSERT_OK(writer_->put("another", "written by the next"));
    EXPECT_LT(Clock::now() - start, kQuick) << "taking over took too long";
    ASSERT_EQ("written by the next", value_in(*reader_, "another"));
    ASSERT_TRUE(writer_->erase("another").value());

    const int state = state_seen_by(*writer_);
    ASSERT_NE(-1, state) << "neither old nor new after " << acknowledged_->load() << " steps";
    ASSERT_FALSE(new_state_was_seen && state == 0) << "a state that was seen has disappeared";
    std::uint64_t done = acknowledged_->load() + (state == 0 ? 0 : 1);
    ASSERT_EQ(prepared_.states[done].size(), writer_->size().value());

    for (; done < prepared_.steps.size(); ++done) {
      ASSERT_OK(perform(*writer_, prepared_.steps[done]));
    }
    ASSERT_TRUE(prepared_.states.back() == contents(*reader_)) << "after the rest of the steps";
    check_after_reopening();
  }

  void check_after_reopening() {
    ASSERT_OK(writer_->close());
    reader_.reset();
    copy_file(path_, path_ + ".copy");  // as after a reboot: rebuilt from the durable state
    Result<Store> reopened = Store::open(path_ + ".copy", quiet_options());
    ASSERT_OK(reopened);
    ASSERT_TRUE(prepared_.states.back() == contents(*reopened)) << "after a reopening";
    ASSERT_EQ(prepared_.states.back().size(), reopened->size().value());
    ASSERT_OK(reopened->put("another", "once more"));
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  Prepared prepared_;
  std::set<std::string> universe_;
  std::optional<Store> writer_;
  std::optional<Store> reader_;
  Shared<std::atomic<std::uint64_t>> acknowledged_;
  bool came_through_ = false;
};

TEST_P(StoppedWriter, DelaysNoReaderAndItsDeathLosesNothing) {
  Random random(test_seed());
  for_every_store(random, kStride, [this](std::uint64_t event) {
    open_copy();
    const format::ShardHeader before = RawView(path_).shard();
    Child child = start_writer(event, SIGSTOP);
    const Outcome outcome = child.wait();
    if (outcome.exited(0)) {
      came_through_ = true;
      EXPECT_TRUE(GetParam().happened(before, RawView(path_).shard()))
          << "the steps did not do what the scenario is for";
      EXPECT_TRUE(prepared_.states.back() == contents(*reader_));
      return;
    }
    ASSERT_TRUE(outcome.stopped()) << outcome;

    const bool new_state_was_seen = read_beside_the_stopped();
    child.kill();

    go_on(new_state_was_seen);
  });
}

// The second one dies too, somewhere in taking over or in its own write.
TEST_P(StoppedWriter, MayBeFollowedByOneThatDiesWhileTakingOver) {
  Random random(test_seed());
  for_every_store(random, 5 * kStride, [&](std::uint64_t event) {
    open_copy();
    Child first = start_writer(event, SIGKILL);
    const Outcome outcome = first.wait();
    if (outcome.exited(0)) {
      came_through_ = true;
      return;
    }
    ASSERT_TRUE(outcome.killed()) << outcome;

    for (int deaths = 0; deaths < 2; ++deaths) {
      const std::uint64_t at = random.between(1, deaths == 0 ? 40 : 12);
      SCOPED_TRACE("and another death at " + std::to_string(at));
      Child second([&] {
        Result<Store> store = Store::open(path_, quiet_options());
        if (!store) return 2;
        StopAt::arm(at, SIGKILL);
        const bool done = store->put("another", "of the second").ok();
        return done ? 0 : 3;
      });
      const Outcome second_outcome = second.wait();
      ASSERT_TRUE(second_outcome.killed() || second_outcome.exited(0)) << second_outcome;
    }

    go_on(false);
  });
}

INSTANTIATE_TEST_SUITE_P(, StoppedWriter, ::testing::ValuesIn(scenarios()),
                         [](const auto& tested) { return std::string(tested.param.name); });

}  // namespace
}  // namespace hmap::test
