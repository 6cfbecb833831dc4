// Deaths while the extent table grows. Each segment has room for the next one, once.
#include <gtest/gtest.h>
#include <signal.h>

#include <cstdio>
#include <iostream>
#include <optional>

#include "child.h"
#include "hmap/verify.h"
#include "raw_view.h"
#include "seeds.h"
#include "stores.h"
#include "system/seam.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr int kLives = 60;
constexpr std::uint64_t kPutsOfALife = 100;
constexpr std::size_t kValueBytes = 3'000;  // an extent each

// Kills this process before the n-th store while a segment is taken and not part of the table; 0:
// never.
class WhileASegmentIsAdded {
 public:
  WhileASegmentIsAdded(const std::string& path, std::uint64_t store) {
    view_.emplace(path);
    left_ = store;
    seam::hook.store(&listen);
  }

 private:
  static void listen(seam::Event, const void*, std::size_t) {
    const std::uint64_t space = 1;  // behind the only shard
    if (view_->domain(space).pending != 0 && --left_ == 0) raise(SIGKILL);
  }
  static inline std::optional<RawView> view_;
  static inline std::uint64_t left_ = 0;
};

TEST(DyingInTheExtentTable, AnyNumberOfTimesCostsNoRoom) {
  Random random(test_seed());
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  const auto live = [&path](std::uint64_t store_of_death) {
    const WhileASegmentIsAdded death(path, store_of_death);
    Store store = Store::open(path, quiet_options()).value();
    const std::uint64_t from = store.size().value();
    for (std::uint64_t n = from; n < from + kPutsOfALife; ++n) {
      if (const Status s = store.put(key_of(n), value_of(n, kValueBytes)); !s.ok()) {
        std::cerr << s << "\n";
        return 2;
      }
    }
    return 0;
  };
  Store survivor = Store::open(path, quiet_options()).value();
  const RawView view(path);
  const std::uint64_t before = view.extent_table_segments();

  int deaths = 0;
  for (int life = 0; life < kLives; ++life) {
    // Three in a row, of one segment, too; then one who comes through.
    const std::uint64_t store_of_death = life % 4 == 3 ? 0 : random.between(1, 8);
    Child child([&] { return live(store_of_death); });
    const Outcome outcome = child.wait();
    ASSERT_TRUE(outcome.killed() || outcome.exited(0)) << outcome << ", life " << life;
    deaths += outcome.killed() ? 1 : 0;
  }

  std::printf("%d deaths\n", deaths);
  EXPECT_GE(deaths, 4);
  EXPECT_GE(view.extent_table_segments(), before + 4);
  ASSERT_OK(survivor.put("one more", value_of(1, kValueBytes)));
  const std::uint64_t entries = survivor.size().value();
  EXPECT_EQ(entries, contents(survivor).size());
  const VerifyReport report = survivor.verify().value();
  EXPECT_TRUE(report.clean()) << report.findings[0].text;
  ASSERT_OK(survivor.checkpoint());
}

}  // namespace
}  // namespace hmap::test
