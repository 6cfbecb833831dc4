// Space made ready before it is needed: whoever dies, whatever is full, it is free space like
// other.
#include <sys/syscall.h>

#include <cerrno>

#include "../threads/ahead.h"
#include "../unit/os_support.h"
#include "no_threads.h"

namespace hmap::test {
namespace {

using SpaceAhead = AheadOfNeed;

TEST_F(SpaceAhead, DyingInTheMiddleLosesNothing) {
  std::uint64_t known = 0;
  for (int round = 0; round < 6; ++round) {
    Child writer([&] {
      Store store = Store::open(path_, options()).value();
      for (std::uint64_t i = store.size().value();; ++i) {
        if (!store.put(key_of(i), value_of(i, kLong)).ok()) return 1;
      }
    });
    const std::uint64_t goal = std::max(kMany, known + kMany / 5);
    for (std::uint64_t count = 0; count < goal;) {
      const Result<Store> reader = Store::open(path_, with_mode({}, Mode::kReadOnly));
      count = reader ? reader->size().value() : 0;
    }
    ASSERT_TRUE(writer.kill().killed());
    const Store store = Store::open(path_, options()).value();
    known = store.size().value();
    ASSERT_GE(known, goal);
    expect_some(store, known);
    EXPECT_FINDS_NOTHING(store.verify());
  }
}

TEST_F(SpaceAhead, AFullStoreIsAnErrorAndNoLongerThanItMayBe) {
  Options limited = options();
  limited.size_limit = std::uint64_t{80} << 20;
  store_.emplace(Store::open(path_, limited).value());
  const Status full = put_some(*store_, 0, 2 * kMany);
  ASSERT_CODE(Code::kNoSpace, full);
  EXPECT_LE(blocks_bytes(), limited.size_limit);
  const std::uint64_t count = store_->size().value();
  EXPECT_GT(count, 3 * kMany / 4);
  expect_some(*store_, count);
  EXPECT_FINDS_NOTHING(store_->verify());
}

TEST_F(SpaceAhead, WhatWasNotNeededIsGivenBackByTheLastToClose) {
  store_.emplace(Store::open(path_, options()).value());
  ASSERT_OK(put_some(*store_, 0, kMany));
  std::uint64_t next = kMany;
  wait_until([&](const Engine& engine) {
    const format::RuntimeHeader& runtime = *engine.runtime;
    if (runtime.file_extents - runtime.clean_from >= 2 * engine.layout.zone_extents()) return true;
    EXPECT_OK(put_some(*store_, next, next + 10));
    next += 10;
    return false;
  });
  const std::uint64_t before = blocks_bytes();
  ASSERT_OK(store_->close());
  EXPECT_LE(blocks_bytes() + Layout::kZoneBytes, before);
  // Who goes on there asks for blocks again.
  store_.emplace(Store::open(path_, options()).value());
  ASSERT_OK(put_some(*store_, next, next + kMany / 5));
  expect_some(*store_, next + kMany / 5);
  EXPECT_FINDS_NOTHING(store_->verify());
}

TEST_F(SpaceAhead, ADamagedWordGivesBackNothingThatIsInUse) {
  store_.emplace(Store::open(path_, options()).value());
  ASSERT_OK(put_some(*store_, 0, kMany / 5));
  ASSERT_OK(StoreAccess::write(*store_, [](Session& session) -> Status {
    seam::store(session.engine.runtime->clean_from, 0);
    return {};
  }));
  ASSERT_OK(store_->close());
  store_.emplace(Store::open(path_, options()).value());
  expect_some(*store_, kMany / 5);
  EXPECT_FINDS_NOTHING(store_->verify());
}

TEST_F(SpaceAhead, WithoutAThreadWritesDoItThemselves) {
  store_.emplace(Store::open(path_, options()).value());
  const NoThreads refused;
  ASSERT_OK(put_some(*store_, 0, kMany));
  expect_some(*store_, kMany);
}

// There, blocks are zeros that are written into holes, under the lock only: a write beside that may
// be faster (unit.MappingAllocate.AtOnceWritesNoZeros).
TEST_F(SpaceAhead, WhereNothingCanBeAllocatedAllOfItIsThere) {
  Child writer([&] {
    if (!unit::install_filter({SYS_fallocate, unit::error_of(EOPNOTSUPP)})) return kSkipped;
    Store store = Store::open(path_, options()).value();
    if (!put_some(store, 0, 2 * kMany).ok()) return 1;
    for (std::uint64_t i = 0; i < 2 * kMany; ++i) {
      if (value_in(store, key_of(i)) != value_of(i, kLong)) return 2;
    }
    return 0;
  });
  const Outcome outcome = writer.wait();
  if (outcome.exited(kSkipped)) GTEST_SKIP() << "no filter for system calls";
  EXPECT_TRUE(outcome.exited(0)) << outcome;
}

}  // namespace
}  // namespace hmap::test
