// What writers always leave zero, or never leave at all, is found where it is otherwise, though it
// costs no reader anything.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <functional>

#include "made_stores.h"
#include "surgeon.h"
#include "temp_file.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

using format::ExtentKind;
using Make = std::function<void(Surgeon&)>;

u64 first_of_kind(Surgeon& s, ExtentKind kind) {
  for (u64 extent = 0; extent < s.root().extents_end; ++extent) {
    if (extent_kind(s.extent_word(extent)) == kind) return extent;
  }
  throw std::runtime_error("no such extent");
}

// What is found in a copy of the store that was changed, checksums right again.
VerifyReport found_in(const std::string& made, const Make& make, bool seal = true) {
  const std::string path = made + ".damaged";
  std::filesystem::copy_file(made, path, std::filesystem::copy_options::overwrite_existing);
  {
    Surgeon surgeon(path);
    make(surgeon);
    if (seal) surgeon.seal();
  }
  return Store::verify_file(path).value();
}

class Zeros : public ::testing::Test {
 protected:
  void SetUp() override {
    // Growing, with free extents, frames in use and rows to give back. Once in a hundred stores
    // there are none: seeds are random.
    for (bool usable = false; !usable;) {
      std::filesystem::remove(made());
      make_mixed_store(made(), 0);
      Surgeon s(made());
      usable = true;
      for (const ExtentKind kind : {ExtentKind::kFree, ExtentKind::kFrames}) {
        bool any = false;
        for (u64 i = 0; i < s.root().extents_end; ++i) {
          any = any || extent_kind(s.extent_word(i)) == kind;
        }
        usable = usable && any;
      }
    }
  }
  [[nodiscard]] std::string made() const { return dir_.file("made"); }
  void expect_damage(FindingKind kind, const char* words_of_it, const Make& make) {
    const VerifyReport report = found_in(made(), make);
    EXPECT_TRUE(has(report, kind)) << words(report);
    EXPECT_NE(std::string::npos, words(report).find(words_of_it)) << words(report);
    EXPECT_FALSE(report.clean());
  }

 private:
  TempDir dir_{TempDir::Where::kMemory};
};

TEST_F(Zeros, AFreeExtentHasNoShard) {
  expect_damage(FindingKind::kExtent, "is free, but has the number of a shard",
                [](Surgeon& s) { s.extent_word(first_of_kind(s, ExtentKind::kFree)) |= 2 << 8; });
}

TEST_F(Zeros, FramesHaveNoPayload) {
  expect_damage(FindingKind::kExtent, "of frames has a payload", [](Surgeon& s) {
    s.extent_word(first_of_kind(s, ExtentKind::kFrames)) |= 1 << 16;
  });
}

// What a dead row names belongs to the shard until it is free.
TEST_F(Zeros, ADeadRowNamesWhatTheShardHad) {
  for (const u64 word : {u64{255}, make_extent_word(ExtentKind::kBuckets, 1, 1),
                         make_extent_word(ExtentKind::kFrames, 0, 0),
                         make_extent_word(ExtentKind::kLargePending, 0, 1), u64{0}}) {
    expect_damage(FindingKind::kExtent, "is to be given back, but its word", [&](Surgeon& s) {
      const u64 extent = first_of_kind(s, ExtentKind::kFree);
      s.extent_word(extent) = word;
      for (u64& cell : s.header().dead) {
        if (cell == 0) {
          cell = make_note(extent, 1);
          return;
        }
      }
    });
  }
  const VerifyReport right = found_in(made(), [](Surgeon& s) {
    const u64 extent = first_of_kind(s, ExtentKind::kFree);
    s.extent_word(extent) = make_extent_word(ExtentKind::kLargeRest, 0, 7);
    for (u64& cell : s.header().dead) {
      if (cell == 0) {
        cell = make_note(extent, 1);
        return;
      }
    }
  });
  EXPECT_TRUE(right.clean()) << words(right);
}

TEST_F(Zeros, ALargeRecordInUseIsNotGivenBackWithAClearedMap) {
  expect_damage(FindingKind::kExtent, "has two owners",
                [](Surgeon& s) { s.header().dead_large_end = s.root().extents_end; });
}

TEST_F(Zeros, NorIsOneThatADeadRowNames) {
  expect_damage(FindingKind::kExtent, "has two owners", [](Surgeon& s) {
    const u64 extent = first_of_kind(s, ExtentKind::kFree);
    s.extent_word(extent) = make_extent_word(ExtentKind::kLarge, 0, 1);
    s.header().dead[0] = make_note(extent, 1);
    s.header().dead_large_next = extent;
    s.header().dead_large_end = extent + 1;
  });
}

TEST_F(Zeros, IdsOfRunsAreGivenOut) {
  expect_damage(FindingKind::kHeader, "but the last id given out is", [](Surgeon& s) {
    s.extent_word(first_of_kind(s, ExtentKind::kDirectory)) =
        make_extent_word(ExtentKind::kDirectory, 0, s.header().array_seq + 1);
  });
}

TEST_F(Zeros, IdsOfRunsDiffer) {
  expect_damage(FindingKind::kHeader, "has the id of another run", [](Surgeon& s) {
    s.extent_word(first_of_kind(s, ExtentKind::kDirectory)) =
        make_extent_word(ExtentKind::kDirectory, 0, s.header().buckets.id);
  });
}

