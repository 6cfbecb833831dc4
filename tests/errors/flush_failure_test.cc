// A flush that fails is final: the store is poisoned for everybody until all have closed it, and is
// then its last checkpoint again. The flush functions of libc are replaced by ones that can fail.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <thread>

#include "child.h"
#include "shared_memory.h"
#include "stores.h"
#include "system/log_file.h"
#include "temp_file.h"

namespace {

// The flush at which to fail, counted down to 0 (0: never), and how many were asked for.
std::atomic<int> g_fail_in{0};
std::atomic<int> g_flushes{0};
// The one that fails ends when another flush is asked for, or nobody asks for so long.
std::atomic<int> g_wait_for_another{0};  // milliseconds

bool fails_now() {
  ++g_flushes;
  int left = g_fail_in.load();
  while (left > 0 && !g_fail_in.compare_exchange_weak(left, left - 1)) continue;
  if (left != 1) return false;
  const int flushes = g_flushes;
  for (int left_to_wait = g_wait_for_another; left_to_wait > 0; --left_to_wait) {
    if (g_flushes != flushes) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  errno = EIO;
  return true;
}

}  // namespace

// These take the place of libc's in this program, for the library too.
extern "C" int fdatasync(int fd) {
  return fails_now() ? -1 : static_cast<int>(syscall(SYS_fdatasync, fd));
}
extern "C" int fsync(int fd) { return fails_now() ? -1 : static_cast<int>(syscall(SYS_fsync, fd)); }
extern "C" int msync(void* address, std::size_t bytes, int flags) {
  return fails_now() ? -1 : static_cast<int>(syscall(SYS_msync, address, bytes, flags));
}

namespace hmap::test {
namespace {

class FlushFailure : public ::testing::Test {
 protected:
  void SetUp() override {
    store_.emplace(Store::open(path_, quiet_options()).value());
    ASSERT_OK(store_->put("durable", "value"));
    ASSERT_OK(store_->checkpoint());
    ASSERT_OK(store_->put("live", "value"));
  }
  void TearDown() override { g_fail_in = 0; }

  void poison() {
    g_fail_in = 1;
    EXPECT_CODE(Code::kIoError, store_->checkpoint());
    ASSERT_EQ(0, g_fail_in) << "nobody flushed";
  }
  static void expect_poisoned(Store& store) {
    EXPECT_CODE(Code::kPoisoned, store.put("key", "value"));
    EXPECT_CODE(Code::kPoisoned, store.insert("key", "value"));
    EXPECT_CODE(Code::kPoisoned, store.replace("live", "changed"));
    EXPECT_CODE(Code::kPoisoned, store.erase("live"));
    EXPECT_CODE(Code::kPoisoned, store.clear());
    EXPECT_CODE(Code::kPoisoned, store.checkpoint());
    EXPECT_VALUE(store, "durable", "value");
    EXPECT_VALUE(store, "live", "value");
    EXPECT_EQ(2U, contents(store).size());
    EXPECT_TRUE(store.stats().value().poisoned);
  }

