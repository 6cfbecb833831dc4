// Damaged buckets: who meets one gets kCorrupt with its place, never a wrong answer, and everything
// else goes on.
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "../verify/made_stores.h"
#include "../verify/surgeon.h"
#include "child.h"
#include "hmap/batch.h"
#include "hmap/recover.h"
#include "hmap/verify.h"
#include "hmap/view.h"
#include "stores.h"
#include "temp_file.h"

namespace hmap::test {
namespace {

class DamagedBlocks : public ::testing::Test {
 protected:
  Store open() { return Store::open(path_, tiny_options(1)).value(); }
  Contents undamaged() { return contents(open()); }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
};

// Of one bucket of shard 0, which is at rest; checksums are right. Returns how many entries it had.
std::uint64_t call_evacuated(Surgeon& surgeon) {
  const format::BucketArray& array = surgeon.header().buckets;
  for (u64 n = 0; n < u64{1} << array.b; ++n) {
    format::Bmap& bucket = surgeon.bucket(array, n);
    u64 filled = 0;
    for (u64 slot = 0; slot < format::kSlots; ++slot)
      filled += is_filled(tophash_at(bucket.tophash, slot)) ? 1 : 0;
    if (filled < 3) continue;
    bucket.tophash = u64{format::kEvacuatedX} * 0x0101'0101'0101'0101;
    surgeon.seal();
    return filled;
  }
  throw std::runtime_error("no bucket with entries");
}

// Puts new keys into a store that has what the model has. What it takes is there then, beside that;
// returns how many it refused, each as kCorrupt.
int put_new(Store& store, int keys, Contents model) {
  int refused = 0;
  for (int i = 0; i < keys; ++i) {
    const std::string key = "new " + std::to_string(i);
    const Status status = store.put(key, "value");
    if (status.ok()) {
      model[key] = "value";
    } else {
      EXPECT_CODE(Code::kCorrupt, status);
      ++refused;
    }
  }
  for (const auto& [key, value] : model) EXPECT_VALUE(store, key, value);
  return refused;
}

// Puts more than the array holds into a store that says its first overflow bucket is a main bucket.
// Returns how many were refused: none where no bucket overflowed.
int put_where_overflow_is_main(const std::string& path, const std::string& copy) {
  make_resting_store(path);
  Contents model = contents(Store::open(path, with_mode({}, Mode::kReadOnly)).value());
  {
    Surgeon surgeon(path);
    surgeon.header().buckets.next_overflow = 0;
    surgeon.seal();
  }
  copy_file(path, copy);  // its live state counts for nothing
  Store store = Store::open(copy, tiny_options(1)).value();
  return put_new(store, 300, std::move(model));
}

// An overflow bucket is made empty when it is handed out.
TEST_F(DamagedBlocks, AMainBucketIsNeverHandedOutAsAnOverflowBucket) {
  int refused = 0;
  // By the seeds of a store some buckets overflow before it grows, or none.
  for (int attempt = 0; attempt < 100 && refused == 0 && !HasFailure(); ++attempt) {
    const std::string path = path_ + std::to_string(attempt);
    refused = put_where_overflow_is_main(path, path + ".copy");
  }
  EXPECT_GT(refused, 0);
}

// Entries that the count does not know overflow, and growing to the same size does not help.
TEST_F(DamagedBlocks, ACountThatIsTooSmallEndsInAnError) {
  watchdog_.feed(Milliseconds(20'000));
  Contents model;
  {
    Store store = Store::open(path_, tiny_options(0)).value();
    for (int i = 0; i < 8; ++i) {
      ASSERT_OK(store.put(std::to_string(i), "value"));
      model[std::to_string(i)] = "value";
    }
    ASSERT_OK(store.close());
  }
  {
    Surgeon surgeon(path_);
    ASSERT_EQ(8U, surgeon.header().count);
    surgeon.header().count = 0;
    surgeon.seal();
  }
  copy_file(path_, dir_.file("copy"));  // its live state counts for nothing
  Store store = Store::open(dir_.file("copy"), tiny_options(0)).value();
  EXPECT_GT(put_new(store, 12, std::move(model)), 0);
  EXPECT_FALSE(store.verify()->clean());
}

// "Evacuated" sends a reader to another array. Where there is none it is damage, and not "absent".
TEST_F(DamagedBlocks, ABucketThatSaysEvacuatedAtRestHidesNothingSilently) {
  make_resting_store(path_);
  const Contents model = undamaged();
  std::uint64_t hidden = 0;
  {
    Surgeon surgeon(path_);
    hidden = call_evacuated(surgeon);
  }
  copy_file(path_, dir_.file("copy"));  // its live state counts for nothing
  Store store = Store::open(dir_.file("copy"), tiny_options(1)).value();
  std::uint64_t refused = 0;
  for (const auto& [key, value] : model) {
    const Result<std::optional<std::string>> found = store.get(key);
    if (found) {
      EXPECT_EQ(value, *found) << key;
      EXPECT_TRUE(store.contains(key).value()) << key;
      continue;
    }
    ++refused;
    EXPECT_CODE(Code::kCorrupt, found);
    EXPECT_CODE(Code::kCorrupt, store.contains(key));
    EXPECT_CODE(Code::kCorrupt, store.find(key));
    const std::string_view keys[] = {key};
    std::optional<std::string> values[1];
    EXPECT_CODE(Code::kCorrupt, store.multi_get(keys, values));
    EXPECT_CODE(Code::kCorrupt, store.put(key, "new"));
    EXPECT_CODE(Code::kCorrupt, store.erase(key));
    Batch batch;
    batch.put(key, "new");
    EXPECT_CODE(Code::kCorrupt, store.apply(batch));
  }
  EXPECT_LE(hidden, refused) << "its overflow buckets are hidden with it";
  EXPECT_LT(refused, model.size());
  Cursor cursor = store.cursor().value();
  Status ended;
  for (std::size_t i = 0; i <= model.size() && ended.ok(); ++i) {
    const auto entry = cursor.next();
    ended = entry.error();
    if (entry && !entry->has_value()) break;
  }
  EXPECT_CODE(Code::kCorrupt, ended);
  const Result<VerifyReport> report = store.verify();
  ASSERT_OK(report);
  EXPECT_FALSE(report->clean());
}

// The next old bucket of a growing shard, with a byte changed that no read looks at.
class DamagedOldBucket : public DamagedBlocks {
 protected:
  void SetUp() override {
    while (here_.empty()) {
      std::filesystem::remove(path_);
      make_mixed_store(path_, 1);
      Surgeon surgeon(path_);
      if (damage(surgeon)) choose_keys(surgeon);
    }
    ASSERT_FALSE(keys_[1].empty());
  }
  void choose_keys(Surgeon& surgeon) {
    const format::ShardHeader& header = surgeon.header();
    const BucketShape& shape = surgeon.layout().bucket;
    const u64 next = header.nevacuate;
    const u64 old_buckets = u64{1} << header.oldbuckets.b;
    model_ = undamaged();
    for (auto& keys : keys_) keys.clear();
    for (const auto& [key, value] : model_) {
      if (value.size() >= 100 || key.size() >= 100) continue;
      const u64 hash = hash_key(key, seed_);
      keys_[hash & 1].insert(key);
      const u64 own = hmap::mix(hash, header.hash0) & (old_buckets - 1);
      if (hash % 2 == 0 && own >= next && shape.place(own).block == shape.place(next).block)
        here_ = key;
    }
  }
  // Seeds are random: the growing shard may be the other one, and the bucket may be unwritten.
  bool damage(Surgeon& surgeon) {
    seed_ = surgeon.seed();
    const format::ShardHeader& header = surgeon.header();
    if (header.oldbuckets.id == 0) return false;
    const auto run = surgeon.layout().array_run(header.oldbuckets, 0);
    const auto where = surgeon.layout().bucket.place(header.nevacuate);
    if (surgeon.entry(run, where.block).place == 0) return false;
    place_ = surgeon.place(run, where.block);
    surgeon.at<u64>(place_ + where.inside + offsetof(format::Bmap, version)) ^= u64{1} << 60;
    return true;
  }
  void expect_refused(const Status& status) {
    EXPECT_CODE(Code::kCorrupt, status);
    EXPECT_EQ(place_, status.value()) << status;
  }

  std::uint64_t seed_ = 0;
  std::uint64_t place_ = 0;
  Contents model_;
  std::set<std::string> keys_[2];  // of each shard, but for the large ones
  std::string here_;               // a key whose old bucket lies in the damaged block
};

TEST_F(DamagedOldBucket, StopsTheWritesThatNeedItAndNothingElse) {
  Store store = open();
  const std::string there = *keys_[1].begin();
  // A write of a growing shard evacuates the old bucket of its key first.
  expect_refused(store.put(here_, "new"));
  expect_refused(store.erase(here_).error());
  Batch batch;
  batch.put(here_, "of a batch");
  batch.put(there, "of a batch");
  expect_refused(store.apply(batch));
  EXPECT_EQ(model_, contents(store)) << "a batch does all or nothing";

  ASSERT_OK(store.put(there, "new"));
  model_[there] = "new";
  for (auto it = std::next(keys_[1].begin()); it != keys_[1].end(); ++it) {
    ASSERT_TRUE(store.erase(*it).value());
    model_.erase(*it);
  }
  ASSERT_OK(store.checkpoint());
  EXPECT_EQ(model_, contents(store));
  for (const auto& [key, value] : model_) EXPECT_VALUE(store, key, value);
  const Result<VerifyReport> report = store.verify();
  ASSERT_OK(report);
  EXPECT_FALSE(report->clean());
}

// Clearing needs nothing of what is there.
TEST_F(DamagedOldBucket, GoesAwayByClearing) {
  Store store = open();
  ASSERT_OK(store.clear());
  for (const std::string& key : keys_[0]) ASSERT_OK(store.put(key, "after"));
  ASSERT_OK(store.checkpoint());
  EXPECT_EQ(keys_[0].size(), store.size().value());
  const Result<VerifyReport> report = store.verify();
  ASSERT_OK(report);
  EXPECT_TRUE(report->clean());
}

TEST_F(DamagedOldBucket, IsSalvaged) {
  copy_file(path_, dir_.file("copy"));
  const Result<RecoverReport> report = recover(dir_.file("copy"), dir_.file("fresh"));
  ASSERT_OK(report);
  EXPECT_EQ(RecoverReport::State::kDurable, report->state);
  EXPECT_EQ(model_.size(), report->entries);
  EXPECT_LT(0U, report->by_bitmap) << "those of the damaged block";
  EXPECT_LT(0U, report->damage_total);
  EXPECT_TRUE(report->complete());
  EXPECT_EQ(model_, contents(Store::open(dir_.file("fresh"), tiny_options(1)).value()));
}

}  // namespace
}  // namespace hmap::test
