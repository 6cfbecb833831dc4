// A file made so that many slots refer to one long record: who reads it once for each of them, some
// three terabytes here, never comes to the end. Who looks at it says what is wrong, at once.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "child.h"
#include "hmap/recover.h"
#include "made_stores.h"
#include "sanitized.h"
#include "stores.h"
#include "surgeon.h"
#include "temp_file.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

constexpr int kKeys = kSanitized ? 10'100 : 50'000;
constexpr std::size_t kLong = kSanitized ? 256 << 20 : 64 << 20;

Options options_of_this() {
  Options options;
  options.durability = Durability::kNone;
  options.shard_bits = 0;
  return options;
}

class LongRecords : public ::testing::Test {
 protected:
  void make(std::size_t long_bytes) {
    Store store = Store::open(path_, options_of_this()).value();
    for (int i = 0; i < kKeys || store.stats().value().shards[0].growing; ++i)
      expect(store.put("key " + std::to_string(i), "value"));
    expect(store.put("long", std::string(long_bytes, 'L')));
    while (store.stats().value().shards[0].growing) expect(store.put("key 0", "value"));
    expect(store.close());
  }
  // The buckets of the chain that the key "long" belongs to.
  static std::set<u64> own_chain(Surgeon& surgeon) {
    const format::ShardHeader& header = surgeon.header();
    const u64 hash = hmap::mix(hash_key("long", surgeon.seed()), header.hash0);
    std::set<u64> chain;
    for (u64 n = hash & ((u64{1} << header.buckets.b) - 1); chain.empty() || n != 0;
         n = overflow_in(surgeon.bucket(header.buckets, n).overflow))
      chain.insert(n);
    return chain;
  }
  // Every slot refers to the record of the key "long", but for those of its own chain: there two
  // that refer to it would end a walk, early or late, as it began here or there.
  void refer_all() {
    Surgeon surgeon(path_);
    const format::BucketArray& array = surgeon.header().buckets;
    const std::set<u64> own = own_chain(surgeon);
    u64 longest = 0;
    for (const u64 n : own) {
      format::Bmap& bucket = surgeon.bucket(array, n);
      for (u64 slot = 0; slot < format::kSlots; ++slot) {
        if (!is_filled(tophash_at(bucket.tophash, slot))) continue;
        const u64 record = record_of(bucket, slot);
        if (surgeon.at<format::RecordHeader>(record).key_bytes == 4) longest = record;
      }
    }
    ASSERT_NE(0U, longest);
    for (u64 n = 0; n < array.next_overflow; ++n) {
      if (own.contains(n)) continue;
      format::Bmap& bucket = surgeon.bucket(array, n);
      for (u64 slot = 0; slot < format::kSlots; ++slot)
        if (is_filled(tophash_at(bucket.tophash, slot))) refer(bucket, slot, longest);
    }
    damage_here(surgeon, longest);
    surgeon.seal();
  }
  virtual void damage_here(Surgeon&, u64) {}

  void expect_ends() {
    watchdog_.feed(Milliseconds(120'000));
    const Result<VerifyReport> durable = Store::verify_file(path_);
    ASSERT_OK(durable);
    EXPECT_TRUE(has(*durable, FindingKind::kDuplicate)) << words(*durable);
    EXPECT_LT(10'000U, durable->damages);
    watchdog_.feed(Milliseconds(120'000));
    {
      Store store = Store::open(path_, options_of_this()).value();
      const Result<VerifyReport> live = store.verify();
      ASSERT_OK(live);
      EXPECT_TRUE(has(*live, FindingKind::kDuplicate)) << words(*live);
      watchdog_.feed(Milliseconds(120'000));
      Cursor cursor = store.cursor().value();
      Status ended;
      for (int i = 0; i <= 2 * kKeys && ended.ok(); ++i) {
        const auto entry = cursor.next();
        ended = entry.error();
        if (entry && !entry->has_value()) break;
      }
      EXPECT_CODE(Code::kCorrupt, ended);
    }
    watchdog_.feed(Milliseconds(120'000));
    const Result<RecoverReport> salvaged = recover(path_, dir_.file("fresh"));
    ASSERT_OK(salvaged);
    EXPECT_LT(0U, salvaged->damage_total + salvaged->lost_total);
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
};

TEST_F(LongRecords, OneForAllSlots) {
  make(kLong);
  refer_all();
  expect_ends();
}

class DamagedLongRecords : public LongRecords {
  void damage_here(Surgeon& surgeon, u64 record) override { surgeon.at<u8>(record + 1'000) ^= 1; }
};

TEST_F(DamagedLongRecords, OneForAllSlots) {
  make(kLong);
  refer_all();
  expect_ends();
}

// Two slots of one chain, both with the right hash: everything is salvaged once.
TEST(LongRecord, InTwoSlotsIsSaidAndSalvagedOnce) {
  for (const std::size_t bytes : {5'000U, 200'000U}) {
    SCOPED_TRACE(bytes);
    TempDir dir(TempDir::Where::kMemory);
    const std::string path = dir.file("store");
    Contents model;
    {
      Store store = Store::open(path, options_of_this()).value();
      for (int i = 0; i < 40 || any_growing(store); ++i) {
        const std::string key = "key " + std::to_string(i);
        model[key] = std::string(bytes, static_cast<char>('a' + i % 26));
        expect(store.put(key, model[key]));
      }
      expect(store.close());
    }
    {
      Surgeon surgeon(path);
      const format::BucketArray& array = surgeon.header().buckets;
      u64 n = 0;
      while (!is_filled(tophash_at(surgeon.bucket(array, n).tophash, 0)) ||
             tophash_at(surgeon.bucket(array, n).tophash, 7) != format::kEmptyRest)
        ++n;
      format::Bmap& bucket = surgeon.bucket(array, n);
      u64 slot = 0;
      while (is_filled(tophash_at(bucket.tophash, slot))) ++slot;
      bucket.tophash = with_tophash(bucket.tophash, slot, tophash_at(bucket.tophash, 0));
      bucket.overflow = with_hash_bits(bucket.overflow, slot, hash_bits_in(bucket.overflow, 0));
      refer(bucket, slot, record_of(bucket, 0));
      surgeon.seal();
    }
    const Result<VerifyReport> report = Store::verify_file(path);
    ASSERT_OK(report);
    EXPECT_TRUE(has(*report, FindingKind::kDuplicate)) << words(*report);
    EXPECT_FALSE(has(*report, FindingKind::kRecord)) << words(*report);
    const Result<RecoverReport> salvaged = recover(path, dir.file("fresh"));
    ASSERT_OK(salvaged);
    EXPECT_EQ(model.size(), salvaged->entries);
    EXPECT_EQ(model, contents(Store::open(dir.file("fresh"), options_of_this()).value()));
  }
}

}  // namespace
}  // namespace hmap::test
