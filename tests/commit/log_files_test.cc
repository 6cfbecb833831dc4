// The log as a file beside the store: missing, damaged, another store's; who may open what.
#include <gtest/gtest.h>

#include <filesystem>

#include "child.h"
#include "commit_options.h"
#include "format/log_format.h"
#include "life/open.h"
#include "values.h"

namespace hmap::test {
namespace {

class LogFiles : public ::testing::Test {
 protected:
  // A store that a power cut met: a checkpoint of nothing, and 50 keys in the log.
  void SetUp() override {
    Store store = Store::open(dir_.file("origin"), options()).value();
    for (int i = 0; i < 50; ++i) ASSERT_OK(store.put("key " + std::to_string(i), "value"));
    copy_store(dir_.file("origin"), path_);
  }

  static Options options() {
    Options options = commit_options();
    options.log_bytes = 65'536;
    return options;
  }
  static Options ignoring(Options options) {
    options.ignore_log = true;
    return options;
  }
  void expect_refused(Code code) {
    for (const Options& options : {options_, quiet_options(), with_mode({}, Mode::kReadOnly)}) {
      EXPECT_CODE(code, Store::open(path_, options));
    }
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  Options options_ = options();
};

TEST_F(LogFiles, IsReplayedByAnyWriterAndCountedInItsStats) {
  for (const Options& wish : {options_, quiet_options(), small_options()}) {
    copy_store(dir_.file("store"), dir_.file("copy"));
    Store store = Store::open(dir_.file("copy"), wish).value();
    EXPECT_EQ(50U, contents(store).size());
    EXPECT_EQ(50U, store.stats().value().log_replayed);
  }
}

TEST_F(LogFiles, AReaderOfAStoreWithMoreInItsLogNeedsAWriterOrAsksForAStaleView) {
  EXPECT_CODE(Code::kNeedsRecovery, Store::open(path_, with_mode({}, Mode::kReadOnly)));
  const Store stale = Store::open(path_, ignoring(with_mode({}, Mode::kReadOnly))).value();
  EXPECT_EQ(0U, contents(stale).size());

  Store writer = Store::open(path_, options_).value();

  const Store reader = Store::open(path_, with_mode({}, Mode::kReadOnly)).value();
  EXPECT_EQ(50U, contents(reader).size());
  EXPECT_EQ(50U, stale.size().value()) << "it has switched to the live state";
}

TEST_F(LogFiles, AfterTheLastCloseNobodyNeedsTheLog) {
  { Store store = Store::open(path_, options_).value(); }
  ASSERT_TRUE(std::filesystem::exists(log_of(path_))) << "kept for the next time";
  std::filesystem::remove(log_of(path_));

  EXPECT_EQ(50U, contents(Store::open(path_, with_mode({}, Mode::kReadOnly)).value()).size());
  Store store = Store::open(path_, options_).value();
  EXPECT_EQ(50U, contents(store).size());
  EXPECT_TRUE(std::filesystem::exists(log_of(path_))) << "a new one";
  ASSERT_OK(store.put("key", "value"));
  EXPECT_OK(store.close());
}

TEST_F(LogFiles, MissingOneIsAnErrorUnlessItIsGivenUp) {
  std::filesystem::remove(log_of(path_));
  expect_refused(Code::kBadLog);

  Store store = Store::open(path_, ignoring(options_)).value();

  EXPECT_EQ(0U, contents(store).size());
  ASSERT_OK(store.put("key", "value"));
  ASSERT_OK(store.close());
  EXPECT_EQ(1U, contents(Store::open(path_, options_).value()).size());
}

TEST_F(LogFiles, OfAnotherStoreIsAnErrorAndStaysAsItIs) {
  { Store other = Store::open(dir_.file("other"), options_).value(); }
  copy_file(log_of(dir_.file("other")), log_of(path_));
  const std::string before = read_file(log_of(path_));

  expect_refused(Code::kBadLog);

  EXPECT_TRUE(before == read_file(log_of(path_)));
}

TEST_F(LogFiles, DamagedHeaderOrCutShortIsAnErrorUnlessItIsGivenUp) {
  const std::string whole = read_file(log_of(path_));
  for (const std::uint64_t at : {0U, 9U, 12U, 20U, 33U, 500U}) {
    SCOPED_TRACE(at);
    write_file(log_of(path_), whole);
    damage_log(path_, at);
    expect_refused(Code::kBadLog);
  }
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{100}, whole.size() - 1}) {
    write_file(log_of(path_), whole.substr(0, bytes));
    expect_refused(Code::kBadLog);
  }
  Store store = Store::open(path_, ignoring(options_)).value();
  EXPECT_EQ(0U, contents(store).size());
  EXPECT_TRUE(std::filesystem::exists(log_of(path_) + ".bad")) << "put aside, not destroyed";
}

// As after a power cut in the middle of an append: what comes behind was acknowledged to nobody.
TEST_F(LogFiles, ReplayStopsAtTheFirstDamagedRecord) {
  const std::uint64_t record = 24 + 8 + 8;  // header, "key 10", "value", rounded up
  const std::uint64_t first = 10 * (24 + 16) + 20 * record;
  ASSERT_EQ(first, 30 * record) << "all records are equally long";
  damage_log(path_, format::kLogAreaAt + first + 30);

  Store store = Store::open(path_, options_).value();

  EXPECT_EQ(30U, contents(store).size());
  // Nothing of what lay behind the damage comes back, although a record of the same length follows.
  ASSERT_OK(store.put("key 99", "value"));
  copy_store(path_, dir_.file("again"));
  EXPECT_EQ(31U, contents(Store::open(dir_.file("again"), options_).value()).size());
}

TEST_F(LogFiles, OnlyThoseWhoWantTheSameModeMayJoin) {
  Store store = Store::open(path_, options_).value();
  EXPECT_CODE(Code::kModeMismatch, Store::open(path_, quiet_options()));
  Options any = small_options();
  Store second = Store::open(path_, any).value();
  EXPECT_EQ(Durability::kCommit, second.stats().value().durability);
  ASSERT_OK(second.put("second", "value"));

  std::filesystem::rename(log_of(path_), dir_.file("elsewhere"));
  EXPECT_CODE(Code::kBadLog, Store::open(path_, options_));
  copy_file(dir_.file("elsewhere"), log_of(path_));
  EXPECT_CODE(Code::kBadLog, Store::open(path_, options_)) << "a copy is not the log in use";
}

TEST_F(LogFiles, TheModeMayChangeWhenAllHaveClosed) {
  for (int round = 0; round < 3; ++round) {
    const std::string key = "round " + std::to_string(round);
    Store commit = Store::open(path_, options_).value();
    ASSERT_OK(commit.put(key, "commit"));
    ASSERT_OK(commit.close());
    Store quiet = Store::open(path_, quiet_options()).value();
    ASSERT_OK(quiet.put(key, "quiet"));
    ASSERT_OK(quiet.close());
  }
  copy_file(path_, dir_.file("copy"));  // without the log
  EXPECT_EQ(53U, contents(Store::open(dir_.file("copy"), quiet_options()).value()).size());
}

// The store put back as it was, with the log that was beside it meanwhile: what that has is of a
// history that is over, and does not follow what is written now.
TEST_F(LogFiles, OfAHistoryThatIsOverDoesNotComeBack) {
  const std::string backup = dir_.file("backup");
  { Store store = Store::open(path_, options_).value(); }
  copy_file(path_, backup);
  {
    Store store = Store::open(path_, options_).value();
    for (int i = 0; i < 50; ++i) ASSERT_OK(store.put("gone " + std::to_string(i), "value"));
  }
  std::filesystem::remove(path_);
  copy_file(backup, path_);

  Store store = Store::open(path_, options_).value();
  ASSERT_OK(store.put("here 1", "value"));
  copy_store(path_, dir_.file("rebooted"));

  EXPECT_EQ(51U, contents(Store::open(dir_.file("rebooted"), options_).value()).size());
}

// Somebody came and went in commit mode while a guest, who has no log, was there.
TEST_F(LogFiles, AGuestWhoClosesLastLeavesNoneInUse) {
  const std::unique_ptr<Session> guest = open_session(path_, small_options(), Role::kGuest).value();
  {
    Store store = Store::open(path_, options_).value();
    ASSERT_OK(store.put("key", "value"));
  }
  ASSERT_OK(close_session(*guest));
  copy_file(path_, dir_.file("copy"));  // without the log

  const Result<Store> copy = Store::open(dir_.file("copy"), quiet_options());

  ASSERT_OK(copy);
  EXPECT_EQ(51U, contents(*copy).size());
}

// Killed in commit mode, opened in another one, written to, killed, opened in commit mode again:
// the log of the first time must not come back over what was written without it.
TEST_F(LogFiles, AModeChangedAfterADeathDoesNotMixUpHistories) {
  const auto live = [&](const Options& wish, const std::string& value) {
    Child child([&] {
      Store store = Store::open(path_, wish).value();
      if (!store.put("key 1", value).ok()) return 2;
      raise(SIGKILL);
      return 3;
    });
    ASSERT_TRUE(child.wait().killed());
  };
  live(options_, "first");
  live(quiet_options(), "second");
  live(options_, "third");
  live(quiet_options(), "fourth");
  EXPECT_VALUE(Store::open(path_, with_mode({}, Mode::kReadOnly)).value(), "key 1", "fourth");

  copy_store(path_, dir_.file("rebooted"));
  Store store = Store::open(dir_.file("rebooted"), options_).value();

  EXPECT_VALUE(store, "key 1", "third");
  EXPECT_EQ(50U, store.size().value());
}

TEST_F(LogFiles, FoundThroughASymbolicLink) {
  std::filesystem::create_symlink(path_, dir_.file("link"));
  Store store = Store::open(dir_.file("link"), options_).value();
  Store second = Store::open(path_, options_).value();
  EXPECT_EQ(50U, contents(store).size());
  EXPECT_FALSE(std::filesystem::exists(log_of(dir_.file("link"))));
}

}  // namespace
}  // namespace hmap::test
