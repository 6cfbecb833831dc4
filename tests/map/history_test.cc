// Random histories of maps against std::map, with reopening in between; and counters that several
// processes add to while they are killed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "child.h"
#include "seeds.h"
#include "shared_memory.h"
#include "stores.h"
#include "temp_file.h"
#include "types_of_maps.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kKeys = 400;

// A map and what it should hold, by the numbers of keys and values.
template <typename K, typename V>
class History {
 public:
  explicit History(Random& random) : random_(random) { open(); }

  void run(int operations) {
    for (int i = 0; i < operations && !::testing::Test::HasFailure(); ++i) step();
    compare();
    EXPECT_FINDS_NOTHING(map_->verify());
  }

 private:
  void open() { map_.emplace(Map<K, V>::open(dir_.file("map"), quiet_options()).value()); }

  void step() {
    const std::uint64_t n = random_.below(kKeys);
    const std::uint64_t v = random_.below(200);
    const auto key = make_key<K>(n);
    const bool present = model_.contains(n);
    switch (random_.below(10)) {
      case 0:
      case 1:
      case 2:
        ASSERT_OK(map_->put(key, make<V>(v)));
        model_[n] = v;
        break;
      case 3:
        ASSERT_EQ(map_->insert(key, make<V>(v)).value(), model_.emplace(n, v).second);
        break;
      case 4:
        ASSERT_EQ(map_->replace(key, make<V>(v)).value(), present);
        if (present) model_[n] = v;
        break;
      case 5:
      case 6:
        ASSERT_EQ(map_->erase(key).value(), model_.erase(n) == 1);
        break;
      case 7:
        ASSERT_EQ(map_->update(key, [&](const auto&) { return make<V>(v); }).value(), present);
        if (present) model_[n] = v;
        break;
      case 8:
        ASSERT_EQ(map_->upsert(key, [&](const auto&) { return make<V>(v); }).value(), !present);
        model_[n] = v;
        break;
      default:
        rare();
    }
    const auto found = map_->get(key);
    ASSERT_OK(found);
    const auto expected = model_.find(n);
    ASSERT_EQ(found->has_value(), expected != model_.end());
    if (*found) {
      ASSERT_TRUE(**found == make<V>(expected->second));
    }
  }

  void rare() {
    if (random_.one_in(4)) compare();
    if (random_.one_in(20)) {
      ASSERT_OK(map_->close());
      open();
    }
    if (random_.one_in(200)) {
      ASSERT_OK(map_->clear());
      model_.clear();
    }
  }

  void compare() {
    ASSERT_EQ(map_->size().value(), model_.size());
    std::size_t seen = 0;
    for (const auto& [key, value] : *map_) {
      ASSERT_TRUE(map_->get(key).value() == detail::Owned<V>(value));
      ++seen;
    }
    ASSERT_EQ(seen, model_.size());
    for (const auto& [n, v] : model_) ASSERT_TRUE(map_->get(make_key<K>(n)).value() == make<V>(v));
  }

  Random& random_;
  TempDir dir_{TempDir::Where::kMemory};
  std::optional<Map<K, V>> map_;
  std::map<std::uint64_t, std::uint64_t> model_;
};

template <typename T>
class Histories : public ::testing::Test {};
TYPED_TEST_SUITE(Histories, PairsOfTypes);

TYPED_TEST(Histories, AgreeWithAModel) {
  Random random(test_seed());
  for (int i = 0; i < 2; ++i)
    History<typename TypeParam::Key, typename TypeParam::Value>(random).run(1'500);
}

using Counters = Map<std::uint32_t, std::uint64_t>;

struct Tally {
  std::atomic<std::uint64_t> done[3];   // additions that have returned
  std::atomic<std::uint64_t> begun[3];  // that were begun
};

// Adds for ever to the three counters in turn; counts before and after.
int add_for_ever(const std::string& path, Tally& tally) {
  auto map = Counters::open(path, quiet_options()).value();
  for (std::uint32_t i = 0;; i = (i + 1) % 3) {
    ++tally.begun[i];
    if (!map.fetch_add(i, 1)) return 1;
    ++tally.done[i];
  }
}

TEST(KilledCounters, LoseNothingThatReturnedAndCountNothingTwice) {
  Random random(test_seed());
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("counters");
  { ASSERT_OK(Counters::open(path, quiet_options())); }
  const Shared<Tally> tally;
  std::vector<Child> children;
  const auto start = [&] { children.emplace_back([&] { return add_for_ever(path, *tally); }); };
  start();
  start();
  const std::uint64_t kills = environment_number("HMAP_MAP_KILLS", 60);
  for (std::uint64_t i = 0; i < kills; ++i) {
    // Some way on, so that each has been at work.
    const std::uint64_t until = tally->done[0] + 1 + random.below(60);
    while (tally->done[0] < until) {
      for (Child& child : children) ASSERT_EQ(child.poll(), Outcome());
      usleep(100);
    }
    Child& victim = children[random.below(children.size())];
    ASSERT_TRUE(victim.kill().killed());
    victim = Child([&] { return add_for_ever(path, *tally); });
  }
  for (Child& child : children) ASSERT_TRUE(child.kill().killed());
  auto map = Counters::open(path, quiet_options()).value();
  for (std::uint32_t i = 0; i < 3; ++i) {
    const std::uint64_t count = map.get(i).value().value();
    EXPECT_GE(count, tally->done[i]);
    EXPECT_LE(count, tally->begun[i]);
    // Each death leaves at most one addition of which nobody was told.
    EXPECT_LE(count - tally->done[i], kills + 2);
  }
  EXPECT_FINDS_NOTHING(map.verify());
}

TEST(TwoProcesses, SeeEachOthersEntries) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("map");
  auto map = Map<Place, bytes>::open(path, quiet_options()).value();
  ASSERT_OK(map.put(Place{1, 2}, "the parent's"));
  EXPECT_CHILD_PASSES(run_in_child([&] {
    auto own = Map<Place, bytes>::open(path, quiet_options()).value();
    EXPECT_EQ(own.get(Place{1, 2}).value(), "the parent's");
    EXPECT_OK(own.put(Place{3, 4}, "the child's"));
    EXPECT_CODE(Code::kTypeMismatch, (Map<Place, Place>::open(path, quiet_options())));
    EXPECT_CODE(Code::kForked, map.get(Place{1, 2}));
    EXPECT_OK(own.close());
  }));
  EXPECT_EQ(map.get(Place{3, 4}).value(), "the child's");
}

}  // namespace
}  // namespace hmap::test
