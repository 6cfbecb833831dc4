// Each kind of damage made by hand, checksums right again, is called by its name.
#include <gtest/gtest.h>

#include <filesystem>
#include <functional>

#include "made_stores.h"
#include "records/spans.h"
#include "surgeon.h"
#include "temp_file.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

using format::Bmap;
using format::ExtentKind;
using format::ShardHeader;

struct Damage {
  const char* what;
  FindingKind kind;
  std::function<void(Surgeon&)> make;
};

// A main bucket of the new array that is reachable: its old bucket is evacuated.
u64 reachable(Surgeon& s, const std::function<bool(const Bmap&)>& wanted) {
  const ShardHeader& header = s.header();
  for (u64 n = 0; n < u64{1} << header.buckets.b; ++n) {
    const u64 old = n & ((u64{1} << header.oldbuckets.b) - 1);
    if (!is_evacuated(s.bucket(header.oldbuckets, old).tophash)) continue;
    if (wanted(s.bucket(header.buckets, n))) return n;
  }
  throw std::runtime_error("no such bucket");
}

bool is_full_head(const Bmap& bucket) {
  return is_filled(tophash_at(bucket.tophash, 0)) && is_filled(tophash_at(bucket.tophash, 1));
}
bool has_chain(const Bmap& bucket) { return overflow_in(bucket.overflow) != 0; }
bool has_room(const Bmap& bucket) {
  return is_filled(tophash_at(bucket.tophash, 0)) && tophash_at(bucket.tophash, 7) == 0 &&
         overflow_in(bucket.overflow) == 0;
}

Bmap& some_bucket(Surgeon& s) { return s.bucket(s.header().buckets, reachable(s, is_full_head)); }

// Keeps the hash bits.
void link(Bmap& bucket, u64 next) {
  bucket.overflow = (bucket.overflow & ~((u64{1} << format::kOverflowBits) - 1)) | next;
}

// First extent with a word of that kind; extents_end if there is none.
u64 find_extent(Surgeon& s, ExtentKind kind) {
  u64 extent = 0;
  while (extent < s.root().extents_end && extent_kind(s.extent_word(extent)) != kind) ++extent;
  return extent;
}
u64 extent_of_kind(Surgeon& s, ExtentKind kind) {
  const u64 extent = find_extent(s, kind);
  if (extent == s.root().extents_end) throw std::runtime_error("no such extent");
  return extent;
}

// With an extent of each kind: seeds are random, and once in a hundred stores none is free.
void make_damageable_store(const std::string& path) {
  for (bool usable = false; !usable;) {
    std::filesystem::remove(path);
    make_mixed_store(path, 0);
    Surgeon surgeon(path);
    usable = find_extent(surgeon, ExtentKind::kFree) != surgeon.root().extents_end;
  }
}

void add_row(ShardHeader& header, u64 first, u64 count) {
  for (u64& cell : header.dead) {
    if (cell == 0) {
      cell = make_note(first, count);
      return;
    }
  }
}

