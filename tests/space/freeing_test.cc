// Extents on their way from a shard to the free ones, when something keeps them from getting there:
// the space lock is not to be had in time, or a block of the extent table is damaged. Then nothing
// has happened: they are given back later, and none is lost or free while somebody has it.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "child.h"
#include "hmap/verify.h"
#include "life/checkpoint.h"
#include "life/open.h"
#include "map/hmap.h"
#include "state/dead.h"
#include "state/space.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

// A block of the extent table has the words of 64 extents: all of one are those of such a record,
// and some of the blocks before and behind.
constexpr std::size_t kThreeBlocks = 600'000;

class Freeing : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.lock_timeout = Milliseconds(0);
    store_.emplace(Store::open(path_, options_).value());
    session_ = open_session(path_, with_mode(options_, Mode::kOpen)).value();
  }
  void TearDown() override { EXPECT_OK(close_session(*session_)); }
  [[nodiscard]] Engine& engine() const { return session_->engine; }
  [[nodiscard]] bool has_dead_row() const {
    return std::any_of(std::begin(engine().header(0).dead), std::end(engine().header(0).dead),
                       [](std::uint64_t cell) { return cell != 0; });
  }

  // Runs the call while a stopped process has the space lock.
  template <typename Call>
  void without_space_lock(const Call& call) {
    Child owner([this] {
      const auto other = open_session(path_, with_mode(options_, Mode::kOpen)).value();
      {
        const auto lock =
            DomainLock::take(other->engine, other->engine.layout.space_domain()).value();
        raise(SIGSTOP);
      }
      return close_session(*other).ok() ? 0 : 1;
    });
    ASSERT_TRUE(owner.wait().stopped());
    EXPECT_CODE(Code::kBusy, call());
    EXPECT_EQ(0U, engine().domain(0).freeing);
    owner.signal(SIGCONT);
    ASSERT_TRUE(owner.wait().exited(0));
  }

  // Now, and after a power cut behind the next checkpoint.
  void expect_nothing_lost() {
    EXPECT_FINDS_NOTHING(store_->verify());
    ASSERT_OK(store_->checkpoint());
    copy_file(path_, dir_.file("rebooted"));
    const Store rebooted = Store::open(dir_.file("rebooted"), options_).value();
    EXPECT_TRUE(contents(*store_) == contents(rebooted));
    EXPECT_FINDS_NOTHING(rebooted.verify());
  }

  // Puts until growth has left something to give back.
  void make_dead_row() {
    for (std::uint64_t i = 0; !has_dead_row() || engine().header(0).oldbuckets.id != 0; ++i)
      ASSERT_OK(store_->put(key_of(i), value_of(i, 30)));
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  Options options_ = quiet_options();
  std::optional<Store> store_;
  std::unique_ptr<Session> session_;
};

TEST_F(Freeing, ARowOfTheDeadListWaitsForTheSpaceLock) {
  make_dead_row();
  without_space_lock([this] {
    const auto lock = DomainLock::take(engine(), 0);
    return lock ? give_back(engine(), 0, 256) : lock.error();
  });
  EXPECT_TRUE(has_dead_row());
  ASSERT_OK(store_->clear());
  expect_nothing_lost();
}

TEST_F(Freeing, SpansOfAClearedMapWaitForTheSpaceLock) {
  for (std::uint64_t i = 0; i < 5; ++i)
    ASSERT_OK(store_->put(key_of(i), value_of(i, 30 + 100 * i)));
  ASSERT_FALSE(has_dead_row());
  // It is empty by then: what is left is to give back what it had.
  for (int i = 0; i < 3; ++i) without_space_lock([this] { return store_->clear(); });
  EXPECT_EQ(0U, store_->size().value());
  ASSERT_OK(store_->put("new", "value"));
  ASSERT_OK(store_->clear());
  expect_nothing_lost();
}

