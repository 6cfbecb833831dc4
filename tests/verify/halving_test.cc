// Growth to half the size: two old buckets become one new one, together or not at all.
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "hmap/compact.h"
#include "made_stores.h"
#include "surgeon.h"
#include "temp_file.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

// A shard in the middle of it, closed.
void make_halving_store(const std::string& path) {
  Store store = Store::open(path, tiny_options(0)).value();
  for (int i = 0; i < 700; ++i) expect(store.put("key " + std::to_string(i), "value"));
  for (int i = 100; i < 700; ++i) expect(store.erase("key " + std::to_string(i)));
  int steps = 3;
  OnlineOptions options;
  options.progress = [&](std::uint64_t, std::uint64_t) { return --steps != 0; };
  expect(compact_online(store, options));
  expect(store.close());
}

// Of the pairs (i, i + half) of old buckets, the first one that is evacuated or is not.
u64 pair_that_is(Surgeon& s, bool evacuated) {
  const format::BucketArray& old = s.header().oldbuckets;
  for (u64 i = 0; i < u64{1} << s.header().b; ++i) {
    if (is_evacuated(s.bucket(old, i).tophash) == evacuated) return i;
  }
  throw std::runtime_error("no such pair");
}

class Halving : public ::testing::Test {
 protected:
  Result<VerifyReport> with(const std::function<void(Surgeon&)>& damage) {
    make_halving_store(path_);
    {
      Surgeon surgeon(path_);
      const format::ShardHeader& header = surgeon.header();
      EXPECT_LT(header.b, header.oldbuckets.b);
      damage(surgeon);
      surgeon.seal();
    }
    return Store::verify_file(path_);
  }
  static void expect_named(const Result<VerifyReport>& report) {
    ASSERT_OK(report);
    bool named = false;
    for (const Finding& finding : report->findings) {
      named = named || (finding.kind == FindingKind::kEvacuation &&
                        finding.text.find("which become one") != std::string::npos);
    }
    EXPECT_TRUE(named) << words(*report);
  }
  static u64 half(Surgeon& s) { return u64{1} << s.header().b; }

  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
};

TEST_F(Halving, NothingIsWrongInTheMiddleOfIt) {
  EXPECT_FINDS_NOTHING(with([](Surgeon&) {}));
}

// The marks of the other one alone: what it holds is lost.
TEST_F(Halving, OnlyTheUpperOneIsEvacuated) {
  expect_named(with([](Surgeon& s) {
    const format::BucketArray& old = s.header().oldbuckets;
    const u64 evacuated = s.bucket(old, pair_that_is(s, true)).tophash;
    s.bucket(old, pair_that_is(s, false) + half(s)).tophash = evacuated;
  }));
}

TEST_F(Halving, OnlyTheLowerOneIsEvacuated) {
  expect_named(with([](Surgeon& s) {
    const format::BucketArray& old = s.header().oldbuckets;
    const u64 evacuated = s.bucket(old, pair_that_is(s, true)).tophash;
    s.bucket(old, pair_that_is(s, false)).tophash = evacuated;
  }));
}

// Evacuated once, and said not to be any more: its empty slots come before the new bucket.
TEST_F(Halving, OneIsNoLongerEvacuated) {
  expect_named(with([](Surgeon& s) {
    s.bucket(s.header().oldbuckets, pair_that_is(s, true) + half(s)).tophash = 0;
  }));
}

}  // namespace
}  // namespace hmap::test