std::vector<Damage> in_buckets() {
  return {
      {"tophash", FindingKind::kWrongBucket,
       [](Surgeon& s) {
         Bmap& bucket = some_bucket(s);
         const u8 other = tophash_at(bucket.tophash, 0) == 200 ? 201 : 200;
         bucket.tophash = with_tophash(bucket.tophash, 0, other);
       }},
      {"a hash bit", FindingKind::kHashBits,
       [](Surgeon& s) { some_bucket(s).overflow ^= u64{1} << (format::kOverflowBits + 3 + 1); }},
      {"emptyRest too early", FindingKind::kSlotState,
       [](Surgeon& s) { some_bucket(s).tophash &= ~u64{0xff}; }},
      {"evacuated out of place", FindingKind::kSlotState,
       [](Surgeon& s) {
         Bmap& bucket = some_bucket(s);
         bucket.tophash = with_tophash(bucket.tophash, 1, format::kEvacuatedY);
       }},
      {"half evacuated", FindingKind::kEvacuation,
       [](Surgeon& s) {
         Bmap& head = s.bucket(s.header().oldbuckets, 0);
         head.tophash = with_tophash(head.tophash, 5, 77);
       }},
      {"a circle", FindingKind::kChain,
       [](Surgeon& s) {
         const auto& array = s.header().buckets;
         const u64 n = reachable(s, has_chain);
         const u64 next = overflow_in(s.bucket(array, n).overflow);
         link(s.bucket(array, next), next);
       }},
      {"a chain into nothing", FindingKind::kChain,
       [](Surgeon& s) { link(some_bucket(s), s.header().buckets.next_overflow); }},
      {"one overflow bucket, two chains", FindingKind::kChain,
       [](Surgeon& s) {
         const auto& array = s.header().buckets;
         const u64 n = reachable(s, has_chain);
         const u64 other = reachable(s, has_room);
         link(s.bucket(array, other), overflow_in(s.bucket(array, n).overflow));
       }},
      {"one entry twice", FindingKind::kDuplicate,
       [](Surgeon& s) {
         Bmap& bucket = s.bucket(s.header().buckets, reachable(s, has_room));
         u64 slot = 0;
         while (is_filled(tophash_at(bucket.tophash, slot))) ++slot;
         bucket.tophash = with_tophash(bucket.tophash, slot, tophash_at(bucket.tophash, 0));
         bucket.overflow = with_hash_bits(bucket.overflow, slot, hash_bits_in(bucket.overflow, 0));
         refer(bucket, slot, record_of(bucket, 0));
       }},
      {"a reference into the fixed part", FindingKind::kReference,
       [](Surgeon& s) { refer(some_bucket(s), 0, 4096); }},
      {"a reference into buckets", FindingKind::kReference,
       [](Surgeon& s) { refer(some_bucket(s), 0, s.header().buckets.run[0].value); }},
      {"a reference to no slot", FindingKind::kRecord,
       [](Surgeon& s) {
         Bmap& bucket = some_bucket(s);
         refer(bucket, 0, record_of(bucket, 0) + 16);
       }},
      {"version", FindingKind::kVersion, [](Surgeon& s) { some_bucket(s).version |= 1; }},
  };
}

std::vector<Damage> in_records_and_spans() {
  return {
      {"a byte of a key", FindingKind::kRecord,
       [](Surgeon& s) { s.at<u8>(record_of(some_bucket(s), 0) + 12) ^= 1; }},
      {"a length", FindingKind::kRecord,
       [](Surgeon& s) { s.at<u32>(record_of(some_bucket(s), 0) + 8) ^= 0x80000000; }},
      {"flags", FindingKind::kRecord,
       [](Surgeon& s) {
         const u64 record = record_of(some_bucket(s), 0);
         s.at<format::RecordHeader>(record).flags = 4;
         s.seal_record(record);
       }},
      {"another key", FindingKind::kWrongBucket,
       [](Surgeon& s) {
         const u64 record = record_of(some_bucket(s), 0);
         s.at<u8>(record + 12) ^= 1;
         s.seal_record(record);
       }},
      {"a bit too few", FindingKind::kReference,
       [](Surgeon& s) {
         auto& entry = s.span(0);
         for (u64& word : entry.map) word &= word - 1;
       }},
      {"a bit too many", FindingKind::kLeakedSlot,
       [](Surgeon& s) {
         for (u64 id = 0; id < s.header().span_count; ++id) {
           format::SpanEntry& entry = s.span(id);
           if (entry.head == 0) continue;
           const u64 slots = s.layout().span_shape(span_class(entry.head)).slots;
           for (u64 i = 0; i < slots; ++i) {
             if ((entry.map[i / 64] >> (i % 64) & 1) != 0) continue;
             entry.map[i / 64] |= u64{1} << (i % 64);
             return;
           }
         }
         throw std::runtime_error("no free slot");
       }},
      {"a slot that is none", FindingKind::kSpan,
       [](Surgeon& s) { s.span(0).map[14] |= u64{1} << 63; }},
      {"a list in a circle", FindingKind::kSpanList,
       [](Surgeon& s) { s.span(0).head = (s.span(0).head & 0xff'ffff'ffff) | u64{1} << 40; }},
      {"a span of another class", FindingKind::kReference,
       [](Surgeon& s) { s.span(0).head ^= u64{1} << 32; }},
      {"a list that is lost", FindingKind::kSpanList,
       [](Surgeon& s) {
         for (auto& c : s.header().classes) c.head = 0;
       }},
      {"an open span that is none", FindingKind::kSpanList,
       [](Surgeon& s) { s.header().classes[70].open = 1; }},
      {"span_free", FindingKind::kCount, [](Surgeon& s) { s.header().span_free ^= 1; }},
  };
}