TEST_F(Freeing, LargeRecordsOfAClearedMapWaitForTheSpaceLock) {
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_OK(store_->put(key_of(i), value_of(i, 20'000)));
  for (int i = 0; i < 3; ++i) without_space_lock([this] { return store_->clear(); });
  ASSERT_OK(store_->put("new", value_of(1, 20'000)));
  expect_nothing_lost();
}

TEST_F(Freeing, FramesThatNobodyNeedsWaitForTheSpaceLock) {
  for (std::uint64_t i = 0; i < 100; ++i) ASSERT_OK(store_->put(key_of(i), value_of(i, 30)));
  ASSERT_OK(store_->checkpoint());
  // Blocks move to frames, and home again.
  for (std::uint64_t i = 0; i < 100; ++i) ASSERT_OK(store_->put(key_of(i), value_of(i, 40)));
  ASSERT_OK(store_->checkpoint());
  for (std::uint64_t next = 0; next != format::kForever;)
    ASSERT_OK(bring_home(engine(), 0, {100, 1'000}, next));
  ASSERT_OK(store_->checkpoint());
  const auto release = [this]() -> Status {
    const auto lock = DomainLock::take(engine(), 0);
    if (!lock) return lock.error();
    std::uint64_t before = 0;
    std::uint64_t released = 0;
    const Result<bool> more = release_frames(engine(), 0, before, released);
    EXPECT_TRUE(!more || released != 0) << "nothing to give back";
    return more.error();
  };
  without_space_lock(release);
  ASSERT_OK(release());
  expect_nothing_lost();
}

// A block of the extent table that is damaged for a while. The word stays one of its kind, and a
// free extent stays one that may be taken.
class DamagedWords {
 public:
  DamagedWords(Engine& engine, std::uint64_t extent) {
    const Block block = word_block(engine, extent).value();
    const std::uint64_t word = engine.layout.word_in_block(extent);
    payload_ = reinterpret_cast<std::uint8_t*>(live_bytes(engine, block).value()) + word * 8 + 2;
    EXPECT_NE(0, *payload_);
    --*payload_;
  }
  DamagedWords(const DamagedWords&) = delete;
  DamagedWords& operator=(const DamagedWords&) = delete;
  ~DamagedWords() { ++*payload_; }

 private:
  std::uint8_t* payload_;
};

class FreeingManyWords : public Freeing {
 protected:
  // A large record is on the dead list; the checkpoint has its words.
  void erase_a_large_record() {
    while (!has_dead_row()) {
      ASSERT_OK(store_->put("large", value_of(1, kThreeBlocks)));
      ASSERT_OK(store_->checkpoint());
      ASSERT_TRUE(store_->erase("large").value());
    }
    for (const std::uint64_t cell : engine().header(0).dead) {
      if (cell == 0) continue;
      first_ = note_first(cell);
      count_ = note_count(cell);
    }
    ASSERT_GT(count_, 2 * kWords);
    ASSERT_EQ(kWords, engine().layout.words_per_block);
  }
  [[nodiscard]] std::uint64_t in_the_middle() const { return first_ + kWords; }
  Status give_back_all() {
    const auto lock = DomainLock::take(engine(), 0);
    return lock ? give_back(engine(), 0, 0x7fff'ffff) : lock.error();
  }

  static constexpr std::uint64_t kWords = 64;
  std::uint64_t first_ = 0;
  std::uint64_t count_ = 0;
};

TEST_F(FreeingManyWords, IsDoneWhollyOrNotAtAll) {
  erase_a_large_record();
  {
    const DamagedWords damage(engine(), in_the_middle());
    EXPECT_CODE(Code::kCorrupt, give_back_all());
    EXPECT_EQ(0U, engine().domain(0).freeing);
    EXPECT_NE(format::ExtentKind::kFree, extent_kind(extent_word(engine(), first_).value()));
    EXPECT_TRUE(has_dead_row());
  }
  EXPECT_OK(give_back_all());
  EXPECT_FALSE(has_dead_row());
  expect_nothing_lost();
}

TEST_F(FreeingManyWords, TakingThemIsDoneWhollyOrNotAtAll) {
  erase_a_large_record();
  ASSERT_OK(give_back_all());
  // What was freed before the one and not touched since the other may be taken.
  for (int i = 0; i < 2; ++i) {
    ASSERT_OK(store_->put("other", value_of(1, 30)));
    ASSERT_OK(store_->checkpoint());
  }
  ExtentRequest request;
  request.count = 100;  // others may have taken some of the first ones
  request.kind = format::ExtentKind::kBuckets;
  request.payload = engine().header(0).array_seq + 1;
  const auto lock = std::make_unique<Result<DomainLock>>(DomainLock::take(engine(), 0));
  ASSERT_OK(*lock);
  {
    const DamagedWords damage(engine(), in_the_middle());
    EXPECT_CODE(Code::kCorrupt, take_extents(engine(), request));
    EXPECT_EQ(0U, engine().domain(0).pending);
  }
  const Result<std::uint64_t> taken = take_extents(engine(), request);
  ASSERT_OK(taken);
  EXPECT_OK(free_pending(engine(), 0));
  EXPECT_EQ(0U, engine().domain(0).pending);
}

}  // namespace
}  // namespace hmap::test
