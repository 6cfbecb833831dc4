// Four processes on one store, one after the other killed at a random moment and replaced.
//
// HMAP_STORM_KILLS: kills per store (default: some hundreds in all; the long run: 5,000).
#include <gtest/gtest.h>

#include "storm.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

void weather(StormPlan plan, TempDir::Where where) {
  TempDir dir(where);
  plan.path = dir.file("store");
  plan.options.size_limit = std::uint64_t{1} << 30;
  plan.kills = environment_number("HMAP_STORM_KILLS", plan.kills);
  plan.options.checkpoint_interval = Milliseconds(20);
  Watchdog watchdog(Milliseconds(60'000 + plan.kills * 1'000));
  Storm storm(plan, test_seed());
  storm.run();
}

TEST(KillStorm, LosesNothingInASmallStoreOfOneShard) {
  StormPlan plan;
  plan.options = small_options();
  weather(plan, TempDir::Where::kMemory);
}

TEST(KillStorm, LosesNothingInAGrowingStoreOfOneShard) {
  StormPlan plan;
  plan.options = small_options();
  plan.options.geometry.extent_bytes = 2048;
  plan.keys = 4'000;
  plan.kills = 70;
  weather(plan, TempDir::Where::kMemory);
}

TEST(KillStorm, LosesNothingInAStoreOfFourShards) {
  StormPlan plan;
  plan.options = small_options();
  plan.options.shard_bits = 2;
  plan.keys = 40;
  plan.kills = 70;
  weather(plan, TempDir::Where::kMemory);
}

TEST(KillStorm, LosesNothingInADefaultStoreOnDisk) {
  StormPlan plan;
  plan.keys = 2'000;
  plan.kills = 70;
  weather(plan, TempDir::Where::kDisk);
}

// Kills so close together that most processes die while opening, recovering or closing.
TEST(KillStorm, LosesNothingWhenProcessesHardlyGetToWork) {
  StormPlan plan;
  plan.options = small_options();
  plan.keys = 100;
  plan.kills = 400;
  plan.pause_us = 4'000;
  plan.stops = false;
  weather(plan, TempDir::Where::kMemory);
}

// A negative control: the judge must be able to say no.
TEST(KillStorm, TheJudgeFindsWhatIsWrong) {
  const auto present = [](std::uint64_t version) { return version << 1 | 1; };
  const auto absent = [](std::uint64_t version) { return version << 1; };
  const auto value = [](std::uint64_t key, std::uint64_t version) {
    return std::optional<std::string>(stamped_value({key, version}));
  };
  std::optional<std::string> torn = value(7, 5);
  torn->back() = static_cast<char>(torn->back() ^ 1);

  EXPECT_EQ("", judge(7, value(7, 5), present(5), present(5)));
  EXPECT_EQ("", judge(7, value(7, 5), present(4), present(6)));
  EXPECT_EQ("", judge(7, std::nullopt, present(5), absent(6)));
  EXPECT_NE("", judge(7, value(7, 4), present(5), present(6))) << "lost";
  EXPECT_NE("", judge(7, value(7, 7), present(5), present(6))) << "from nowhere";
  EXPECT_NE("", judge(7, value(8, 5), present(5), present(6))) << "foreign";
  EXPECT_NE("", judge(7, torn, present(5), present(6))) << "torn";
  EXPECT_NE("", judge(7, std::nullopt, present(5), present(6))) << "lost";
  EXPECT_NE("", judge(7, value(7, 5), absent(5), absent(5))) << "not erased";
}

}  // namespace
}  // namespace hmap::test
