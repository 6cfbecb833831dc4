// For whom a flush is kept back, and how long.
#include "life/gather.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <limits>
#include <thread>

namespace hmap {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;

class Gather : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kLocked = 1;

  // So many committers, all of whom wait.
  void arrive(int committers, std::uint64_t position) {
    for (int i = 0; i < committers; ++i) Gathering(log_, position).arrive();
  }
  // A flush up to `tail` that takes a moment; `late` committers come while it runs.
  void flush(std::uint64_t tail, int late = 0, std::uint64_t late_position = 0) {
    log_.flush_lock.word = kLocked;
    GatheredFlush flush(log_);
    flush.begin(tail);
    std::this_thread::sleep_for(milliseconds(1));
    arrive(late, late_position);
    flush.end();
    ++log_.flushes;
    log_.flush_lock.word = 0;
  }
  // So long as no test can take.
  void wait_for_ever() {
    if (log_.gather_until != 0) log_.gather_until = std::numeric_limits<std::uint64_t>::max();
  }
  nanoseconds left_for_one_more() {
    Gathering one(log_, 1'000);
    one.arrive();
    return one.left();
  }

  format::LogState log_{};
};

TEST_F(Gather, OneAloneWaitsForNobody) {
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(0, left_for_one_more().count());
    flush(1'000);
  }
  EXPECT_EQ(0U, log_.gather_until);
}

TEST_F(Gather, TheLastOneOfThoseReleasedDoesNotWait) {
  arrive(3, 10);
  flush(10);
  wait_for_ever();
  EXPECT_EQ(3U, log_.expected);
  EXPECT_GT(left_for_one_more().count(), 0);
  EXPECT_GT(left_for_one_more().count(), 0);
  EXPECT_EQ(0, left_for_one_more().count());
}

TEST_F(Gather, WhoComesWhileAFlushRunsIsWaitedForToo) {
  arrive(2, 10);
  flush(10, 3, 20);
  EXPECT_EQ(3U, log_.arrived);
  EXPECT_EQ(5U, log_.expected);
  flush(20);
  EXPECT_EQ(0U, log_.arrived);
  // With a record that this flush reaches, they are of those it releases.
  arrive(2, 30);
  flush(50, 3, 40);
  EXPECT_EQ(0U, log_.arrived);
  EXPECT_EQ(5U, log_.expected);
}

TEST_F(Gather, NobodyWaitsWhileTheFlushRuns) {
  arrive(3, 10);
  flush(10);
  wait_for_ever();
  log_.flush_lock.word = kLocked;
  EXPECT_EQ(0, left_for_one_more().count()) << "it waits for the end of that";
}

TEST_F(Gather, ItEndsByTheClock) {
  arrive(3, 10);
  flush(10);
  ASSERT_NE(0U, log_.gather_until);
  log_.gather_until = 1;
  EXPECT_EQ(0, left_for_one_more().count());
  wait_for_ever();
  Gathering one(log_, 20);
  one.arrive();
  EXPECT_GT(one.left().count(), 0);
  // Whatever stands there, and whatever else ended its sleep.
  std::this_thread::sleep_for(milliseconds(3));
  EXPECT_EQ(0, one.left().count());
}

TEST_F(Gather, TheFirstOneLooksAtTheClockForAll) {
  arrive(4, 10);
  flush(10);
  wait_for_ever();
  const nanoseconds first = left_for_one_more();
  Gathering second(log_, 1'000);
  second.arrive();
  EXPECT_GT(second.left(), first);
  second.called();
  EXPECT_EQ(second.left(), first);
}

TEST_F(Gather, ThoseWhoDoNotComeBackAreWaitedForSeldom) {
  int waits = 0;
  constexpr int kFlushes = 256;
  for (int i = 0; i < kFlushes; ++i) {
    // Of two, one comes back while the next flush runs, and no other one ever does.
    arrive(i == 0 ? 2 : 0, 10);
    flush(10, 1, 20);
    waits += log_.gather_until != 0 ? 1 : 0;
  }
  EXPECT_GT(waits, 0);
  EXPECT_LT(waits, 12);
  // They do: at once again, and at every flush.
  log_.flushes = 64;
  arrive(1, 30);
  flush(30);
  ASSERT_NE(0U, log_.gather_until);
  arrive(2, 40);
  flush(40);
  EXPECT_EQ(0U, log_.in_vain);
  EXPECT_NE(0U, log_.gather_until);
}

TEST_F(Gather, HostileWordsKeepNobodyForLong) {
  std::memset(static_cast<void*>(&log_), 0xff, sizeof log_);
  log_.flush_lock.word = 0;
  log_.arrived = 0;
  EXPECT_LE(left_for_one_more(), milliseconds(2));
  EXPECT_LE(left_for_one_more(), milliseconds(2));
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  flush(10);
  EXPECT_LE(log_.flush_us, 1'000U);
  EXPECT_LE(log_.in_vain, 6U);
  EXPECT_LT(log_.gather_until, static_cast<std::uint64_t>(nanoseconds(now).count()) * 2);
}

}  // namespace
}  // namespace hmap
