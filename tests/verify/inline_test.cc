// Damage of entries that lie in their buckets, and what recover() saves of them.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <set>

#include "hmap/recover.h"
#include "made_stores.h"
#include "map/slots.h"
#include "stores.h"
#include "surgeon.h"
#include "temp_file.h"
#include "values.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

using format::Bmap;

std::string inline_key(std::uint64_t number) {
  std::string key(8, 0);
  std::memcpy(key.data(), &number, key.size());
  return key;
}
std::string inline_value(std::uint64_t number) { return value_of(number, 13); }

Options inline_options() {
  Options options = tiny_options(0);
  options.type = fixed_type(8, 13);
  return options;
}

// In the middle of a growth, with overflow buckets, erased and replaced slots. Closed.
Contents make_inline_store(const std::string& path) {
  Contents model;
  Store store = Store::open(path, inline_options()).value();
  for (std::uint64_t i = 0; i < 60 || !in_mid_growth(store.stats().value()); ++i) {
    expect(store.put(inline_key(i), inline_value(i)));
    model[inline_key(i)] = inline_value(i);
    if (i % 9 == 4) {
      expect(store.erase(inline_key(i / 2)));
      model.erase(inline_key(i / 2));
    }
    if (i % 5 == 1) {
      expect(store.put(inline_key(i), inline_value(i * 1'000)));
      model[inline_key(i)] = inline_value(i * 1'000);
    }
    if (i % 40 == 0) expect(store.checkpoint());
  }
  expect(store.close());
  return model;
}

char* slot_bytes(Bmap& bucket, u64 at) { return reinterpret_cast<char*>(&bucket) + at; }

// A bucket of a chain that counts, with an entry in its first slot and none in its last: of the old
// array if one of those left there is such, else of the new one.
Bmap& filled_bucket(Surgeon& s) {
  for (const format::BucketArray* array : {&s.header().oldbuckets, &s.header().buckets}) {
    for (u64 n = 0; n < u64{1} << array->b; ++n) {
      Bmap& bucket = s.bucket(*array, n);
      if (is_filled(tophash_at(bucket.tophash, 0)) && tophash_at(bucket.tophash, 7) == 0)
        return bucket;
    }
  }
  throw std::runtime_error("no such bucket");
}

class InlineDamage : public ::testing::Test {
 protected:
  InlineDamage() : model_(make_inline_store(path_)) {}

  VerifyReport after(const std::function<void(Surgeon&)>& make, bool seals) {
    Surgeon surgeon(path_);
    make(surgeon);
    if (seals) surgeon.seal();
    return Store::verify_file(path_).value();
  }

  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  Contents model_;
};

TEST_F(InlineDamage, NoneIsFoundWhereThereIsNone) {
  Surgeon(path_).seal();
  const Result<VerifyReport> report = Store::verify_file(path_);
  EXPECT_FINDS_NOTHING(report);
  EXPECT_EQ(model_.size(), report->durable.entries);
}

TEST_F(InlineDamage, AKeyThatBelongsElsewhere) {
  const VerifyReport report = after(
      [](Surgeon& s) {
        char* key = slot_bytes(filled_bucket(s), key_at(s.layout().bucket, 0));
        key[3] = static_cast<char>(key[3] ^ 1);
      },
      true);
  EXPECT_TRUE(has(report, FindingKind::kWrongBucket)) << words(report);
  EXPECT_NE(std::string::npos, words(report).find("the key in slot 0")) << words(report);
}

TEST_F(InlineDamage, WrongHashBits) {
  const VerifyReport report =
      after([](Surgeon& s) { filled_bucket(s).overflow ^= u64{1} << format::kOverflowBits; }, true);
  EXPECT_TRUE(has(report, FindingKind::kHashBits)) << words(report);
}

TEST_F(InlineDamage, AKeyTwice) {
  const VerifyReport report = after(
      [](Surgeon& s) {
        Bmap& bucket = filled_bucket(s);
        u64 slot = 0;
        while (is_filled(tophash_at(bucket.tophash, slot))) ++slot;
        bucket.tophash = with_tophash(bucket.tophash, slot, tophash_at(bucket.tophash, 0));
        bucket.overflow = with_hash_bits(bucket.overflow, slot, hash_bits_in(bucket.overflow, 0));
        std::memcpy(slot_bytes(bucket, key_at(s.layout().bucket, slot)),
                    slot_bytes(bucket, key_at(s.layout().bucket, 0)), 8);
      },
      true);
  EXPECT_TRUE(has(report, FindingKind::kDuplicate)) << words(report);
}

// The block's checksum speaks for elements, too.
TEST_F(InlineDamage, OneBitOfAnElement) {
  const VerifyReport report = after(
      [](Surgeon& s) {
        char* elem = slot_bytes(filled_bucket(s), elem_at(s.layout().bucket, 0) + 12);
        *elem = static_cast<char>(*elem ^ 0x40);
      },
      false);
  EXPECT_TRUE(has(report, FindingKind::kBlock)) << words(report);
}

class InlineRecovery : public InlineDamage {
 protected:
  // Of the durable state: as after a reboot.
  RecoverReport recover_all() {
    fake_reboot(1);
    const Result<RecoverReport> report = recover(path_, dir_.file("fresh"));
    real_boot();
    if (!report) throw Error(report.error());
    Options options = with_mode(inline_options(), Mode::kReadOnly);
    fresh_ = contents(Store::open(dir_.file("fresh"), options).value());
    EXPECT_EQ(report->entries, fresh_.size());
    return *report;
  }
  Contents fresh_;
};

TEST_F(InlineRecovery, OfAnIntactStoreHasEverything) {
  const RecoverReport report = recover_all();
  EXPECT_TRUE(report.complete());
  EXPECT_EQ(model_, fresh_);
}

TEST_F(InlineRecovery, LosesTheDamagedBlockAndSaysHowMuch) {
  std::set<std::string> in_block;
  {
    Surgeon s(path_);
    Bmap& bucket = filled_bucket(s);
    for (u64 slot = 0; slot < format::kSlots; ++slot) {
      if (is_filled(tophash_at(bucket.tophash, slot)))
        in_block.emplace(slot_bytes(bucket, key_at(s.layout().bucket, slot)), 8);
    }
    char* elem = slot_bytes(bucket, elem_at(s.layout().bucket, 0));
    *elem = static_cast<char>(*elem ^ 1);
  }
  const RecoverReport report = recover_all();
  EXPECT_FALSE(report.complete());
  EXPECT_FALSE(report.scanned);
  EXPECT_GE(report.lost_total, in_block.size());
  EXPECT_EQ(model_.size(), report.entries + report.lost_total);
  for (const std::string& key : in_block) EXPECT_FALSE(fresh_.contains(key));
  for (const auto& [key, value] : fresh_) EXPECT_EQ(value, model_[key]);
}

}  // namespace
}  // namespace hmap::test
