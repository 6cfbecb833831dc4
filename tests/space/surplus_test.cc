// What big erasures leave behind is given back without any command: the file takes less of the
// disk, nothing is lost, and what is wanted again at once is left alone.
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>

#include "child.h"
#include "hmap/snapshot.h"
#include "hmap/verify.h"
#include "hmap/view.h"
#include "raw_view.h"
#include "state/surplus.h"
#include "store/store_access.h"
#include "stores.h"
#include "system/seam.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kLarge = 100'000;

std::uint64_t disk_of(const std::string& path) {
  struct stat facts {};
  EXPECT_EQ(0, stat(path.c_str(), &facts));
  return static_cast<std::uint64_t>(facts.st_blocks) * 512;
}

std::uint64_t length_of(const std::string& path) { return std::filesystem::file_size(path); }

// Counts what this process punches.
class Punches {
 public:
  Punches() {
    bytes_ = 0;
    seam::hook.store([](seam::Event event, const void*, std::size_t bytes) {
      if (event == seam::Event::kPunch) bytes_ += bytes;
    });
  }
  Punches(const Punches&) = delete;
  Punches& operator=(const Punches&) = delete;
  ~Punches() { seam::hook.store(nullptr); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  static inline std::atomic<std::uint64_t> bytes_{0};
};

Options options_of_this() {
  Options options;
  options.durability = Durability::kNone;
  options.shard_bits = 0;
  return options;
}

class Surplus : public ::testing::Test {
 protected:
  void open(const Options& options) { store_.emplace(Store::open(path_, options).value()); }

  void put_large(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i)
      ASSERT_OK(store_->put(key_of(i), value_of(i, kLarge)));
  }
  void expect_large(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i)
      ASSERT_TRUE(value_in(*store_, key_of(i)) == value_of(i, kLarge)) << i;
  }
  void erase(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i) ASSERT_TRUE(store_->erase(key_of(i)).value()) << i;
  }
  // A checkpoint that is not left out.
  void checkpoint() {
    ASSERT_OK(store_->put("now", std::to_string(++now_)));
    ASSERT_OK(store_->checkpoint());
  }
  void expect_clean() {
    const Result<VerifyReport> report = store_->verify();
    ASSERT_OK(report);
    EXPECT_TRUE(report->clean());
  }

  Watchdog watchdog_;
  TempDir dir_;
  std::string path_ = dir_.file("store");
  std::optional<Store> store_;
  std::uint64_t now_ = 0;
};

TEST_F(Surplus, ErasedLargeRecordsGoBackToTheDisk) {
  open(options_of_this());
  put_large(0, 200);
  checkpoint();
  const std::uint64_t before = disk_of(path_);
  const std::uint64_t length = length_of(path_);
  ASSERT_GT(before, 200 * kLarge);

  erase(10, 200);
  checkpoint();
  EXPECT_GE(disk_of(path_), before) << "the durable state had them until now";
  checkpoint();

  EXPECT_LT(disk_of(path_), before / 5);
  EXPECT_EQ(length, length_of(path_)) << "others may have it mapped";
  expect_large(0, 10);
  expect_clean();

  put_large(10, 200);
  EXPECT_EQ(length, length_of(path_)) << "what is free is used again";
  expect_large(0, 200);
  checkpoint();
  expect_clean();
}

TEST_F(Surplus, AnOutgrownBucketArrayAndEmptySpansGoBackToo) {
  open(options_of_this());
  constexpr std::uint64_t kKeys = 30'000;
  for (std::uint64_t i = 0; i < kKeys; ++i) ASSERT_OK(store_->put(key_of(i), value_of(i, 200)));
  checkpoint();
  const std::uint64_t before = disk_of(path_);

  ASSERT_OK(store_->clear());
  checkpoint();
  checkpoint();

  EXPECT_LT(disk_of(path_), before / 3);
  EXPECT_EQ(1U, store_->size().value());
  expect_clean();
}

