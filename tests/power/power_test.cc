// The power fails at any moment, and the disk holds any mixture of what was stored since the last
// flush: the store is exactly as at its last completed checkpoint, or at the one being completed.
//
// A history is a few lives of one store. Each is run once and recorded (life.h); then the power is
// cut at every event of its checkpoints, closings and openings and at some others, each time with a
// dozen and more mixtures of old and new sectors (device.h), and each image is opened and compared
// (judge.h). One of the images is what the next life begins with: so recovery is cut off, too.
//
// HMAP_POWER_IMAGES: about how many images are judged; from a million on, at every single event of
// all checkpoints and openings, and with all subsets of more sectors.
// HMAP_TEST_SEED repeats a run. A failure names its image in variables to be set: with all of them
// only that image is judged; without HMAP_POWER_SELECTION all of that cut.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "../compress/texts.h"
#include "child.h"
#include "explorer.h"
#include "life.h"
#include "progress.h"
#include "sanitized.h"
#include "system_calls.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kImages = kSanitized ? 15'000 : 200'000;
constexpr std::uint64_t kLives = 3;
constexpr Effort kThorough{.ordinary_cuts = 400, .later_stride = 1, .all_subsets_of = 10};

// The scenarios of the process tests by turns, and every third time random steps.
const Scenario* scenario_of(std::uint64_t history) {
  if (history % 3 == 2) return nullptr;
  return &scenarios()[(history - history / 3) % scenarios().size()];
}

// What keys and values of the random histories are, by turns: records, compressed values, pairs
// that lie in the buckets.
void choose_shape(std::uint64_t turn, Options& options) {
  switch (turn % 5) {
    case 0:
      options.type = fixed_type(8, 8);
      break;
    case 2:
      options = compressing(options, texts_dictionary());
      break;
    case 3:
      options.type = fixed_type(3, 5);
      break;
    default:
      break;
  }
}

Options options_of(std::uint64_t history) {
  Options options = quiet_options();
  options.geometry = {.block_bytes = 512, .extent_bytes = 4096, .slots = 4, .intent_words = 224};
  options.window_bytes = MemoryFile::kWindow;
  if (history % 4 == 3) options.durability = Durability::kCheckpoint;
  if (scenario_of(history) == nullptr) {
    // The scenarios know the buckets of a single shard with the smallest of arrays.
    if (history % 2 == 0) options.shard_bits = 1;
    // Many blocks of buckets, some of which are touched after a checkpoint for the first time.
    if (history % 9 != 2) options.expected_entries = 700;
    choose_shape(history / 3, options);
  }
  // Nothing happens in the background: what others do meanwhile is part of the history.
  options.checkpoint_interval = std::chrono::hours(1);
  return options;
}

