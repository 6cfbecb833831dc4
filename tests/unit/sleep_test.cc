// Sleeping on a shared word: what ends it, and what does not.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>

#include "system/lock.h"

namespace hmap {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{60'000};

TEST(Sleep, EndsForItsReasonsOnly) {
  std::uint32_t word = 0;
  std::atomic<int> awake = 0;
  std::thread meant([&] {
    EXPECT_TRUE(sleep_while(word, 0, kLong, 1));
    ++awake;
  });
  std::thread other([&] {
    EXPECT_FALSE(sleep_while(word, 0, milliseconds(200), 2)) << "woken for what others wait for";
    ++awake;
  });
  while (awake < 2) {
    wake(word, kAllSleepers, 1);
    std::this_thread::sleep_for(milliseconds(1));
  }
  meant.join();
  other.join();
}

TEST(Sleep, DoesNotBeginWhereTheWordHasChanged) {
  std::uint32_t word = 1;
  EXPECT_TRUE(sleep_while(word, 0, kLong, kAnyReason));
}

TEST(Sleep, EndsWhenItsTimeIsOver) {
  std::uint32_t word = 0;
  EXPECT_FALSE(sleep_while(word, 0, milliseconds(1), kAnyReason));
  EXPECT_FALSE(sleep_while(word, 0, milliseconds(-1), kAnyReason));
}

}  // namespace
}  // namespace hmap
