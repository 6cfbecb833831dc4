// A store with more in its commit log than in its last checkpoint, and a damaged block that replay
// has to write to: opening says so and changes nothing that counts, so that nothing is lost by it.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <string>

#include "../verify/surgeon.h"
#include "child.h"
#include "commit_options.h"
#include "hmap/recover.h"
#include "hmap/verify.h"
#include "life/open.h"
#include "system/log_file.h"
#include "values.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kLogged = 50;

class DamagedReplay : public ::testing::Test {
 protected:
  void SetUp() override {
    Store store = Store::open(dir_.file("origin"), options_).value();
    std::uint64_t keys = 0;
    for (; keys < 200 || store.stats().value().shards[0].growing; ++keys)
      ASSERT_OK(store.put(key_of(keys), "of the checkpoint"));
    ASSERT_OK(store.checkpoint());
    checkpointed_ = contents(store);
    for (std::uint64_t i = 0; i < kLogged; ++i) ASSERT_OK(store.put(key_of(i), "of the log"));
    // The power fails.
    copy_store(dir_.file("origin"), path_);
    damage();
  }

  // A byte that no read looks at, in the bucket of a key in the middle of the log.
  void damage() {
    Surgeon surgeon(path_);
    const format::ShardHeader& header = surgeon.header();
    ASSERT_EQ(0U, header.oldbuckets.id);
    const u64 hash = hmap::mix(hash_key(key_of(kLogged / 2), surgeon.seed()), header.hash0);
    const auto where = surgeon.layout().bucket.place(hash & ((u64{1} << header.buckets.b) - 1));
    place_ = surgeon.place(surgeon.layout().array_run(header.buckets, 0), where.block);
    surgeon.at<u64>(place_ + where.inside + offsetof(format::Bmap, version)) ^= u64{1} << 60;
    runtime_at_ = surgeon.layout().runtime_offset;
  }
  static Options ignoring(Options options) {
    options.ignore_log = true;
    return options;
  }
  // What lies before the runtime area: the superblock and both roots.
  [[nodiscard]] std::string roots() const { return read_file(path_).substr(0, runtime_at_); }
  void expect_found() {
    const Result<VerifyReport> report = Store::verify_file(path_);
    ASSERT_OK(report);
    ASSERT_EQ(1U, report->findings.size());
    EXPECT_EQ(FindingKind::kBlock, report->findings[0].kind);
    EXPECT_EQ(place_, report->findings[0].offset);
  }
  [[nodiscard]] Contents stale() const {
    return contents(Store::open(path_, ignoring(with_mode({}, Mode::kReadOnly))).value());
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  Options options_ = [] {
    Options options = commit_options();
    options.log_bytes = 65'536;
    return options;
  }();
  Contents checkpointed_;
  std::uint64_t place_ = 0;
  std::uint64_t runtime_at_ = 0;
};

TEST_F(DamagedReplay, IsAnErrorWithAPlaceForEveryWriterAndChangesNothingThatCounts) {
  const std::string log = read_file(log_of(path_));
  const std::string before = roots();
  for (int round = 0; round < 2; ++round) {
    for (const Options& wish : {options_, quiet_options(), small_options()}) {
      const Result<Store> store = Store::open(path_, wish);
      ASSERT_CODE(Code::kCorrupt, store);
      EXPECT_EQ(place_, store.error().value()) << store.error();
      EXPECT_TRUE(log == read_file(log_of(path_)));
      EXPECT_TRUE(before == roots());
      EXPECT_EQ(checkpointed_, stale());
      expect_found();
    }
  }
}

TEST_F(DamagedReplay, AReaderIsToldOfTheLogAndMaySeeTheCheckpoint) {
  EXPECT_CODE(Code::kNeedsRecovery, Store::open(path_, with_mode({}, Mode::kReadOnly)));
  EXPECT_EQ(checkpointed_, stale());
  ASSERT_CODE(Code::kCorrupt, Store::open(path_, options_));
  EXPECT_CODE(Code::kNeedsRecovery, Store::open(path_, with_mode({}, Mode::kReadOnly)));
}

TEST_F(DamagedReplay, TheCheckpointIsSalvagedAndWhatTheLogHas) {
  ASSERT_CODE(Code::kCorrupt, Store::open(path_, options_));
  const Result<RecoverReport> report = recover(path_, dir_.file("fresh"));
  ASSERT_OK(report);
  EXPECT_EQ(RecoverReport::State::kDurable, report->state);
  EXPECT_EQ(checkpointed_.size(), report->entries);
  EXPECT_LT(0U, report->by_bitmap) << "those of the damaged block";
  EXPECT_EQ(kLogged, report->log_records);
  EXPECT_TRUE(report->complete());
  Contents expected = checkpointed_;
  for (std::uint64_t i = 0; i < kLogged; ++i) expected[key_of(i)] = "of the log";
  EXPECT_EQ(expected, contents(Store::open(dir_.file("fresh"), quiet_options()).value()));
}

// Whoever gives the log up has the checkpoint, to write to as far as it is whole.
TEST_F(DamagedReplay, TheLogMayBeGivenUp) {
  ASSERT_CODE(Code::kCorrupt, Store::open(path_, options_));
  Store store = Store::open(path_, ignoring(options_)).value();
  EXPECT_EQ(checkpointed_, contents(store));
  const Status status = store.put(key_of(kLogged / 2), "value");
  EXPECT_CODE(Code::kCorrupt, status);
  EXPECT_EQ(place_, status.value());
  std::uint64_t written = 0;
  for (const auto& [key, value] : checkpointed_) written += store.put(key, "new").ok() ? 1 : 0;
  EXPECT_LT(checkpointed_.size() / 2, written);
}

// A record with the right checksum that no writer of this library can have written: a batch of more
// operations than the batch area has room for.
TEST(DamagedLog, ABatchWithTooManyOperationsIsRefused) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  Options options = commit_options();
  options.log_bytes = 1 << 20;
  std::uint64_t tail = 0;
  std::uint32_t most = 0;
  {
    Store store = Store::open(dir.file("origin"), options).value();
    ASSERT_OK(store.put("key", "value"));
    ASSERT_OK(store.checkpoint());
    tail = store.stats()->log_written;
    most = store.stats()->batch_ops;
    copy_store(dir.file("origin"), path);
  }
  const std::string before = read_file(path);
  for (const std::uint32_t ops : {most, most + 1, 100 * most}) {
    write_file(path, before);
    std::string batch;
    for (std::uint32_t i = 0; i < ops; ++i) {
      const std::string key = "new " + std::to_string(i);
      format::LogBatchOp op{};
      op.op = static_cast<u8>(format::LogOp::kPut);
      op.key_bytes = static_cast<u16>(key.size());
      batch.append(reinterpret_cast<const char*>(&op), sizeof op).append(key);
    }
    std::string record;
    LogFile::compose(format::LogOp::kBatch, {}, {batch}, 0, record);
    const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    const auto superblock = read_superblock(file.get(), false).value();
    ASSERT_OK(LogFile::open(log_of(path), superblock, true).value()->write(tail, record));
    const Result<Store> store = Store::open(path, options);
    if (ops == most) {
      ASSERT_OK(store);
      EXPECT_EQ(ops + 1, store->size().value());
      continue;
    }
    EXPECT_CODE(Code::kBadLog, store);
    EXPECT_FINDS_NOTHING(Store::verify_file(path));
  }
}

}  // namespace
}  // namespace hmap::test