class Power : public ::testing::Test {
 protected:
  // One store from its creation through its lives.
  void run_history(std::uint64_t history, const Lies& lies, std::uint64_t lives,
                   const Coordinates* only = nullptr) {
    const std::uint64_t seed = mix(seed_ ^ mix(history));
    const Options options = options_of(history);
    const Scenario* scenario = scenario_of(history);
    fix_library_randomness(seed);
    Explorer explorer(options, lies, effort_, totals_);
    Remains remains{new_store_image(options), 0};
    Truth truth = first_truth(remains.image);
    for (std::uint64_t life = 0; life < lives; ++life) {
      watchdog_.feed(Milliseconds(300'000));
      if (life > 0 && totals_.bad.empty() && !progress_.has_time(totals_.images)) return;
      const std::uint64_t life_seed = mix(seed + life);
      const std::string image = std::move(remains.image);
      Life lived(
          {life_seed, static_cast<unsigned>(life + 1), options, life == 0 ? scenario : nullptr},
          image, remains.model, truth, seen_);
      ASSERT_EQ("", lived.run()) << "history " << history << " life " << life;
      const Coordinates where{history, life, {}, {}};
      remains = explorer.explore(lived, image, truth, life_seed, where, only);
      if (HasFailure()) return;
    }
  }

  static Truth first_truth(const std::string& image) {
    Truth truth;
    truth.models.emplace_back();
    const std::uint64_t root = layout_of(image).root_offset(0);
    truth.roots[image.substr(root, sizeof(format::Root))] = {1, 0};
    return truth;
  }

  void report_bad() {
    for (std::size_t i = 0; i < totals_.bad.size() && i < 5; ++i) {
      ADD_FAILURE() << "HMAP_POWER_IMAGES=" << wanted_ << " HMAP_TEST_SEED=" << seed_ << " "
                    << totals_.bad[i];
    }
  }

  void print(std::uint64_t histories, Clock::time_point start) const {
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    std::printf("%llu images at %llu cuts in %llu histories, %.1f s, %.0f images/s\n",
                static_cast<unsigned long long>(totals_.images),
                static_cast<unsigned long long>(totals_.cuts),
                static_cast<unsigned long long>(histories), seconds,
                static_cast<double>(totals_.images) / seconds);
    std::printf("roots torn in %llu, new and not yet flushed in %llu; recovery cut off in %llu\n",
                static_cast<unsigned long long>(totals_.torn_roots),
                static_cast<unsigned long long>(totals_.new_roots),
                static_cast<unsigned long long>(totals_.double_cuts));
    std::printf(
        "checkpoints %llu: growing %llu, to the same size %llu, overflow %llu; compactions %llu, "
        "ended in a halving %llu; writes meanwhile %llu, large %llu, clears %llu, reopenings %llu, "
        "poisonings %llu\n",
        static_cast<unsigned long long>(seen_.checkpoints),
        static_cast<unsigned long long>(seen_.growing),
        static_cast<unsigned long long>(seen_.growing_same_size),
        static_cast<unsigned long long>(seen_.overflowing),
        static_cast<unsigned long long>(seen_.compactions),
        static_cast<unsigned long long>(seen_.growing_half_size),
        static_cast<unsigned long long>(seen_.meanwhile),
        static_cast<unsigned long long>(seen_.large), static_cast<unsigned long long>(seen_.clears),
        static_cast<unsigned long long>(seen_.reopenings),
        static_cast<unsigned long long>(seen_.poisonings));
    std::printf("with inline slots %llu, of these growing %llu; with compressed values %llu\n",
                static_cast<unsigned long long>(seen_.inline_slots),
                static_cast<unsigned long long>(seen_.inline_slots_growing),
                static_cast<unsigned long long>(seen_.compressed));
  }

  // As many histories as it takes until an image is bad.
  void expect_found_out(const Lies& lies) {
    for (std::uint64_t history = 0; history < 12 && totals_.bad.empty(); ++history) {
      run_history(history, lies, 1);
      if (HasFailure()) return;
    }
    EXPECT_FALSE(totals_.bad.empty()) << "of " << totals_.images << " images none was bad";
    if (!totals_.bad.empty()) {
      std::printf("found out after %llu images: %s\n",
                  static_cast<unsigned long long>(totals_.images), totals_.bad[0].c_str());
    }
  }

  // A history that does not do what it is for cuts the power for nothing.
  void expect_all_seen(std::uint64_t histories) const {
    EXPECT_GT(totals_.torn_roots, 0U);
    EXPECT_GT(totals_.new_roots, 0U);
    EXPECT_GT(totals_.double_cuts, 0U);
    EXPECT_GT(seen_.meanwhile, 0U);
    if (histories < 12) return;
    EXPECT_GT(seen_.overflowing, 0U);
    EXPECT_GT(seen_.growing, 0U);
    EXPECT_GT(seen_.large, 0U);
    EXPECT_GT(seen_.clears, 0U);
    EXPECT_GT(seen_.reopenings, 0U);
    EXPECT_GT(seen_.poisonings, 0U);
    EXPECT_GT(seen_.inline_slots, 0U);
    EXPECT_GT(seen_.compressed, 0U);
    if (histories < 60) return;
    EXPECT_GT(seen_.growing_same_size, 0U);
    EXPECT_GT(seen_.inline_slots_growing, 0U);
    EXPECT_GT(seen_.growing_half_size, 0U);
  }

  Watchdog watchdog_;
  std::uint64_t wanted_ = environment_number("HMAP_POWER_IMAGES", kImages);
  Effort effort_ = wanted_ < 1'000'000 ? Effort{} : kThorough;
  std::uint64_t seed_ = test_seed();
  Progress progress_{"images", wanted_};
  Totals totals_;
  Seen seen_;
};

TEST_F(Power, CutAtAnyMomentLeavesExactlyACheckpoint) {
  tell_on_death();
  if (std::getenv("HMAP_POWER_HISTORY") != nullptr) {
    Coordinates only{environment_number("HMAP_POWER_HISTORY", 0),
                     environment_number("HMAP_POWER_LIFE", 0),
                     environment_number("HMAP_POWER_CUT", 0), std::nullopt};
    if (std::getenv("HMAP_POWER_SELECTION") != nullptr) {
      only.selection = environment_number("HMAP_POWER_SELECTION", 0);
    }
    run_history(only.history, {}, kLives, &only);
    EXPECT_GT(totals_.images, 0U) << "there is no such image";
    return report_bad();
  }
  const auto start = Clock::now();
  std::uint64_t histories = 0;
  while (progress_.goes_on(totals_.images) && totals_.bad.empty() && !HasFailure()) {
    run_history(histories, {}, kLives);
    ++histories;
  }
  print(histories, start);
  report_bad();
  const bool ended_early = totals_.images < wanted_;
  if (!HasFailure() && !ended_early) expect_all_seen(histories);
}

// The suite can fail: a disk that lies is found out.
TEST_F(Power, ADiskWhoseFlushesDoNothingIsFoundOut) {
  expect_found_out({.flushes_do_nothing = true, .roots_are_not_flushed = false});
}

TEST_F(Power, ADiskThatLosesFlushedRootsIsFoundOut) {
  expect_found_out({.flushes_do_nothing = false, .roots_are_not_flushed = true});
}

}  // namespace
}  // namespace hmap::test
