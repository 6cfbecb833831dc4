// One structure destroyed at a time: the others are evidence enough for exactly what was there.
#include "spares.h"
#include "victim.h"

namespace hmap::test {
namespace {

class DamagedStructures : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    dir_ = new TempDir(TempDir::Where::kMemory);
    victim_ = new Victim(make_victim(dir_->file("victim"), test_seed()));
  }
  static void TearDownTestSuite() {
    delete victim_;
    delete dir_;
  }
  // Destroys [at, at + count) with noise and with zeros.
  void destroy(std::uint64_t at, std::uint64_t count, const std::string& what) {
    std::string damaged = victim_->bytes;
    overwrite(damaged, at, count, random_);
    expect_exact(*victim_, damaged, salvage(*dir_, damaged),
                 "noise: " + what + " at " + std::to_string(at));
    damaged = victim_->bytes;
    zero(damaged, at, count);
    expect_exact(*victim_, damaged, salvage(*dir_, damaged),
                 "zeros: " + what + " at " + std::to_string(at));
  }

  static inline TempDir* dir_ = nullptr;
  static inline Victim* victim_ = nullptr;
  Random random_{test_seed()};
};

TEST_F(DamagedStructures, TheVictimIsInteresting) {
  const format::ShardHeader header = victim_->header(0);
  EXPECT_NE(header.oldbuckets.id, 0u);
  EXPECT_GT(header.oldbuckets.next_overflow, std::uint64_t{1} << header.oldbuckets.b);
  std::size_t stale = 0;
  std::size_t large = 0;
  for (const auto& [key, versions] : victim_->history) {
    for (const Version& version : versions) {
      if (version.current) {
        EXPECT_EQ(version.offsets.size(), 1u) << key;
      }
      stale += !version.current && !version.offsets.empty() ? 1 : 0;
      large += version.current && version.value.size() > 8'192 ? 1 : 0;
    }
  }
  EXPECT_GT(stale, 20u);
  EXPECT_GT(large, 2u);
}

TEST_F(DamagedStructures, Nothing) {
  const Result<Salvaged> salvaged = salvage(*dir_, victim_->bytes);
  expect_exact(*victim_, victim_->bytes, salvaged, "undamaged");
  ASSERT_OK(salvaged);
  EXPECT_TRUE(salvaged->report.complete());
  EXPECT_FALSE(salvaged->report.scanned);
  EXPECT_EQ(salvaged->report.damage_total, 0u);
  EXPECT_EQ(salvaged->report.by_bucket, victim_->current().size());
  EXPECT_EQ(salvaged->report.claimed, victim_->current().size());
}

TEST_F(DamagedStructures, EveryByteOfTheSuperblock) {
  for (std::size_t at = 0; at < 512; at += at < 144 ? 1 : 41) {
    std::string damaged = without_spares(victim_->bytes);
    overwrite(damaged, at, 1, random_);
    const Result<Salvaged> salvaged = salvage(*dir_, damaged);
    expect_exact(*victim_, damaged, salvaged, "superblock byte " + std::to_string(at));
    if (salvaged) {
      EXPECT_TRUE(salvaged->report.complete());
    }
  }
}

TEST_F(DamagedStructures, TheSuperblockButForItsSeed) {
  for (const auto& [at, count] : {std::pair{0, 56}, std::pair{64, 8}, std::pair{0, 16}}) {
    std::string damaged = without_spares(victim_->bytes);
    overwrite(damaged, static_cast<std::size_t>(at), static_cast<std::size_t>(count), random_);
    expect_exact(*victim_, damaged, salvage(*dir_, damaged), "superblock");
  }
}

TEST_F(DamagedStructures, RootsAndHeaders) {
  const Layout layout = victim_->layout();
  for (std::uint64_t root = 0; root < 2; ++root) {
    const std::uint64_t at = layout.root_offset(root);
    destroy(at, 512, "root");
    for (std::uint64_t byte = 0; byte < 512; byte += 13) destroy(at + byte, 1, "byte of a root");
    destroy(at + 512, 2048, "shard header");
    destroy(at, layout.root_bytes, "root and header");
  }
}

