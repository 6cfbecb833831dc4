// Death while the row of a large record is dropped that never became reachable, between the sweep
// of a checkpoint, which finds its owner alive, and its cut, with which others may have the extents
// that he had freed by then. What he left is swept by later checkpoints, beside those others.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdio>
#include <memory>
#include <optional>

#include "child.h"
#include "format/hash.h"
#include "hmap/verify.h"
#include "life/checkpoint.h"
#include "life/open.h"
#include "map/hmap.h"
#include "stop_at.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr Milliseconds kSweepPatience{5'000};
// Ten extents of 4 KiB, so that its words lie in two blocks of the extent table; and what begins
// with the words of the first block only.
constexpr std::size_t kDropped = 9 * 4'096;
constexpr std::size_t kShort = 3 * 4'096;
constexpr std::uint64_t kExtentsBefore = 60;

const void* address;         // where the next event is waited for
std::optional<Child> dying;  // who drops his row

Result<bool> put_large(Session& session, const std::string& key, const std::string& value,
                       PutMode mode = PutMode::kPut, int note = 0) {
  Engine& engine = session.engine;
  return put_entry(engine, key, hash_key(key, engine.store_seed), {value}, mode,
                   &engine.slot(session.slot).notes[note]);
}

class DroppedRow : public ::testing::Test {
 protected:
  void SetUp() override {
    Session& session = open(past_);
    const std::uint64_t end = session.engine.runtime->extents_end;
    ASSERT_LT(end, kExtentsBefore);
    // What is taken from here on is freed by nobody, so the row follows behind it.
    const std::string filler((kExtentsBefore - end - 2) * 4'096, 'f');
    ASSERT_TRUE(put_large(session, "filler", filler).value());
    ASSERT_OK(checkpoint(session.engine, kSweepPatience));
    ASSERT_OK(close_session(session));
    session_.reset();
  }
  void TearDown() override {
    seam::hook.store(nullptr);
    dying.reset();
  }

  Session& open(const std::string& path) {
    session_ = open_session(path, quiet_options()).value();
    return *session_;
  }

  // Somebody whose record is not written, because there is one, dies before event `event` of that,
  // in a checkpoint of ours between the sweep and the cut. False if he came through before.
  bool die_between_sweep_and_cut(std::uint64_t event) {
    copy_file(past_, path_);
    Engine& engine = open(path_).engine;
    dying.emplace([&] {
      const auto own = open_session(path_, quiet_options()).value();
      StopAt::arm(event, SIGSTOP);
      const Result<bool> put =
          put_large(*own, "filler", std::string(kDropped, 'd'), PutMode::kInsert);
      StopAt::disarm();
      return put && !*put ? 0 : 1;
    });
    const Outcome outcome = dying->wait();
    EXPECT_TRUE(outcome.stopped() || outcome.exited(0)) << outcome;
    address = &engine.domain(0).lock.word;
    seam::hook.store([](seam::Event, const void* at, std::size_t) {
      if (at != address || !dying->running()) return;
      EXPECT_TRUE(dying->kill().killed());
    });
    if (outcome.stopped()) {
      EXPECT_OK(checkpoint(engine, kSweepPatience));
    }
    seam::hook.store(nullptr);
    return outcome.stopped();
  }

  // Nothing but what was acknowledged is there, and all of that.
  void expect(const Contents& written) {
    ASSERT_OK(close_session(*session_));
    session_.reset();
    Store store = Store::open(path_, quiet_options()).value();
    // Not printed: some are long.
    for (const auto& [key, value] : written) EXPECT_TRUE(value == value_in(store, key)) << key;
    const VerifyReport report = store.verify().value();
    EXPECT_TRUE(report.clean()) << report.findings[0].text;
  }

  // Records that take every extent that counts as free, with checkpoints that sweep.
  void take_what_is_free(const std::string& name, Contents& written) {
    for (int i = 0; i < 6; ++i) {
      const std::string key = name + std::to_string(i);
      written[key] = value_of(static_cast<std::uint64_t>(i), kShort);
      ASSERT_TRUE(put_large(*session_, key, written[key], PutMode::kPut, 1).value());
      if (i > 2) {
        ASSERT_OK(checkpoint(session_->engine, kSweepPatience));
      }
    }
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  const std::string past_ = dir_.file("past");
  const std::string path_ = dir_.file("store");
  std::unique_ptr<Session> session_;
};

TEST_F(DroppedRow, IsNeverSweptWithWhatOthersWroteThere) {
  std::uint64_t event = 1;
  for (; die_between_sweep_and_cut(event); ++event) {
    SCOPED_TRACE("death before event " + std::to_string(event));
    watchdog_.feed();
    Contents written;
    take_what_is_free("first ", written);
    take_what_is_free("second ", written);
    expect(written);
    if (HasFailure()) return;
  }
  std::printf("%llu deaths\n", static_cast<unsigned long long>(event - 1));
  EXPECT_GT(event, 60U);
}

// Whoever rebuilds from that cut frees what it finds of the row (F-25); so it is no damage.
TEST_F(DroppedRow, IsNoDamageInTheCutThatFindsItTorn) {
  const std::string cut = dir_.file("cut");
  std::uint64_t event = 1;
  for (; die_between_sweep_and_cut(event); ++event) {
    SCOPED_TRACE("death before event " + std::to_string(event));
    watchdog_.feed();
    copy_file(path_, cut);
    const VerifyReport report = Store::verify_file(cut).value();
    ASSERT_TRUE(report.clean()) << report.findings[0].text;
    Store store = Store::open(cut, quiet_options()).value();
    const VerifyReport after = store.verify().value();
    ASSERT_TRUE(after.clean()) << after.findings[0].text;
    ASSERT_OK(close_session(*session_));
    session_.reset();
  }
  EXPECT_GT(event, 60U);
}

// As long, in the same place, and pending itself when the note is swept.
TEST_F(DroppedRow, IsNeverSweptWithOneThatIsBeingWrittenThere) {
  for (std::uint64_t event = 1; die_between_sweep_and_cut(event); ++event) {
    SCOPED_TRACE("death before event " + std::to_string(event));
    watchdog_.feed();
    Contents written;
    written["being written"] = value_of(7, kDropped);
    // Before he takes the lock: his record is written, and noted.
    BeforeStore::to(&session_->engine.domain(0).lock.word, [&] {
      ASSERT_OK(checkpoint(session_->engine, kSweepPatience));
      ASSERT_OK(checkpoint(session_->engine, kSweepPatience));
      take_what_is_free("beside ", written);
    });
    ASSERT_TRUE(put_large(*session_, "being written", value_of(7, kDropped)).value());
    expect(written);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace hmap::test
