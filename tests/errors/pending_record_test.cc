// A large record that is reachable, but whose put could not wait for the space lock to say so in
// the extent table: it can be read, written over, erased and cleared as any other.
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

#include "format/hash.h"
#include "hmap/batch.h"
#include "hmap/verify.h"
#include "life/open.h"
#include "map/hmap.h"
#include "state/space.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

class PendingRecord : public ::testing::Test {
 protected:
  // Puts a large record; another handle takes the space lock while its change is applied, so
  // that the put, which has happened by then, does not get it.
  void SetUp() override {
    options_.lock_timeout = std::chrono::milliseconds(0);
    store_.emplace(Store::open(path_, options_).value());
    ASSERT_OK(store_->put("other", "value"));
    other_ = open_session(path_, with_mode(options_, Mode::kOpen)).value();
    seam::hook.store(&listen);
    const Status status = store_->put("large", value_of(1, 50'000));
    seam::hook.store(nullptr);
    ASSERT_TRUE(held_);
    held_.reset();
    ASSERT_OK(status);
    ASSERT_TRUE(has_published_notes(other_->engine));
    EXPECT_VALUE(*store_, "large", value_of(1, 50'000));
  }
  void TearDown() override {
    EXPECT_OK(close_session(*other_));
    other_.reset();
    expect_clean();
    ASSERT_OK(store_->checkpoint());
    copy_file(path_, dir_.file("rebooted"));
    Contents before = contents(*store_);
    store_.emplace(Store::open(dir_.file("rebooted"), options_).value());
    EXPECT_TRUE(before == contents(*store_));
    expect_clean();
  }
  void expect_clean() const {
    const Result<VerifyReport> report = store_->verify();
    ASSERT_OK(report);
    for (const Finding& finding : report->findings) ADD_FAILURE() << finding.text;
  }

  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  Options options_ = quiet_options();
  std::optional<Store> store_;

 private:
  static void listen(seam::Event, const void*, std::size_t) {
    Engine& engine = other_->engine;
    if (!has_published_notes(engine)) return;
    seam::hook.store(nullptr);
    held_.emplace(DomainLock::take(engine, engine.layout.space_domain()).value());
  }
  static inline std::unique_ptr<Session> other_;
  static inline std::optional<DomainLock> held_;
};

TEST_F(PendingRecord, IsErased) {
  const Result<bool> erased = store_->erase("large");
  ASSERT_OK(erased);
  EXPECT_TRUE(*erased);
  EXPECT_ABSENT(*store_, "large");
}

TEST_F(PendingRecord, IsWrittenOver) {
  ASSERT_OK(store_->put("large", "small"));
  EXPECT_VALUE(*store_, "large", "small");
}

TEST_F(PendingRecord, IsWrittenOverByALargeOne) {
  ASSERT_OK(store_->put("large", value_of(2, 60'000)));
  EXPECT_VALUE(*store_, "large", value_of(2, 60'000));
}

TEST_F(PendingRecord, IsErasedByABatch) {
  Batch batch;
  batch.erase("large");
  batch.put("other", "new");
  ASSERT_OK(store_->apply(batch));
  EXPECT_ABSENT(*store_, "large");
}

TEST_F(PendingRecord, IsCleared) {
  ASSERT_OK(store_->clear());
  EXPECT_EQ(0U, store_->size().value());
}

// A note that was tampered with: what it names is somebody else's.
TEST(PublishedNote, IsNotBelievedAgainstTheExtents) {
  const TempDir dir(TempDir::Where::kMemory);
  const auto session = open_session(dir.file("store"), quiet_options()).value();
  Engine& engine = session->engine;
  const std::string value = value_of(1, 50'000);
  u64& note = engine.slot(session->slot).notes[0];
  ASSERT_TRUE(put_entry(engine, "large", hash_key("large", engine.store_seed), {value},
                        PutMode::kPut, &note)
                  .value());
  std::vector<u64> before;
  for (u64 extent = 0; extent < engine.runtime->extents_end; ++extent)
    before.push_back(extent_word(engine, extent).value());
  for (u64 extent = 0; extent < before.size(); ++extent) {
    note = kNotePublished | u64{12} << 32 | (extent + 1);
    EXPECT_CODE(Code::kCorrupt, adopt_large(engine, note)) << extent;
    EXPECT_EQ(before[extent], extent_word(engine, extent).value()) << extent;
  }
  note = 0;
  EXPECT_OK(close_session(*session));
}

}  // namespace
}  // namespace hmap::test