TEST_F(Zeros, TheNextArrayHasOneRun) {
  expect_damage(FindingKind::kHeader, "further runs", [](Surgeon& s) {
    s.header().next = {.id = s.header().array_seq + 1,
                       .b = 0,
                       .next_overflow = 1,
                       .run = {s.header().buckets.run[0], s.header().buckets.run[0]}};
  });
}

// Whoever gives out an id stores the whole map first (F-26).
TEST(Unused, TheMapOfASpanIsMeaningless) {
  TempDir dir(TempDir::Where::kMemory);
  make_resting_store(dir.file("made"));
  const auto with_head = [&](u64 head) {
    return found_in(dir.file("made"), [&](Surgeon& s) {
      format::SpanEntry& entry = s.span(s.header().span_count);
      entry.head = head;
      entry.map[0] = 3;
      ++s.header().span_count;
      ++s.header().span_free;
    });
  };
  const VerifyReport right = with_head(0);
  EXPECT_TRUE(right.clean()) << words(right);
  EXPECT_TRUE(has(with_head(u64{5} << 32), FindingKind::kSpan));
}

TEST_F(Zeros, AnArrayThatDoesNotExistHasNoWords) {
  expect_damage(FindingKind::kHeader, "the array `next` does not exist, but has words",
                [](Surgeon& s) { s.header().next.run[8] = {4096}; });
}

TEST_F(Zeros, APageHasNoEntriesBehindTheLastBlock) {
  expect_damage(FindingKind::kTable, "entries of blocks that its run does not have",
                [](Surgeon& s) {
                  const auto run = s.layout().array_run(s.header().buckets, 0);
                  ASSERT_NE(0U, run.blocks % s.layout().entries_per_page);
                  s.entry(run, run.blocks).checksum = 1;
                });
}

TEST_F(Zeros, OrSparesOfTheSuperblock) {
  for (const u64 index : {u64{0}, u64{1}}) {
    const VerifyReport damaged =
        found_in(made(), [&](Surgeon& s) { s.at<u8>(s.layout().spare_offset(index) + 300) ^= 1; });
    EXPECT_TRUE(!damaged.clean() && has(damaged, FindingKind::kSuperblock)) << words(damaged);
    const VerifyReport none = found_in(made(), [&](Surgeon& s) {
      std::memset(&s.at<u8>(s.layout().spare_offset(index)), 0, sizeof(format::Superblock));
    });
    EXPECT_TRUE(none.clean() && has(none, FindingKind::kSuperblock)) << words(none);
    // Who died in publish().
    const VerifyReport between = found_in(made(), [&](Surgeon& s) {
      auto& spare = s.at<format::Superblock>(s.layout().spare_offset(index));
      spare.uuid[3] ^= 1;
      spare.checksum = superblock_checksum(spare);
    });
    EXPECT_TRUE(between.clean() && between.findings.empty()) << words(between);
  }
}

TEST_F(Zeros, ThePageOfTheSuperblock) {
  for (const u64 at : {u64{512}, u64{4095}}) {
    const VerifyReport report = found_in(made(), [&](Surgeon& s) { s.at<u8>(at) = 1; });
    EXPECT_TRUE(report.clean() && has(report, FindingKind::kSuperblock)) << words(report);
    EXPECT_EQ(1U, report.notes);
  }
}

// Nothing tells which of two roots of one generation is the durable one: no checkpoint leaves that.
TEST_F(Zeros, NoTwoRootsOfOneGeneration) {
  const VerifyReport report = found_in(
      made(),
      [](Surgeon& s) {
        const u64 from = s.layout().root_offset(s.root_index());
        const u64 to = s.layout().root_offset(1 - s.root_index());
        std::memcpy(&s.at<u8>(to), &s.at<u8>(from),
                    sizeof(format::Root) + sizeof(format::ShardHeader));
      },
      false);
  EXPECT_TRUE(has(report, FindingKind::kRoot)) << words(report);
  EXPECT_FALSE(report.clean());
}

// Opening goes by the other one (F-33); so does verify, and looks at all that it leads to.
TEST_F(Zeros, ARootBeyondTheLimitsIsNotValid) {
  for (u64 format::Root::*const word : {&format::Root::cut, &format::Root::extents_end}) {
    u64 older = 0;
    const VerifyReport report = found_in(
        made(),
        [&](Surgeon& s) {
          older = s.root_at(1 - s.root_index()).generation;
          s.root().*word = u64{1} << 47;
          s.seal_root();
        },
        false);
    EXPECT_TRUE(has(report, FindingKind::kOtherRoot)) << words(report);
    EXPECT_EQ(older, report.generation);
    EXPECT_LT(0U, report.durable.blocks);
  }
}

// Once a store had a checkpoint it has two roots.
TEST_F(Zeros, NoBlankRootBesideALaterOne) {
  const VerifyReport report = found_in(
      made(), [](Surgeon& s) { s.root_at(1 - s.root_index()) = format::Root{}; }, false);
  EXPECT_TRUE(has(report, FindingKind::kOtherRoot)) << words(report);
  EXPECT_FALSE(report.clean());
}

}  // namespace
}  // namespace hmap::test