std::vector<Damage> in_extents() {
  const auto word = [](ExtentKind kind, u64 shard, u64 payload) {
    return make_extent_word(kind, shard, payload);
  };
  return {
      {"a span's extent called free", FindingKind::kReference,
       [](Surgeon& s) { s.extent_word(extent_of_kind(s, ExtentKind::kSpan)) = 0; }},
      {"a directory's extent called a span's", FindingKind::kExtent,
       [=](Surgeon& s) {
         s.extent_word(extent_of_kind(s, ExtentKind::kDirectory)) = word(ExtentKind::kSpan, 0, 0);
       }},
      {"an extent nobody has", FindingKind::kLeakedExtent,
       [=](Surgeon& s) {
         s.extent_word(extent_of_kind(s, ExtentKind::kFree)) = word(ExtentKind::kBuckets, 0, 999);
       }},
      {"a large record nobody has", FindingKind::kLeakedExtent,
       [=](Surgeon& s) {
         s.extent_word(extent_of_kind(s, ExtentKind::kFree)) = word(ExtentKind::kLarge, 0, 1);
       }},
      {"a large record without an end", FindingKind::kExtent,
       [=](Surgeon& s) {
         s.extent_word(extent_of_kind(s, ExtentKind::kFree)) = word(ExtentKind::kLarge, 0, 500);
       }},
      {"the rest of nothing", FindingKind::kExtent,
       [=](Surgeon& s) {
         s.extent_word(extent_of_kind(s, ExtentKind::kFree)) = word(ExtentKind::kLargeRest, 0, 3);
       }},
      {"no kind", FindingKind::kExtent,
       [=](Surgeon& s) { s.extent_word(extent_of_kind(s, ExtentKind::kFree)) = 99; }},
      {"freed in the future", FindingKind::kExtent,
       [=](Surgeon& s) {
         s.extent_word(extent_of_kind(s, ExtentKind::kFree)) =
             word(ExtentKind::kFree, 0, s.root().cut + 1);
       }},
      {"a word behind the end", FindingKind::kExtent,
       [](Surgeon& s) { s.extent_word(s.root().extents_end) = 5; }},
      {"used and to be freed", FindingKind::kExtent,
       [](Surgeon& s) { add_row(s.header(), extent_of_kind(s, ExtentKind::kSpan), 1); }},
      {"a place that is none", FindingKind::kPlace,
       [](Surgeon& s) {
         const Run run = s.layout().array_run(s.header().buckets, 0);
         s.entry(run, 0).place = static_cast<u32>(s.header().directory[0].value / 512);
       }},
      {"a place beyond the file", FindingKind::kPlace,
       [](Surgeon& s) {
         s.entry(s.layout().array_run(s.header().buckets, 0), 0).place = 0xffff'fff0;
       }},
  };
}

std::vector<Damage> in_headers() {
  return {
      {"count", FindingKind::kCount, [](Surgeon& s) { ++s.header().count; }},
      {"noverflow", FindingKind::kCount, [](Surgeon& s) { --s.header().noverflow; }},
      {"nevacuate", FindingKind::kEvacuation,
       [](Surgeon& s) { s.header().nevacuate = u64{1} << s.header().oldbuckets.b; }},
      {"nevacuate beyond", FindingKind::kHeader,
       [](Surgeon& s) { s.header().nevacuate = ~u64{0}; }},
      {"B", FindingKind::kHeader, [](Surgeon& s) { --s.header().b; }},
      {"B of an array", FindingKind::kHeader, [](Surgeon& s) { s.header().buckets.b = 200; }},
      {"flags", FindingKind::kHeader, [](Surgeon& s) { s.header().flags = 8; }},
      {"hash0", FindingKind::kWrongBucket, [](Surgeon& s) { s.header().hash0 ^= 2; }},
      {"next_overflow", FindingKind::kHeader,
       [](Surgeon& s) { s.header().buckets.next_overflow = u64{1} << 50; }},
      {"span_count", FindingKind::kHeader, [](Surgeon& s) { s.header().span_count = ~u64{0}; }},
      {"a dead row", FindingKind::kExtent,
       [](Surgeon& s) { add_row(s.header(), 1'000'000, 5'000'000); }},
      {"an array elsewhere", FindingKind::kRun,
       [](Surgeon& s) { s.header().buckets.run[0] = {u64{1} << 43}; }},
      {"version", FindingKind::kVersion, [](Surgeon& s) { s.header().version = 3; }},
  };
}

