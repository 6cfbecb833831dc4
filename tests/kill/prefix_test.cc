// A process is killed before any of its stores: the next ones find the state before its call or
// after it, and go on.
//
// A writer's run is recorded store by store. What a kill leaves is a prefix of that, the lock words
// of the dead included; each prefix is made in memory, and an heir that had the store open all the
// time reads it, takes the locks over, writes, makes a checkpoint and verifies it. Some heirs die
// themselves at each of their stores (recovery killed while recovering); some open the store anew.
//
// All scripted histories are gone through, and the first of the random ones for each number of
// shards in each setting; then more random ones, until there are enough images.
//
// HMAP_KILL_IMAGES: about how many images are examined; from five million on, every heir dies, and
// below 300,000 it begins somewhere and does not come round.
// HMAP_TEST_SEED repeats a run; HMAP_KILL_HISTORY, and HMAP_KILL_WRITE in it, narrow it down.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "child.h"
#include "inquest.h"
#include "progress.h"
#include "sanitized.h"
#include "seeds.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kImages = 300'000;
constexpr std::uint64_t kDefaultImages = kSanitized ? 1'500 : kImages;
constexpr Care kThorough{
    .copies = 16, .second_deaths = 1, .openings = 16, .dead_openers = 400, .opener_stride = 1};

unsigned long long number(std::uint64_t n) { return n; }

void print(const Tally& tally, Clock::time_point start) {
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::printf("%llu images of %llu points in %llu calls of %llu histories, %.1f s\n",
              number(tally.images), number(tally.points), number(tally.calls),
              number(tally.histories), seconds);
  std::printf("second deaths %llu, openings %llu, dead openers %llu\n", number(tally.second_deaths),
              number(tally.openings), number(tally.dead_openers));
  std::printf(
      "%llu different files after the heirs' checkpoints; %.0f images a second of processor\n",
      number(tally.states),
      static_cast<double>(tally.images) * CLOCKS_PER_SEC / static_cast<double>(std::clock()));
}

class KillAtAnyStore : public ::testing::Test {
 protected:
  void hold(std::uint64_t history, std::uint64_t only = ~std::uint64_t{0}) {
    // With every heir dying, some histories take more than five minutes of a busy machine.
    watchdog_.feed(Milliseconds(care_.second_deaths == 1 ? 3'600'000 : 300'000));
    const Plot story = plot(history);
    const Tally before = tally_;
    Inquest inquest(care_, tally_);
    const std::string wrong = inquest.hold(story, mix(seed_ ^ mix(history)), only);
    const std::uint64_t points = tally_.points - before.points;
    const std::uint64_t images = tally_.images - before.images;
    std::printf("%3llu %-46s %6llu points %6llu images\n", number(history), story.name.c_str(),
                number(points), number(images));
    EXPECT_GT(points, 0U) << story.name;
    EXPECT_GT(images, 0U) << story.name;
    EXPECT_EQ("", wrong) << story.name << ": HMAP_TEST_SEED=" << seed_
                         << " HMAP_KILL_HISTORY=" << history;
  }

  Watchdog watchdog_;
  std::uint64_t wanted_ = environment_number("HMAP_KILL_IMAGES", kDefaultImages);
  Care care_ = wanted_ < 5'000'000 ? Care{} : kThorough;
  std::uint64_t seed_ = test_seed();
  Tally tally_;
};

TEST_F(KillAtAnyStore, LeavesTheStateBeforeOrAfter) {
  const auto start = Clock::now();
  if (std::getenv("HMAP_KILL_HISTORY") != nullptr) {
    hold(environment_number("HMAP_KILL_HISTORY", 0),
         environment_number("HMAP_KILL_WRITE", ~std::uint64_t{0}));
    return print(tally_, start);
  }
  const std::uint64_t all = scripted_plots() + kinds_of_random_plots();
  const bool is_short = wanted_ < kImages;
  const std::uint64_t first = is_short ? mix(seed_) % all : 0;
  const std::uint64_t least = is_short ? 0 : all;
  Progress progress("images", wanted_);
  for (std::uint64_t i = 0; (tally_.images < wanted_ || i < least) && !HasFailure(); ++i) {
    if (!progress.has_time(tally_.images)) break;
    hold(i < all ? (first + i) % all : i);
  }
  print(tally_, start);
}

}  // namespace
}  // namespace hmap::test