TEST_F(Surplus, TheCheckpointersThreadDoesItUnasked) {
  Options options;
  options.checkpoint_interval = Milliseconds(20);
  open(options);
  put_large(0, 100);
  ASSERT_OK(store_->checkpoint());
  const std::uint64_t before = disk_of(path_);

  erase(0, 100);
  const auto start = Clock::now();
  while (disk_of(path_) > before / 5) {
    ASSERT_LT(Clock::now() - start, kDeadline);
    ASSERT_OK(store_->put("a write", std::to_string(++now_)));
    std::this_thread::sleep_for(Milliseconds(1));
  }
}

// What is erased and written again from checkpoint to checkpoint keeps its blocks.
TEST_F(Surplus, WhatIsWantedAgainIsLeftAlone) {
  open(options_of_this());
  put_large(0, 60);
  checkpoint();
  for (std::uint64_t i = 0; i < 60; i += 20) {  // three sets of extents by turns
    erase(i, i + 20);
    put_large(i, i + 20);
    checkpoint();
  }
  const Punches punches;
  for (std::uint64_t round = 0; round < 12; ++round) {
    const std::uint64_t first = round % 3 * 20;
    erase(first, first + 20);
    put_large(first, first + 20);
    checkpoint();
  }
  EXPECT_LT(punches.bytes(), 12 * 20 * kLarge / 10);
}

TEST_F(Surplus, ASnapshotKeepsWhatItSees) {
  open(options_of_this());
  put_large(0, 50);
  const std::uint64_t before = disk_of(path_);
  {
    Snapshot snapshot = store_->snapshot().value();
    erase(0, 50);
    for (int i = 0; i < 4; ++i) checkpoint();

    EXPECT_GE(disk_of(path_), before);
    for (std::uint64_t i = 0; i < 50; ++i)
      ASSERT_TRUE(snapshot.get(key_of(i)).value() == value_of(i, kLarge)) << i;
  }
  for (int i = 0; i < 2; ++i) checkpoint();
  EXPECT_LT(disk_of(path_), before / 2);
}

TEST_F(Surplus, AViewKeepsWhatItReads) {
  open(options_of_this());
  put_large(0, 50);
  std::optional<View> view = store_->find(key_of(7)).value();
  ASSERT_TRUE(view.has_value());
  const std::uint64_t before = disk_of(path_);

  erase(0, 50);
  for (int i = 0; i < 4; ++i) checkpoint();

  EXPECT_LT(disk_of(path_), before / 2);
  EXPECT_TRUE(view->value() == value_of(7, kLarge));
}

TEST_F(Surplus, AFileOfAnotherBootGivesBackWhatLiesFree) {
  Child writer([this] {
    open(options_of_this());
    put_large(0, 100);
    checkpoint();
    erase(0, 100);
    checkpoint();
    raise(SIGKILL);  // closing would give it back
    return 1;
  });
  ASSERT_TRUE(writer.wait().killed());
  const std::uint64_t before = disk_of(path_);
  ASSERT_GT(before, 100 * kLarge);
  fake_reboot(1);

  open(options_of_this());
  for (int i = 0; i < 2; ++i) checkpoint();

  EXPECT_LT(disk_of(path_), before / 3);
  expect_clean();
  real_boot();
}

// Runs the body in a mount namespace of its own, on a tmpfs of 16 MiB.
Outcome on_a_small_disk(const TempDir& dir, const std::function<void(const std::string&)>& body) {
  return run_in_child([&] {
    const std::string place = dir.file("disk");
    std::filesystem::create_directories(place);
    if (unshare(CLONE_NEWNS) != 0 ||
        mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("hmap", place.c_str(), "tmpfs", 0, "size=16m") != 0) {
      GTEST_SKIP() << "may not mount";
    }
    body(place);
  });
}