// `blocks`: the damage is in blocks, which are sealed after it; else in words that lead to them.
void check_each(const std::vector<Damage>& damages, bool blocks) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string made = dir.file("made");
  make_damageable_store(made);
  for (const Damage& damage : damages) {
    SCOPED_TRACE(damage.what);
    const std::string path = dir.file("damaged");
    std::filesystem::copy_file(made, path, std::filesystem::copy_options::overwrite_existing);
    {
      Surgeon surgeon(path);
      damage.make(surgeon);
      if (blocks) surgeon.seal();
      surgeon.seal_root();
    }
    const auto report = Store::verify_file(path);
    ASSERT_OK(report);
    EXPECT_TRUE(has(*report, damage.kind)) << "found only:\n" << words(*report);
    EXPECT_FALSE(report->clean());
    // None of it may be called by what only wrong checksums are called.
    EXPECT_FALSE(has(*report, FindingKind::kBlock) || has(*report, FindingKind::kTable));
  }
}

TEST(Damage, InBuckets) { check_each(in_buckets(), true); }
TEST(Damage, InRecordsAndSpans) { check_each(in_records_and_spans(), true); }
TEST(Damage, InExtents) { check_each(in_extents(), true); }
TEST(Damage, InHeaders) { check_each(in_headers(), false); }

TEST(Damage, SealingAloneIsNone) {
  TempDir dir(TempDir::Where::kMemory);
  make_mixed_store(dir.file("store"), 1);
  Surgeon(dir.file("store")).seal();
  EXPECT_FINDS_NOTHING(Store::verify_file(dir.file("store")));
}

TEST(Damage, InWhatLeadsToTheRest) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  const auto kinds = [&](const std::function<void(Surgeon&)>& make) {
    std::filesystem::remove(path);
    make_mixed_store(path, 0);
    {
      Surgeon surgeon(path);
      make(surgeon);
    }
    return Store::verify_file(path).value();
  };
  EXPECT_TRUE(has(kinds([](Surgeon& s) { some_bucket(s).refs[4] ^= 1; }), FindingKind::kBlock));
  EXPECT_TRUE(has(
      kinds([](Surgeon& s) { ++s.entry(s.layout().array_run(s.header().buckets, 0), 0).checksum; }),
      FindingKind::kTable));
  EXPECT_TRUE(has(kinds([](Surgeon& s) { ++s.header().count; }), FindingKind::kOtherRoot));
  EXPECT_TRUE(has(kinds([](Surgeon& s) {
                    ++s.root_at(0).cut;
                    ++s.root_at(1).cut;
                  }),
                  FindingKind::kRoot));
  EXPECT_TRUE(has(kinds([](Surgeon& s) {
                    s.root().extents_end = 1'000;
                    s.seal_root();
                  }),
                  FindingKind::kTruncated));
  // Losing the older root loses nothing.
  const VerifyReport older = kinds([](Surgeon& s) { ++s.root_at(1 - s.root_index()).cut; });
  EXPECT_TRUE(older.clean() && older.notes == 1) << words(older);
}

// A shard that is not walked is never called clean, whatever kept the walk from beginning.
TEST(Damage, NoShardIsPassedOverInSilence) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  const auto report = [&](const std::function<void(ShardHeader&)>& make, bool empty) {
    std::filesystem::remove(path);
    if (empty) {
      expect(Store::open(path, tiny_options(1)).value().close());
    } else {
      make_resting_store(path);
    }
    {
      Surgeon surgeon(path);
      make(surgeon.header(1));
      surgeon.seal_root();
    }
    return Store::verify_file(path).value();
  };
  // What an array with id 0 says is nobody's business: the others are walked all the same.
  const VerifyReport walked = report([](ShardHeader& h) { h.oldbuckets.b = 30, ++h.count; }, false);
  EXPECT_TRUE(has(walked, FindingKind::kCount)) << words(walked);
  const VerifyReport unwalked = report([](ShardHeader& h) { h.b = 41; }, true);
  EXPECT_TRUE(has(unwalked, FindingKind::kHeader)) << words(unwalked);
}

TEST(Damage, FindingsBeyondTheLimitAreCounted) {
  TempDir dir(TempDir::Where::kMemory);
  make_mixed_store(dir.file("store"), 0);
  {
    Surgeon surgeon(dir.file("store"));
    surgeon.header().hash0 ^= 2;
    surgeon.seal_root();
  }
  VerifyOptions options;
  options.findings_max = 3;
  const VerifyReport report = Store::verify_file(dir.file("store"), options).value();
  EXPECT_EQ(3U, report.findings.size());
  EXPECT_GT(report.damages, 100U);
}

}  // namespace
}  // namespace hmap::test