TEST_F(DamagedStructures, BothRootsButNotTheirHeaders) {
  const Layout layout = victim_->layout();
  std::string damaged = victim_->bytes;
  for (std::uint64_t root = 0; root < 2; ++root) {
    overwrite(damaged, layout.root_offset(root), 512, random_);
  }
  expect_exact(*victim_, damaged, salvage(*dir_, damaged), "both roots");
}

TEST_F(DamagedStructures, TheRuntimeArea) {
  const Layout layout = victim_->layout();
  destroy(layout.runtime_offset, layout.runtime_bytes, "runtime area");
}

TEST_F(DamagedStructures, EveryTablePage) {
  const Layout layout = victim_->layout();
  const auto destroy_pages = [&](const hmap::Run& run) {
    for (std::uint64_t table = 0; table < 2; ++table) {
      for (std::uint64_t page = 0; page < layout.table_pages(run.blocks); ++page) {
        destroy(layout.table_offset(run, table) + page * layout.block_bytes, layout.block_bytes,
                "table page");
      }
    }
    return true;
  };
  for_each_run(layout, victim_->header(0), destroy_pages);
  destroy_pages(hmap::Run({layout.extent_table_offset}, layout.extent_table_shape(0)));
}

TEST_F(DamagedStructures, EveryBlockOfBucketsOrBitmaps) {
  const Layout layout = victim_->layout();
  std::size_t blocks = 0;
  for_each_run(layout, victim_->header(0), [&](const hmap::Run& run) {
    for (const std::uint64_t place : victim_->places(run)) {
      destroy(place, layout.block_bytes, "block");
      ++blocks;
    }
    return true;
  });
  EXPECT_GT(blocks, 20u);
}

TEST_F(DamagedStructures, AllBuckets) {
  const Layout layout = victim_->layout();
  const format::ShardHeader header = victim_->header(0);
  std::string damaged = victim_->bytes;
  for (const format::BucketArray* array : {&header.buckets, &header.oldbuckets}) {
    for (std::uint64_t j = 0; j <= format::kOverflowRuns && !array->run[j].none(); ++j) {
      for (const std::uint64_t place : victim_->places(layout.array_run(*array, j))) {
        overwrite(damaged, place, layout.block_bytes, random_);
      }
    }
  }
  const Result<Salvaged> salvaged = salvage(*dir_, damaged);
  expect_exact(*victim_, damaged, salvaged, "all buckets");
  ASSERT_OK(salvaged);
  EXPECT_EQ(salvaged->report.by_bitmap, victim_->current().size());
  EXPECT_TRUE(salvaged->report.complete());
}

// By chance a third of them in each run.
TEST_F(DamagedStructures, EveryRecord) {
  int damaged_records = 0;
  for (const auto& [key, versions] : victim_->history) {
    for (const Version& version : versions) {
      if (!version.current || !random_.one_in(3)) continue;
      ++damaged_records;
      ASSERT_EQ(version.offsets.size(), 1u);
      std::string damaged = victim_->bytes;
      overwrite(damaged, version.offsets[0] + random_.below(version.bytes(key)), 1, random_);
      const Result<Salvaged> salvaged = salvage(*dir_, damaged);
      expect_exact(*victim_, damaged, salvaged, "record of " + key);
      ASSERT_OK(salvaged);
      EXPECT_FALSE(salvaged->report.complete());
      ASSERT_EQ(salvaged->report.lost_total, 1u);
      EXPECT_EQ(salvaged->report.lost[0].offset, version.offsets[0]);
      EXPECT_EQ(salvaged->report.lost[0].evidence, Evidence::kBucket);
    }
  }
  EXPECT_GT(damaged_records, 50);
}

}  // namespace
}  // namespace hmap::test
