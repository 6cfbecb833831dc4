// Anything destroyed, in any combination: nothing intact is missing and nothing is made up.
#include <fcntl.h>
#include <unistd.h>

#include "child.h"
#include "format/record_sum.h"
#include "salvage/salvage_scan.h"
#include "victim.h"

namespace hmap::test {
namespace {

TEST(DamagedAnything, CutShortAtEveryPage) {
  const TempDir dir(TempDir::Where::kMemory);
  const Victim victim = make_victim(dir.file("victim"), test_seed());
  for (std::size_t bytes = 4096; bytes < victim.bytes.size(); bytes += 4096) {
    const std::string damaged = victim.bytes.substr(0, bytes);
    expect_sane(victim, damaged, salvage(dir, damaged), "cut at " + std::to_string(bytes));
  }
}

// Found by RandomPages, once: a destroyed page is often one of zeros, and with one seed in 2^32
// these have the checksum of nothing under the empty key.
TEST(DamagedAnything, ZerosAreNoRecordWhateverTheSeed) {
  constexpr std::uint64_t kAt = 4096;
  constexpr std::uint64_t kZeros = 0;
  const std::pair<RecordSums, std::uint64_t> seeds[] = {{RecordSums::kXxh3, 4'415'766'960},
                                                        {RecordSums::kCrc, 287'056'434}};
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("zeros");
  write_file(path, std::string(2 * kAt, '\0'));
  const int fd = ::open(path.c_str(), O_RDONLY);
  const auto map = Mapping::map(fd, Access::kReadOnly, std::uint64_t{1} << 20);
  ASSERT_OK(map);
  for (const auto& [sums, seed] : seeds) {
    ASSERT_EQ(record_checksum(sums, &kZeros, sizeof kZeros, seed), 0U);
    EXPECT_FALSE(intact_record(**map, seed ^ kAt, kAt).has_value());
  }
  ::close(fd);
}

TEST(DamagedAnything, RandomPages) {
  const TempDir dir(TempDir::Where::kMemory);
  Random random(test_seed());
  Options options = quiet_options();
  for (int round = 0; round < 4; ++round) {
    options.shard_bits = round % 3;
    const Victim victim =
        make_victim(dir.file("victim" + std::to_string(round)), random.next(), options);
    const std::uint64_t pages = victim.bytes.size() / 4096;
    for (int attempt = 0; attempt < 30; ++attempt) {
      std::string damaged = victim.bytes;
      const std::uint64_t count = 1 + random.below(attempt % 2 == 0 ? 4 : pages / 2);
      for (std::uint64_t i = 0; i < count; ++i) {
        // Not the first page, without which there is no seed.
        const std::uint64_t at = (1 + random.below(pages - 1)) * 4096;
        if (random.one_in(2)) {
          zero(damaged, at, 4096);
        } else {
          overwrite(damaged, at, 4096, random);
        }
      }
      if (random.one_in(4)) damaged.resize(4096 + random.below(damaged.size() - 4096));
      expect_sane(victim, damaged, salvage(dir, damaged), "attempt " + std::to_string(attempt));
    }
  }
}

TEST(DamagedAnything, RandomBytes) {
  const TempDir dir(TempDir::Where::kMemory);
  Random random(test_seed());
  const Victim victim = make_victim(dir.file("victim"), random.next());
  for (int attempt = 0; attempt < 100; ++attempt) {
    std::string damaged = victim.bytes;
    for (std::uint64_t i = 1 + random.below(300); i > 0; --i) {
      overwrite(damaged, 512 + random.below(damaged.size() - 512), 1 + random.below(16), random);
    }
    expect_sane(victim, damaged, salvage(dir, damaged), "attempt " + std::to_string(attempt));
  }
}

// Nothing but records is left: all that can be told is which ones are intact.
TEST(DamagedAnything, OnlyRecordsAreLeft) {
  const TempDir dir(TempDir::Where::kMemory);
  Random random(test_seed());
  const Victim victim = make_victim(dir.file("victim"), random.next());
  std::string damaged = victim.bytes;
  overwrite(damaged, 0, victim.layout().heap_offset, random);
  EXPECT_CODE(Code::kNotAStore, salvage(dir, damaged));
  RecoverOptions options;
  options.store_seed = victim.superblock().store_seed;
  std::map<std::string, std::set<std::string>> rivals;
  options.conflict = [&](const RecoverConflict& conflict) {
    rivals[std::string(conflict.key)].insert(std::string(conflict.value));
    return Status();
  };
  const Result<Salvaged> salvaged = salvage(dir, damaged, options);
  expect_sane(victim, damaged, salvaged, "by hand");
  ASSERT_OK(salvaged);
  EXPECT_EQ(salvaged->report.by_scan, salvaged->report.entries);
  EXPECT_EQ(salvaged->report.state, RecoverReport::State::kNone);
  EXPECT_FALSE(salvaged->report.complete());
  // What was not taken was told.
  for (const auto& [key, value] : victim.intact(damaged)) {
    EXPECT_TRUE(salvaged->contents.at(key) == value || rivals[key].contains(value)) << key;
  }
  EXPECT_FALSE(rivals.empty());
  options.store_seed = *options.store_seed + 1;
  EXPECT_CODE(Code::kNotAStore, salvage(dir, damaged, options));
}

// Where records may begin is known, and nothing else.
TEST(DamagedAnything, OnlyRecordsAndTheSuperblockAreLeft) {
  const TempDir dir(TempDir::Where::kMemory);
  Random random(test_seed());
  const Victim victim = make_victim(dir.file("victim"), random.next());
  std::string damaged = victim.bytes;
  zero(damaged, 4096, victim.layout().heap_offset - 4096);
  const Result<Salvaged> salvaged = salvage(dir, damaged);
  expect_sane(victim, damaged, salvaged, "superblock only");
  ASSERT_OK(salvaged);
  EXPECT_EQ(salvaged->report.state, RecoverReport::State::kNone);
  EXPECT_EQ(salvaged->report.by_scan, salvaged->report.entries);
  EXPECT_GT(salvaged->report.conflicts, 0u);
}

// A file made so that each place looks like the beginning of a record to the end of the file.
TEST(DamagedAnything, AFileMadeToBeSlow) {
  const TempDir dir(TempDir::Where::kMemory);
  Victim victim = make_victim(dir.file("victim"), test_seed());
  std::string damaged = victim.bytes;
  zero(damaged, 4096, damaged.size() - 4096);
  damaged.resize(24U << 20U);
  const std::uint64_t extent = victim.layout().extent_bytes;
  for (std::size_t at = 64 << 10; at + 16 < damaged.size(); at += 16) {
    format::RecordHeader header{};
    header.checksum = 1;
    const bool large = at % extent == 0;
    header.value_bytes = static_cast<std::uint32_t>(large ? damaged.size() - at - 16 : 4'000);
    std::memcpy(damaged.data() + at, &header, sizeof header);
  }
  const Clock::time_point begin = Clock::now();
  const Result<Salvaged> salvaged = salvage(dir, damaged);
  ASSERT_OK(salvaged);
  EXPECT_EQ(salvaged->report.entries, 0u);
  EXPECT_GT(salvaged->report.scan_skipped, 0u);
  EXPECT_LT(Clock::now() - begin, std::chrono::seconds(30));
}

}  // namespace
}  // namespace hmap::test
