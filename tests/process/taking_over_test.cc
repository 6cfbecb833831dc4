// Taking over the lock of a dead owner while memory is refused: it asks for none, and whatever else
// keeps it from being completed leaves the lock as the dead owner did.
#include <gtest/gtest.h>

#include <new>
#include <thread>

#include "child.h"
#include "hmap/batch.h"
#include "life/open.h"
#include "raw_view.h"
#include "records/batch_area.h"
#include "refuse_memory.h"
#include "stop_at.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kEntries = 20;

class TakingOver : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.shard_bits = 1;
    options_.lock_timeout = Milliseconds(0);
  }

  void open() {
    std::filesystem::remove(path_);
    store_.emplace(Store::open(path_, options_).value());
    raw_.emplace(path_);
    model_.clear();
    put_all(1);
  }
  void put_all(std::uint64_t stamp) {
    for (std::uint64_t i = 0; i < kEntries; ++i) {
      ASSERT_OK(store_->put(key_of(i), value_of(stamp + i, 30)));
      model_[key_of(i)] = value_of(stamp + i, 30);
    }
  }

  // A writer killed before an event of its call. False: the call came through.
  template <typename Call>
  bool dies(std::uint64_t event, const Call& call) {
    Child child([&] {
      Store writer = Store::open(path_, options_).value();
      StopAt::arm(event, SIGKILL);
      const bool ok = call(writer).ok();
      StopAt::disarm();
      return ok ? 0 : 1;
    });
    const Outcome outcome = child.wait();
    EXPECT_TRUE(outcome.killed() || outcome.exited(0)) << outcome;
    return outcome.killed();
  }

  // Runs the call, whose first request for memory is refused; none may be made.
  template <typename Call>
  static void without_memory(const Call& call) {
    Status status;
    bool asked = false;
    refuse_in = 1;
    try {
      status = call();
    } catch (const std::bad_alloc&) {
      asked = true;
    }
    refuse_in = 0;
    EXPECT_FALSE(asked) << "taking over asks for memory";
    EXPECT_OK(status);
  }

  // Nothing is left half done, and everybody can go on.
  void expect_sound() {
    put_all(1'000);
    for (std::uint64_t shard = 0; shard < 2; ++shard) {
      EXPECT_EQ(0U, raw_->shard(shard).version % 2) << "shard " << shard;
      EXPECT_EQ(0U, raw_->intent(shard).state % 2) << "shard " << shard;
    }
    EXPECT_TRUE(model_ == contents(*store_));
    for (const auto& [key, value] : model_) EXPECT_VALUE(*store_, key, value);
    EXPECT_FINDS_NOTHING(store_->verify());
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  Options options_ = quiet_options();
  std::optional<Store> store_;
  std::optional<RawView> raw_;
  Contents model_;
};

TEST_F(TakingOver, AShardTakesNoMemory) {
  // A key of each shard, so that one of the puts takes the lock of the dead over.
  for (std::uint64_t event = 1;; ++event) {
    SCOPED_TRACE("death before event " + std::to_string(event));
    watchdog_.feed();
    open();
    const bool died =
        dies(event, [](Store& writer) { return writer.put(key_of(3), value_of(7, 30)); });
    for (std::uint64_t i = 0; i < kEntries; ++i)
      without_memory([&] { return store_->put(key_of(i), "new"); });
    expect_sound();
    if (HasFailure()) return;
    if (!died) {
      EXPECT_GT(event, 10U) << "the hook is not called";
      return;
    }
  }
}

TEST_F(TakingOver, ABatchTakesNoMemory) {
  Batch batch;
  for (std::uint64_t i = 0; i < 8; ++i) batch.put(key_of(i), value_of(70 + i, 30));
  for (std::uint64_t event = 1;; event += 3) {
    SCOPED_TRACE("death before event " + std::to_string(event));
    watchdog_.feed();
    open();
    const auto session = open_session(path_, with_mode(options_, Mode::kOpen));
    ASSERT_OK(session);
    const bool died = dies(event, [&](Store& writer) { return writer.apply(batch); });
    without_memory([&] { return BatchLock::take((*session)->engine).error(); });
    EXPECT_OK(close_session(**session));
    expect_sound();
    if (HasFailure()) return;
    if (!died) return;
  }
}

// With the guard the locks that a thread holds are remembered, for which it needs memory once.
TEST_F(TakingOver, AGuardedLockIsNotKeptForWantOfMemory) {
  options_.guard_sigbus = true;
  open();
  // Threads that held no lock before.
  for (std::uint64_t n = 1; n <= 4; ++n) {
    std::thread([&] {
      refuse_in = n;
      try {
        EXPECT_OK(store_->put(key_of(3), "new"));
      } catch (const std::bad_alloc&) {
      }
      refuse_in = 0;
    }).join();
    ASSERT_OK(store_->put(key_of(3), "newer")) << "request " << n;
  }
  expect_sound();
}

TEST_F(TakingOver, AnExceptionLeavesTheLockAsTheDeadOwnerDid) {
  open();
  ASSERT_TRUE(dies(9, [](Store& writer) { return writer.put(key_of(3), value_of(7, 30)); }));
  const auto session = open_session(path_, with_mode(options_, Mode::kOpen));
  ASSERT_OK(session);
  Engine& engine = (*session)->engine;
  const auto fail = [](auto lock) {
    const TakeOver take_over(*lock);
    throw std::bad_alloc();
  };
  EXPECT_THROW(fail(DomainLock::take(engine, 0)), std::bad_alloc);
  EXPECT_THROW(fail(BatchLock::take(engine)), std::bad_alloc);
  for (const format::Lock* lock : {&engine.domain(0).lock, &engine.batch().lock}) {
    EXPECT_NE(0U, lock->word);
    EXPECT_FALSE(engine.locker->owner_alive(lock->word));
  }
  EXPECT_OK(BatchLock::take(engine));
  EXPECT_OK(close_session(**session));
  expect_sound();
}

}  // namespace
}  // namespace hmap::test
