// A store that is damaged and has more in its commit log: what the log says counts more than what
// is found in the store, if it can be known to be newer.
#include <fcntl.h>

#include <filesystem>
#include <set>

#include "../verify/surgeon.h"
#include "child.h"
#include "power_cut.h"
#include "spares.h"

namespace hmap::test {
namespace {

class DamageAndLog : public ::testing::Test {
 protected:
  void SetUp() override {
    Options options = logging();
    options.shard_bits = 1;
    Store store = Store::open(dir_.file("origin"), options).value();
    LoggedWrites writes(store);
    write_much(writes);
    states_ = writes.states();
    copy_store(dir_.file("origin"), path_);
    whole_ = read_file(path_);
  }

  Result<RecoverReport> salvage(const RecoverOptions& options = {}) {
    const std::string before = read_file(path_);
    const std::string log_before = read_file(log_of(path_));
    std::filesystem::remove(dir_.file("fresh"));
    Result<RecoverReport> report = recover(path_, dir_.file("fresh"), options);
    EXPECT_TRUE(before == read_file(path_));
    EXPECT_TRUE(log_before == read_file(log_of(path_)));
    if (!report) return report;
    const Store store = Store::open(dir_.file("fresh"), with_mode({}, Mode::kReadOnly)).value();
    EXPECT_TRUE(store.verify().value().clean());
    found_ = contents(store);
    EXPECT_EQ(found_.size(), report->entries);
    return report;
  }
  // Noise over all blocks of a run.
  static void destroy(Surgeon& surgeon, const hmap::Run& run) {
    for (u64 block = 0; block < run.blocks; ++block) {
      const u64 place = surgeon.place(run, block);
      std::memset(&surgeon.at<std::byte>(place), 0x5a, surgeon.layout().block_bytes);
    }
  }
  void expect_left_aside() {
    const Result<RecoverReport> report = salvage();
    ASSERT_OK(report);
    EXPECT_CODE(Code::kNeedsRecovery, report->log_status);
    EXPECT_EQ(0U, report->log_records);
    EXPECT_FALSE(report->complete());
    for (const auto& [key, value] : states_.front()) EXPECT_TRUE(found_.contains(key)) << key;
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  std::string whole_;
  std::vector<Contents> states_;
  Contents found_;
};

TEST_F(DamageAndLog, OfOneBlockOfBuckets) {
  {
    Surgeon surgeon(path_);
    const hmap::Run run = surgeon.layout().array_run(surgeon.header().buckets, 0);
    surgeon.at<u64>(surgeon.place(run, 0) + 100) ^= 1;
  }
  const Result<RecoverReport> report = salvage();
  ASSERT_OK(report);
  EXPECT_TRUE(same(states_.back(), found_));
  EXPECT_LT(0U, report->by_bitmap);
  EXPECT_EQ(states_.size() - 1, report->log_records);
  EXPECT_TRUE(report->complete());
}

// All that is left of a shard is its records, those of keys that the log has erased among them.
TEST_F(DamageAndLog, OfEverythingThatLeadsToRecords) {
  {
    Surgeon surgeon(path_);
    for (u64 s = 0; s < 2; ++s) {
      for_each_run(surgeon.layout(), surgeon.header(s), [&](const hmap::Run& run) {
        destroy(surgeon, run);
        return true;
      });
    }
  }
  const Result<RecoverReport> report = salvage();
  ASSERT_OK(report);
  EXPECT_LT(0U, report->by_scan);
  EXPECT_EQ(states_.size() - 1, report->log_records);
  EXPECT_TRUE(same(states_.back(), found_));
  EXPECT_FALSE(report->complete());
}

TEST_F(DamageAndLog, OfARecordThatTheLogReplaces) {
  const std::size_t at = whole_.find(key_of(7) + value_of(TypeInfo(), 7, 15));
  ASSERT_NE(std::string::npos, at);
  std::string damaged = whole_;
  damaged[at + 8] = static_cast<char>(damaged[at + 8] ^ 1);
  write_file(path_, damaged);
  const Result<RecoverReport> report = salvage();
  ASSERT_OK(report);
  EXPECT_EQ(1U, report->lost_total);
  EXPECT_TRUE(same(states_.back(), found_));
}

// What is left of the superblock has the seed, by which records tell whose log it is.
TEST_F(DamageAndLog, OfTheUuid) {
  write_file(path_, without_spares(read_file(path_)));
  std::memset(&Surgeon(path_).at<std::byte>(0), 0x5a, 56);
  const Result<RecoverReport> report = salvage();
  ASSERT_OK(report);
  EXPECT_EQ(RecoverReport::Superblock::kConfirmed, report->superblock);
  EXPECT_OK(report->log_status);
  EXPECT_TRUE(same(states_.back(), found_));
  EXPECT_TRUE(report->complete());

  // Nothing tells it of a log without records.
  std::string log = read_file(log_of(path_));
  write_file(log_of(path_), log.replace(4096, log.size() - 4096, log.size() - 4096, '\0'));
  const Result<RecoverReport> empty = salvage();
  ASSERT_OK(empty);
  EXPECT_CODE(Code::kBadLog, empty->log_status);
  EXPECT_FALSE(empty->complete());
  EXPECT_TRUE(same(states_.front(), found_));
}

TEST_F(DamageAndLog, OfTheRootButForItsLogPosition) {
  Surgeon(path_).root().checksum ^= 1;
  const Result<RecoverReport> report = salvage();
  ASSERT_OK(report);
  EXPECT_OK(report->log_status);
  EXPECT_TRUE(same(states_.back(), found_));
}

TEST_F(DamageAndLog, OfTheLogPositionOfTheRoot) {
  const u64 was = Surgeon(path_).root().log_sequence;
  for (const u64 word : {u64{0}, was & ~format::kLogInUse, was + 8, ~u64{0}}) {
    Surgeon(path_).root().log_sequence = word;
    expect_left_aside();
    EXPECT_TRUE(same(states_.front(), found_));
  }
}

// The root that is left may be the older one, and what it leads to used again.
TEST_F(DamageAndLog, OfOneRootAndOfAllThatTellsWhichWasNewer) {
  for (const u64 root : {0U, 1U}) {
    write_file(path_, whole_);
    {
      Surgeon surgeon(path_);
      const Layout& layout = surgeon.layout();
      std::memset(&surgeon.at<std::byte>(layout.root_offset(root)), 0x5a, layout.root_bytes);
      std::memset(&surgeon.at<std::byte>(layout.runtime_offset), 0, layout.runtime_bytes);
    }
    expect_left_aside();
  }
}

TEST_F(DamageAndLog, OfEveryRoot) {
  {
    Surgeon surgeon(path_);
    const Layout& layout = surgeon.layout();
    const u64 at = layout.root_offset(0);
    std::memset(&surgeon.at<std::byte>(at), 0x5a, layout.heap_offset - at);
  }
  expect_left_aside();
}

// Any value that a key had, no matter what is damaged; and the report does not call it complete if
// something is missing.
TEST_F(DamageAndLog, AtRandom) {
  Random random(test_seed());
  std::map<std::string, std::set<std::string>> had;
  for (const Contents& state : states_) {
    for (const auto& [key, value] : state) had[key].insert(value);
  }
  const std::string log = read_file(log_of(path_));
  for (int attempt = 0; attempt < 50; ++attempt) {
    watchdog_.feed();
    std::string store = whole_;
    std::string damaged_log = log;
    for (u64 i = random.below(4); i > 0; --i) {
      store[512 + random.below(store.size() - 512)] ^= static_cast<char>(1 + random.below(255));
    }
    for (u64 i = random.below(3); i > 0; --i) {
      const u64 at = random.one_in(4) ? random.below(512) : 4096 + random.below(40'000);
      damaged_log[at] = static_cast<char>(damaged_log[at] ^ static_cast<char>(random.next() | 1));
    }
    if (random.one_in(8)) damaged_log.resize(random.below(damaged_log.size()));
    write_file(path_, store);
    write_file(log_of(path_), damaged_log);
    const Result<RecoverReport> report = salvage();
    ASSERT_OK(report);
    for (const auto& [key, value] : found_) EXPECT_TRUE(had[key].contains(value)) << key;
    if (report->complete()) {
      ASSERT_LT(report->log_records, states_.size());
      EXPECT_TRUE(same(states_[report->log_records], found_)) << "attempt " << attempt;
    }
  }
}

// ---- the live state ---------------------------------------------------------------------------

class LiveStateAndLog : public ::testing::Test {
 protected:
  void SetUp() override {
    const Outcome outcome = run_in_child([&] {
      Options options = logging();
      options.shard_bits = 1;
      Store store = Store::open(path_, options).value();
      LoggedWrites writes(store);
      write_much(writes);
      raise(SIGKILL);
    });
    ASSERT_TRUE(outcome.killed()) << outcome;
    Store twin = Store::open(dir_.file("twin"), logging()).value();
    LoggedWrites writes(twin);
    write_much(writes);
    expected_ = writes.now();
  }
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  Contents expected_;
};

TEST_F(LiveStateAndLog, TheLogIsNotNeeded) {
  for (const bool there : {true, false}) {
    if (!there) std::filesystem::remove(log_of(path_));
    std::filesystem::remove(dir_.file("fresh"));
    const Result<RecoverReport> report = recover(path_, dir_.file("fresh"));
    ASSERT_OK(report);
    EXPECT_EQ(RecoverReport::State::kLive, report->state);
    EXPECT_FALSE(report->log_needed);
    EXPECT_EQ(0U, report->log_records);
    EXPECT_TRUE(report->complete());
    EXPECT_TRUE(
        same(expected_, contents(Store::open(dir_.file("fresh"), quiet_options()).value())));
  }
}

// What the other shards have is newer than the log.
TEST_F(LiveStateAndLog, AShardOfTheCheckpointIsNotBroughtUpToDate) {
  {
    Surgeon surgeon(path_);
    surgeon.at<format::ShardHeader>(surgeon.layout().header_offset(1)).b = 99;
  }
  const Result<RecoverReport> report = recover(path_, dir_.file("fresh"));
  ASSERT_OK(report);
  EXPECT_EQ(RecoverReport::State::kLive, report->state);
  EXPECT_CODE(Code::kNeedsRecovery, report->log_status);
  EXPECT_EQ(0U, report->log_records);
  EXPECT_FALSE(report->complete());
}

}  // namespace
}  // namespace hmap::test