  TempDir dir_;
  std::string path_ = dir_.file("store");
  std::optional<Store> store_;
};

TEST_F(FlushFailure, PoisonsTheStoreForItsHandleAndIsNeverRetried) {
  poison();

  const int flushes = g_flushes;
  expect_poisoned(*store_);
  EXPECT_EQ(flushes, g_flushes) << "a failed flush was tried again";
}

TEST_F(FlushFailure, PoisonsTheStoreForOtherHandlesAndProcesses) {
  Store second = Store::open(path_, quiet_options()).value();
  Shared<std::atomic<int>> step;
  Child child([&] {
    Result<Store> own = Store::open(path_, quiet_options());
    if (!own) return 2;
    step->store(1);
    while (step->load() < 2) std::this_thread::yield();
    expect_poisoned(*own);
    return HasFailure() ? 1 : 0;
  });
  const auto start = Clock::now();
  while (step->load() < 1 && Clock::now() - start < kDeadline) std::this_thread::yield();

  poison();
  step->store(2);

  expect_poisoned(second);
  EXPECT_CHILD_PASSES(child.wait());
}

TEST_F(FlushFailure, OfAnyFlushOfACheckpointPoisonsAndLeavesACheckpoint) {
  g_flushes = 0;
  ASSERT_OK(store_->checkpoint());
  const int flushes = g_flushes;
  ASSERT_GE(flushes, 1);

  for (int failing = 1; failing <= flushes; ++failing) {
    SCOPED_TRACE("flush " + std::to_string(failing) + " of " + std::to_string(flushes));
    ASSERT_OK(store_->put("live", "value" + std::to_string(failing)));
    g_fail_in = failing;
    EXPECT_CODE(Code::kIoError, store_->checkpoint());
    EXPECT_CODE(Code::kPoisoned, store_->put("live", "other"));
    static_cast<void>(store_->close());
    store_.emplace(Store::open(path_, quiet_options()).value());
    const std::optional<std::string> live = value_in(*store_, "live");
    // Before the root is written the old checkpoint counts; a root in doubt may be either.
    const std::string before = failing == 1 ? "value" : "value" + std::to_string(failing - 1);
    EXPECT_TRUE(live == before || live == "value" + std::to_string(failing)) << *live;
    ASSERT_OK(store_->put("live", "value" + std::to_string(failing)));
    ASSERT_OK(store_->checkpoint());
  }
}

TEST_F(FlushFailure, EndsWhenAllHaveClosedAndTheStoreIsItsLastCheckpoint) {
  std::optional<Store> second = Store::open(path_, quiet_options()).value();
  poison();

  static_cast<void>(store_->close());
  expect_poisoned(*second);
  EXPECT_FALSE(second->close().ok()) << "the changes since the last checkpoint are lost";
  Result<Store> again = Store::open(path_, quiet_options());

  ASSERT_OK(again);
  EXPECT_FALSE(again->stats().value().poisoned);
  EXPECT_VALUE(*again, "durable", "value");
  EXPECT_ABSENT(*again, "live");
  EXPECT_EQ(1U, again->size().value());
  EXPECT_OK(again->put("live", "again"));
  EXPECT_OK(again->checkpoint());
  EXPECT_OK(again->close());
}

TEST_F(FlushFailure, OfTheLastCloseIsReportedByClose) {
  g_fail_in = 1;

  EXPECT_CODE(Code::kIoError, store_->close());

  EXPECT_CODE(Code::kClosed, store_->put("key", "value"));
  Result<Store> again = Store::open(path_, quiet_options());
  ASSERT_OK(again);
  EXPECT_VALUE(*again, "durable", "value");
  EXPECT_OK(again->put("key", "value"));
  EXPECT_OK(again->close());
}

TEST_F(FlushFailure, OfTheBackgroundPoisonsToo) {
  ASSERT_OK(store_->close());
  Options options = small_options();
  options.checkpoint_interval = Milliseconds(20);
  store_.emplace(Store::open(path_, options).value());
  g_fail_in = 1;
  ASSERT_OK(store_->put("key", "value"));

  const auto start = Clock::now();
  Status status;
  while (status.ok() && Clock::now() - start < Milliseconds(10'000)) {
    status = store_->put("key", "value");
    std::this_thread::yield();
  }

  EXPECT_CODE(Code::kPoisoned, status);
  EXPECT_VALUE(*store_, "durable", "value");
}

// The kernel tells an error once for each descriptor: of two threads that flush one, one is told.
TEST_F(FlushFailure, OfTheCommitLogIsAnErrorToEveryThread) {
  const format::Superblock superblock{};
  const std::string path = dir_.file("log");
  ASSERT_OK(LogFile::create(path, superblock, format::kLogAreaMin, 0600));
  const std::unique_ptr<LogFile> log = LogFile::open(path, superblock, true).value();
  ASSERT_OK(log->flush());
  const int flushes = g_flushes;
  g_wait_for_another = 200;
  g_fail_in = 1;

  Status first;
  std::thread thread([&] { first = log->flush(); });
  while (g_flushes == flushes) std::this_thread::yield();
  const Status second = log->flush();
  thread.join();

  g_wait_for_another = 0;
  EXPECT_CODE(Code::kIoError, first);
  EXPECT_CODE(Code::kIoError, second);
  EXPECT_CODE(Code::kIoError, log->flush());
  EXPECT_EQ(EIO, second.os_error());
}

TEST_F(FlushFailure, WhileCreatingIsAnErrorAndLeavesNoFile) {
  const std::string path = dir_.file("new");
  g_flushes = 0;
  ASSERT_OK(Store::open(path, quiet_options()));
  const int flushes = g_flushes;
  for (int failing = 1; failing <= flushes; ++failing) {
    std::filesystem::remove(path);
    g_fail_in = failing;
    const Status status = Store::open(path, quiet_options()).error();
    const bool untouched = g_fail_in.exchange(0) != 0;
    if (untouched) continue;    // that flush belonged to the close
    if (status.ok()) continue;  // the same: close() in the destructor
    EXPECT_CODE(Code::kIoError, status);
    EXPECT_FALSE(std::filesystem::exists(path)) << "flush " << failing;
    EXPECT_OK(Store::open(path, quiet_options()));
  }
}

}  // namespace
}  // namespace hmap::test