// Others take what was given back: an error that says so, nothing lost, erasing goes on.
TEST_F(Surplus, BlocksThatOthersTookAreAnErrorAndNothingWorse) {
  const Outcome outcome = on_a_small_disk(dir_, [&](const std::string& place) {
    path_ = place + "/store";
    open(options_of_this());
    put_large(0, 100);
    for (std::uint64_t i = 1'000; i < 4'000; ++i)
      ASSERT_OK(store_->put(key_of(i), value_of(i, 50)));
    checkpoint();
    erase(20, 100);
    for (int i = 0; i < 2; ++i) checkpoint();
    std::ofstream hog(place + "/hog", std::ios::binary);
    while (hog.write(std::string(4'096, 'x').data(), 4'096).flush()) continue;
    hog.close();

    std::uint64_t next = 20;
    Status status;
    for (; status.ok() && next < 100; ++next)
      status = store_->put(key_of(next), value_of(next, kLarge));
    EXPECT_CODE(Code::kNoSpace, status);
    expect_large(0, next - 1);
    for (std::uint64_t i = 1'000; i < 4'000; ++i) {
      ASSERT_EQ(value_of(i, 50), value_in(*store_, key_of(i))) << i;
      ASSERT_TRUE(store_->erase(key_of(i)).value()) << i;
    }
    EXPECT_CODE(Code::kNoSpace, store_->put("large", value_of(1, 40 * kLarge)));

    std::filesystem::remove(place + "/hog");
    put_large(next, 100);
    expect_large(next, 100);
    expect_large(0, 20);
    checkpoint();
    expect_clean();
  });
  if (outcome.exited(kSkipped)) GTEST_SKIP() << "may not mount";
  EXPECT_CHILD_PASSES(outcome);
}

// Whoever holds the space lock may be about to take an extent, and to store to it.
TEST_F(Surplus, NothingIsPunchedWhileAnotherHoldsTheSpaceLock) {
  open(options_of_this());
  put_large(0, 100);
  checkpoint();
  erase(0, 100);
  checkpoint();
  Child holder([this] {
    Store store = Store::open(path_, options_of_this()).value();
    const Status held = StoreAccess::write(store, [](Session& session) -> Status {
      const auto lock = DomainLock::take(session.engine, session.engine.layout.space_domain());
      raise(SIGSTOP);
      return lock.error();
    });
    return held.ok() ? 0 : 1;
  });
  ASSERT_TRUE(holder.wait().stopped());
  const auto punch = [this] {
    return StoreAccess::write(*store_, [](Session& session) {
      return punch_surplus(session.engine, hmap::Surplus::kUnused);
    });
  };
  const Punches punches;

  EXPECT_CODE(Code::kBusy, punch());
  EXPECT_EQ(0U, punches.bytes());

  EXPECT_TRUE(holder.kill().killed());
  for (bool more = true; more;) {
    const Result<bool> step = punch();
    ASSERT_OK(step);
    more = *step;
  }
  EXPECT_GT(punches.bytes(), 50 * kLarge);
}

// One process gives back what another one is about to take.
TEST_F(Surplus, ProcessesThatFreeTakeAndPunchDoNotMeet) {
  Options options = small_options();
  options.checkpoint_interval = Milliseconds(2);
  open(options);
  const auto churn = [&](std::uint64_t process) {
    Store store = Store::open(path_, options).value();
    const std::uint64_t base = process * 100;
    for (std::uint64_t round = 0; round < 150; ++round) {
      const std::uint64_t key = base + round % 10;
      const std::string value = value_of(base + round, 3'000 + round * 397 % 60'000);
      EXPECT_OK(store.put(key_of(key), value));
      EXPECT_EQ(value, value_in(store, key_of(key)));
      if (round % 3 == 0) {
        EXPECT_OK(store.erase(key_of(base + (round + 5) % 10)));
      }
      if (::testing::Test::HasFailure()) return 1;
    }
    return 0;
  };
  Child first([&] { return churn(1); });
  Child second([&] { return churn(2); });
  const RawView raw(path_);
  for (int i = 0; i < 60; ++i) checkpoint();

  EXPECT_TRUE(first.wait().exited(0));
  EXPECT_TRUE(second.wait().exited(0));
  EXPECT_GT(raw.runtime().punched, 0U);
  expect_clean();
}

}  // namespace
}  // namespace hmap::test
