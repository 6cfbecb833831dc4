// What was acknowledged in commit mode and is in the log only: recover() brings it back, or says
// that it may be lost. Nothing of the damaged store or its log is changed.
#include <filesystem>

#include "../compress/texts.h"
#include "../verify/surgeon.h"
#include "child.h"
#include "power_cut.h"
#include "system/log_file.h"

namespace hmap::test {
namespace {

class CommitLog : public ::testing::Test {
 protected:
  // Leaves store and log of another boot at `path_`.
  template <typename Script>
  LoggedWrites cut_power(const Options& options, Script&& script) {
    Store store = Store::open(dir_.file("origin"), options).value();
    LoggedWrites writes(store);
    script(writes);
    copy_store(dir_.file("origin"), path_);
    return writes;
  }
  LoggedWrites cut_power(const Options& options = logging()) {
    return cut_power(options, [&](LoggedWrites& to) { write_much(to, options.type); });
  }

  // What recover() makes of it; `contents` gets what the new store holds.
  Result<RecoverReport> salvage(Contents& found, const RecoverOptions& options = {}) {
    const std::string log = log_of(path_);
    const bool has_log = std::filesystem::is_regular_file(log);
    const std::string before = read_file(path_);
    const std::string log_before = has_log ? read_file(log) : std::string();
    std::filesystem::remove(dir_.file("fresh"));
    Result<RecoverReport> report = recover(path_, dir_.file("fresh"), options);
    EXPECT_TRUE(before == read_file(path_));
    EXPECT_EQ(has_log, std::filesystem::is_regular_file(log));
    if (has_log) {
      EXPECT_TRUE(log_before == read_file(log));
    }
    if (!report) return report;
    Options reading = with_mode({}, Mode::kReadOnly);
    reading.any_type = true;
    const Store store = Store::open(dir_.file("fresh"), reading).value();
    EXPECT_TRUE(store.verify().value().clean());
    found = contents(store);
    EXPECT_EQ(found.size(), report->entries);
    EXPECT_FALSE(std::filesystem::exists(log_of(dir_.file("fresh"))));
    return report;
  }
  void expect_all(const Contents& expected, const RecoverOptions& options = {}) {
    Contents found;
    const Result<RecoverReport> report = salvage(found, options);
    ASSERT_OK(report);
    EXPECT_TRUE(same(expected, found));
    EXPECT_TRUE(report->log_needed);
    EXPECT_OK(report->log_status);
    EXPECT_EQ(RecoverReport::State::kDurable, report->state);
  }
  // The entries of the checkpoint with `records` of the log.
  void expect_loss(Code code, const Contents& expected, std::uint64_t records = 0) {
    Contents found;
    const Result<RecoverReport> report = salvage(found);
    ASSERT_OK(report);
    EXPECT_TRUE(same(expected, found));
    EXPECT_EQ(records, report->log_records);
    EXPECT_CODE(code, report->log_status);
    EXPECT_FALSE(report->complete());
  }

