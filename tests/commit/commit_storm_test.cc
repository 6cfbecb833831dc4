// Writers in commit mode that are killed and replaced, and a reboot at the end: the last checkpoint
// and the log together have everything that was acknowledged.
#include <gtest/gtest.h>

#include "../process/storm.h"
#include "commit_options.h"

namespace hmap::test {
namespace {

void weather(Options options, std::uint64_t kills, std::chrono::milliseconds checkpoints) {
  TempDir dir(TempDir::Where::kMemory);
  StormPlan plan;
  plan.path = dir.file("store");
  plan.options = options;
  plan.options.size_limit = std::uint64_t{1} << 30;
  plan.options.checkpoint_interval = checkpoints;
  plan.kills = environment_number("HMAP_STORM_KILLS", kills);
  plan.reboots = true;
  Watchdog watchdog(Milliseconds(60'000 + plan.kills * 1'000));
  Storm storm(plan, test_seed());
  storm.run();
}

TEST(CommitStorm, LosesNothingWithATinyLog) { weather(commit_options(), 120, Milliseconds(50)); }

TEST(CommitStorm, LosesNothingInAStoreOfFourShardsWithoutCheckpoints) {
  Options options = commit_options();
  options.shard_bits = 2;
  options.log_bytes = std::uint64_t{64} << 20;
  weather(options, 60, std::chrono::hours(1));
}

}  // namespace
}  // namespace hmap::test
