// A growth outlives the process that began it: half an evacuation is just bytes in the file.
#include <gtest/gtest.h>

#include "child.h"
#include "raw_view.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

enum class End { kKilled, kClosed, kClosedAndRebooted };

// Inserts until a growth from 256 buckets is a good way on. Returns the number of keys.
std::uint64_t fill_to_mid_evacuation(Store& store) {
  for (std::uint64_t number = 0;; ++number) {
    const Stats::Shard shard = store.stats().value().shards.at(0);
    if (shard.growing && shard.old_buckets == 256 && shard.evacuated >= 40) return number;
    const Status status = store.put(key_of(number), value_of(number, 20));
    if (!status.ok() || number > 100'000) return 0;
  }
}

class Evacuation : public ::testing::TestWithParam<End> {};

TEST_P(Evacuation, BegunByOneProcessIsFinishedByTheNext) {
  TempDir dir;
  const std::string path = dir.file("store");
  std::uint64_t pipe_words[1] = {};
  int ends[2];
  ASSERT_EQ(0, pipe(ends));

  Child first([&] {
    auto store = Store::open(path, quiet_options());
    if (!store) return 2;
    const std::uint64_t keys = fill_to_mid_evacuation(*store);
    if (GetParam() != End::kKilled && !store->close().ok()) return 3;
    if (write(ends[1], &keys, sizeof keys) != sizeof keys) return 4;
    raise(GetParam() == End::kKilled ? SIGKILL : SIGTERM);
    return 5;
  });
  const Outcome outcome = first.wait();
  ASSERT_EQ(Outcome::How::kSignaled, outcome.how) << outcome;
  ASSERT_EQ(ssize_t{sizeof pipe_words}, read(ends[0], pipe_words, sizeof pipe_words));
  close(ends[0]);
  close(ends[1]);
  const std::uint64_t keys = pipe_words[0];

  RawView raw(path);
  EXPECT_NE(0U, raw.shard().oldbuckets.id);
  EXPECT_EQ(8U, raw.shard().oldbuckets.b);
  EXPECT_EQ(9U, raw.shard().b);
  const std::uint64_t evacuated = raw.shard().nevacuate;
  EXPECT_GE(evacuated, 40U);
  EXPECT_LT(evacuated, 256U);

  const Outcome second = run_in_child([&] {
    if (GetParam() == End::kClosedAndRebooted) fake_reboot(1);
    auto store = Store::open(path, quiet_options());
    ASSERT_OK(store);
    const Stats::Shard found = store->stats().value().shards.at(0);
    EXPECT_TRUE(found.growing);
    EXPECT_EQ(256U, found.old_buckets);
    EXPECT_EQ(evacuated, found.evacuated);
    for (std::uint64_t i = 0; i < keys; ++i) {
      ASSERT_EQ(value_of(i, 20), value_in(*store, key_of(i))) << "before the end, key " << i;
    }
    EXPECT_EQ(evacuated, raw.shard().nevacuate) << "a read evacuated a bucket";
    std::uint64_t writes = 0;
    for (; store->stats().value().shards.at(0).growing; ++writes) {
      ASSERT_LE(writes, 256 - evacuated);
      ASSERT_OK(store->put(key_of(writes), value_of(writes, 20)));
    }
    EXPECT_GE(writes, 10U) << "somebody else had finished the growth";
    EXPECT_EQ(0U, raw.shard().oldbuckets.id);
    for (std::uint64_t i = 0; i < keys; ++i) {
      ASSERT_EQ(value_of(i, 20), value_in(*store, key_of(i))) << "after the end, key " << i;
    }
    EXPECT_EQ(keys, contents(*store).size());
    EXPECT_EQ(keys, store->size().value());
  });
  EXPECT_CHILD_PASSES(second);
}

INSTANTIATE_TEST_SUITE_P(, Evacuation,
                         ::testing::Values(End::kKilled, End::kClosed, End::kClosedAndRebooted),
                         [](const auto& tested) {
                           switch (tested.param) {
                             case End::kKilled:
                               return "AfterKill9";
                             case End::kClosed:
                               return "AfterClose";
                             default:
                               return "AfterCloseAndReboot";
                           }
                         });

// Growth by relay: each process does three writes and dies; nobody ever starts from the beginning.
TEST(EvacuationRelay, ManyProcessesEachDoAPartAndDie) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  constexpr std::uint64_t kProcesses = 150;
  constexpr std::uint64_t kEach = 3;
  Store keeper = Store::open(path, quiet_options()).value();
  RawView raw(path);
  std::uint64_t handed_over = 0;

  for (std::uint64_t process = 0; process < kProcesses; ++process) {
    Child child([&] {
      auto store = Store::open(path, quiet_options());
      if (!store) return 2;
      for (std::uint64_t i = 0; i < kEach; ++i) {
        const std::uint64_t number = process * kEach + i;
        if (!store->put(key_of(number), value_of(number, 20)).ok()) return 3;
      }
      raise(SIGKILL);
      return 4;
    });
    ASSERT_TRUE(child.wait().killed());
    if (raw.shard().oldbuckets.id != 0) ++handed_over;
    ASSERT_EQ((process + 1) * kEach, keeper.size().value());
  }

  EXPECT_GT(handed_over, 10U);
  for (std::uint64_t i = 0; i < kProcesses * kEach; ++i) {
    EXPECT_VALUE(keeper, key_of(i), value_of(i, 20));
  }
}

}  // namespace
}  // namespace hmap::test