  // Where each record begins that follows the newest root, and last where the row ends.
  std::vector<std::uint64_t> positions() {
    Surgeon surgeon(path_);
    const auto log = LogFile::open_by_seed(log_of(path_), nullptr, surgeon.seed()).value();
    std::vector<std::uint64_t> found = {surgeon.root().log_sequence & ~format::kLogInUse};
    for (;;) {
      const auto entry = log->read(found.back()).value();
      if (!entry) return found;
      found.push_back(entry->end);
    }
  }
  // Writes a record behind the last one.
  void append(format::LogOp op, const std::string& key, StoredValue value,
              std::uint64_t shard = 0) {
    Surgeon surgeon(path_);
    format::Superblock superblock = surgeon.at<format::Superblock>(0);
    const auto log = LogFile::open(log_of(path_), superblock, true).value();
    std::string record;
    LogFile::compose(op, key, value, shard, record);
    ASSERT_OK(log->write(positions().back(), record));
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
};

TEST_F(CommitLog, HasPutsErasuresAndBatches) {
  for (const int shard_bits : {0, 3}) {
    Options options = logging();
    options.shard_bits = shard_bits;
    std::filesystem::remove(dir_.file("origin"));
    std::filesystem::remove(log_of(dir_.file("origin")));
    const LoggedWrites writes = cut_power(options);
    expect_all(writes.now());
    Contents found;
    const Result<RecoverReport> report = salvage(found);
    ASSERT_OK(report);
    EXPECT_TRUE(report->complete());
    EXPECT_EQ(writes.states().size() - 1, report->log_records);
    EXPECT_EQ(writes.states().size() - 1 + 4 * 3, report->log_operations) << "batches of four";
    EXPECT_EQ(200U, report->by_bucket);
  }
}

TEST_F(CommitLog, IsAllThereIs) {
  const LoggedWrites writes = cut_power(logging(), [](LoggedWrites& to) {
    for (std::uint64_t n = 0; n < 50; ++n) to.put(key_of(n), "value");
  });
  expect_all(writes.now());
}

TEST_F(CommitLog, IsNotNeededAfterAClose) {
  Contents expected;
  {
    Store store = Store::open(path_, logging()).value();
    LoggedWrites writes(store);
    write_much(writes);
    expected = writes.now();
    ASSERT_OK(store.close());
  }
  for (const bool there : {true, false}) {
    if (!there) std::filesystem::remove(log_of(path_));
    Contents found;
    const Result<RecoverReport> report = salvage(found);
    ASSERT_OK(report);
    EXPECT_TRUE(report->complete());
    EXPECT_FALSE(report->log_needed);
    EXPECT_EQ(0U, report->log_records);
    EXPECT_TRUE(same(expected, found));
  }
}

TEST_F(CommitLog, HasAClearOfTheStore) {
  Options options = logging();
  options.shard_bits = 2;
  const LoggedWrites writes = cut_power(options, [](LoggedWrites& to) {
    for (std::uint64_t n = 0; n < 100; ++n) to.put(key_of(n), "of the checkpoint");
    to.checkpoint();
    for (std::uint64_t n = 50; n < 150; ++n) to.put(key_of(n), "of the log");
    to.clear();
    for (std::uint64_t n = 90; n < 99; ++n) to.put(key_of(n), "behind the clear");
  });
  expect_all(writes.now());
  append(format::LogOp::kErase, key_of(95), {});
  append(format::LogOp::kPut, key_of(3), {"again", 0});
  Contents expected = writes.now();
  expected.erase(key_of(95));
  expected[key_of(3)] = "again";
  expect_all(expected);
}

// The new store has shards and a seed of its own.
TEST_F(CommitLog, HasAClearOfOneShard) {
  Options options = logging();
  options.shard_bits = 2;
  Contents expected = cut_power(options).now();
  const std::uint64_t seed = Surgeon(path_).seed();
  std::erase_if(expected, [&](const auto& entry) { return hash_key(entry.first, seed) % 4 == 1; });
  append(format::LogOp::kClear, "", {}, 1);
  for (std::uint64_t n = 0; n < 9; ++n) {
    append(format::LogOp::kPut, key_of(n), {"behind the clear", 0});
    expected[key_of(n)] = "behind the clear";
  }
  RecoverOptions wish;
  wish.store.shard_bits = 1;
  expect_all(expected, wish);
}

// What comes behind a marker that no root contains was acknowledged to nobody.
TEST_F(CommitLog, EndsBeforeAMarker) {
  const LoggedWrites writes = cut_power();
  append(format::LogOp::kMarker, "", {});
  append(format::LogOp::kPut, key_of(1), {"behind the marker", 0});
  expect_all(writes.now());
}

TEST_F(CommitLog, MayHaveValuesThatAreTooLargeForIt) {
  Options options = logging();
  options.wait_for_log = true;  // with a checkpoint, which is what a marker asks for
  const LoggedWrites writes = cut_power(options, [](LoggedWrites& to) {
    write_much(to);
    to.put("large", std::string(200'000, 'L'));
    to.put("behind", "it");
  });
  expect_all(writes.now());
}

TEST_F(CommitLog, IsMissing) {
  const LoggedWrites writes = cut_power();
  std::filesystem::remove(log_of(path_));
  expect_loss(Code::kBadLog, writes.states().front());
}

TEST_F(CommitLog, IsThatOfAnotherStore) {
  const LoggedWrites writes = cut_power();
  {
    Store other = Store::open(dir_.file("other"), logging()).value();
    ASSERT_OK(other.put(key_of(1), "of another store"));
    copy_file(log_of(dir_.file("other")), log_of(path_));
  }
  expect_loss(Code::kBadLog, writes.states().front());
}

TEST_F(CommitLog, IsNoLog) {
  const LoggedWrites writes = cut_power();
  const std::string whole = read_file(log_of(path_));
  for (const std::uint64_t at : {0U, 9U, 12U, 20U, 33U, 500U}) {
    write_file(log_of(path_), whole);
    damage_log(path_, at);
    expect_loss(Code::kBadLog, writes.states().front());
  }
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{100}, whole.size() - 1}) {
    write_file(log_of(path_), whole.substr(0, bytes));
    expect_loss(Code::kBadLog, writes.states().front());
  }
  std::filesystem::remove(log_of(path_));
  std::filesystem::create_directory(log_of(path_));
  expect_loss(Code::kBadLog, writes.states().front());
}

// F-61: such a record cannot be told from one that the power cut tore.
TEST_F(CommitLog, EndsBeforeARecordThatIsNotIntact) {
  const LoggedWrites writes = cut_power();
  const std::string whole = read_file(log_of(path_));
  const std::vector<std::uint64_t> at = positions();
  ASSERT_EQ(writes.states().size(), at.size());
  for (std::size_t record = 0; record + 1 < at.size(); record += record == 0 ? 1 : 7) {
    write_file(log_of(path_), whole);
    damage_log(path_, format::kLogAreaAt + (at[record] + at[record + 1]) / 2 % logging().log_bytes);
    Contents found;
    const Result<RecoverReport> report = salvage(found);
    ASSERT_OK(report);
    EXPECT_TRUE(same(writes.states()[record], found));
    EXPECT_EQ(record, report->log_records);
  }
}

TEST_F(CommitLog, HasARecordThatNoStoreOfThisTypeWrites) {
  Options options = logging();
  options.type = fixed_type(8, 8);
  const LoggedWrites writes = cut_power(options);
  const std::string whole = read_file(log_of(path_));
  const auto expect_end = [&] {
    expect_loss(Code::kBadLog, writes.now(), writes.states().size() - 1);
    write_file(log_of(path_), whole);
  };
  append(format::LogOp::kPut, "short", {"12345678", 0});
  expect_end();
  append(format::LogOp::kPut, "12345678", {"short", 0});
  expect_end();
  append(format::LogOp::kBatch, "", {"half a batch", 0});
  expect_end();
  append(format::LogOp::kClear, "", {}, 77);
  expect_end();
}

TEST_F(CommitLog, HasTypedEntries) {
  for (const auto& [key_bytes, value_bytes] : {std::pair{8U, 8U}, {5U, 200U}}) {
    Options options = logging();
    options.type = fixed_type(key_bytes, value_bytes);
    std::filesystem::remove(dir_.file("origin"));
    std::filesystem::remove(log_of(dir_.file("origin")));
    expect_all(cut_power(options).now());
    EXPECT_TRUE(same_type(options.type, Store::open(dir_.file("fresh"),
                                                    [&] {
                                                      Options any = with_mode({}, Mode::kReadOnly);
                                                      any.any_type = true;
                                                      return any;
                                                    }())
                                            .value()
                                            .type()
                                            .value()));
  }
}

TEST_F(CommitLog, HasCompressedValues) {
  const Options options = compressing(logging(), texts_dictionary());
  const LoggedWrites writes = cut_power(options, [](LoggedWrites& to) {
    write_much(to, {}, [](const TypeInfo&, std::uint64_t stamp) { return text_of(stamp); });
  });
  expect_all(writes.now());

  // Without the dictionary they are lost, and so is that they may be what they were before.
  Surgeon surgeon(path_);
  surgeon.at<std::uint64_t>(surgeon.layout().dictionary_offset + 100) ^= 1;
  Contents found;
  const Result<RecoverReport> report = salvage(found);
  ASSERT_OK(report);
  EXPECT_FALSE(report->complete());
  EXPECT_CODE(Code::kBadLog, report->log_status);
  for (const auto& [key, value] : found) EXPECT_EQ(writes.now().at(key), value) << key;
}

}  // namespace
}  // namespace hmap::test
