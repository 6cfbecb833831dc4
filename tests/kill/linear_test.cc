// What several processes saw of each key, while they were killed and stopped at random, can be put
// in one order that explains all of it: linearizability, key by key.
//
// HMAP_LINEAR_CALLS: about how many calls are explained (default 270,000); they are made in rounds.
// HMAP_TEST_SEED: chooses the calls and the kills; the interleaving is the machine's.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>

#include "progress.h"
#include "seeds.h"
#include "temp_file.h"
#include "trial.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kCalls = 270'000;
constexpr std::uint64_t kCallsOfARound = 500'000;

// A third of all calls in each of three kinds of store.
void hear(Case of, const Options& options) {
  TempDir dir(TempDir::Where::kMemory);
  of.path = dir.file("store");
  of.options = options;
  of.options.checkpoint_interval = Milliseconds(20);
  of.options.size_limit = std::uint64_t{1} << 30;
  Watchdog watchdog;
  Trial trial(of, test_seed());
  const std::uint64_t wanted = environment_number("HMAP_LINEAR_CALLS", kCalls) / 3;
  Progress progress("calls", wanted);
  while (progress.goes_on(trial.facts().calls) && !::testing::Test::HasFailure()) {
    watchdog.feed(Milliseconds(300'000));
    trial.round(std::min(kCallsOfARound, wanted - trial.facts().calls));
  }
  if (!::testing::Test::HasFailure()) trial.close();
  const Facts& facts = trial.facts();
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(
      "%llu calls explained, %llu of them cut off; %llu kills, %llu deaths in writes, %llu stops; "
      "%llu reads of counters; B up to %llu\n",
      number(facts.calls), number(facts.unknown), number(facts.kills),
      number(facts.deaths_in_writes), number(facts.stops), number(facts.counters),
      number(facts.grown_to));
  EXPECT_GT(facts.kills, 0U);
  EXPECT_GT(facts.counters, 0U);
}

TEST(Linear, OneShard) { hear({}, small_options()); }

TEST(Linear, FourShards) {
  Options options = small_options();
  options.shard_bits = 2;
  options.geometry.extent_bytes = 2048;
  hear({}, options);
}

TEST(Linear, CommitMode) {
  Options options = small_options();
  options.shard_bits = 1;
  options.durability = Durability::kCommit;
  options.log_bytes = 64 << 10;
  hear({}, options);
}

// The judge can say no, and does not say it without reason.
class LinearJudge : public ::testing::Test {
 protected:
  void add(Call::Kind kind, std::uint64_t invoked, std::uint64_t responded, std::uint64_t value,
           bool answer = true, Call::End end = Call::End::kDone) {
    calls_.push_back({invoked, responded, value, 0, kind, end, answer});
  }
  bool explained(std::uint64_t first = 0) {
    return explain(std::exchange(calls_, {}), first).empty();
  }
  std::vector<Call> calls_;
};
using Kind = Call::Kind;

TEST_F(LinearJudge, KnowsWhatMayBe) {
  EXPECT_TRUE(explained()) << "nothing";
  add(Kind::kPut, 1, 10, 5);
  add(Kind::kGet, 2, 3, 0);
  add(Kind::kGet, 4, 5, 5);
  EXPECT_TRUE(explained()) << "the put happens between the look-ups";
  add(Kind::kPut, 1, 10, 5);
  add(Kind::kPut, 2, 9, 6);
  add(Kind::kGet, 11, 12, 5);
  EXPECT_TRUE(explained()) << "the other order";
  add(Kind::kInsert, 1, 4, 5);
  add(Kind::kInsert, 2, 3, 6, false);
  add(Kind::kErase, 5, 8, 0);
  add(Kind::kErase, 6, 7, 0, false);
  add(Kind::kReplace, 9, 10, 7, false);
  EXPECT_TRUE(explained()) << "one of two wins";
  add(Kind::kPut, 1, 4, 5, true, Call::End::kUnknown);
  add(Kind::kGet, 5, 6, 0);
  EXPECT_TRUE(explained()) << "it died before";
  add(Kind::kPut, 1, 4, 5, true, Call::End::kUnknown);
  add(Kind::kGet, 5, 6, 5);
  EXPECT_TRUE(explained()) << "it died after";
  add(Kind::kGet, 1, 20, 7);
  add(Kind::kPut, 2, 3, 7);
  add(Kind::kClear, 4, 5, 0);
  add(Kind::kGet, 6, 7, 0);
  EXPECT_TRUE(explained()) << "a long look-up";
}

TEST_F(LinearJudge, KnowsWhatCannotBe) {
  add(Kind::kPut, 1, 2, 5);
  add(Kind::kGet, 3, 4, 0);
  EXPECT_FALSE(explained()) << "lost";
  add(Kind::kPut, 1, 2, 5);
  add(Kind::kPut, 3, 4, 6);
  add(Kind::kGet, 5, 6, 5);
  EXPECT_FALSE(explained()) << "an old value";
  add(Kind::kPut, 1, 10, 5);
  add(Kind::kGet, 2, 3, 5);
  add(Kind::kGet, 4, 5, 0);
  EXPECT_FALSE(explained()) << "there, and gone";
  add(Kind::kGet, 1, 2, 9);
  EXPECT_FALSE(explained()) << "from nowhere";
  add(Kind::kInsert, 1, 4, 5);
  add(Kind::kInsert, 2, 3, 6);
  EXPECT_FALSE(explained()) << "both insert";
  add(Kind::kPut, 1, 4, 5, true, Call::End::kUnknown);
  add(Kind::kGet, 5, 6, 0);
  add(Kind::kGet, 7, 8, 5);
  EXPECT_FALSE(explained()) << "it came after it was settled";
  add(Kind::kPut, 1, 4, 5, true, Call::End::kUnknown);
  add(Kind::kGet, 2, 3, 5);
  add(Kind::kGet, 5, 6, 0);
  EXPECT_FALSE(explained()) << "seen, and never happened";
  add(Kind::kErase, 1, 2, 0, false);
  EXPECT_FALSE(explained(3)) << "it was there";
  add(Kind::kReplace, 1, 2, 4);
  EXPECT_FALSE(explained()) << "nothing to replace";
}

}  // namespace
}  // namespace hmap::test
