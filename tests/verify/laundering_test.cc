// Who writes to a damaged block would have the next checkpoint call it right: refused, and verify
// goes on finding the damage. In a store that starts from its root, and in one of this boot.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <ostream>

#include "format/hash.h"
#include "made_stores.h"
#include "records/spans.h"
#include "store/store_access.h"
#include "stores.h"
#include "surgeon.h"
#include "temp_file.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

// Flips a byte that no write would look at, and returns where its block is.
struct Flip {
  const char* what;
  bool growing;
  std::function<u64(Surgeon&)> make;
};

u64 flip_version(Surgeon& s, const format::BucketArray& array, u64 n) {
  const Run run = s.layout().array_run(array, 0);
  const auto where = s.layout().bucket.place(n);
  const u64 place = s.place(run, where.block);
  s.at<u64>(place + where.inside + offsetof(format::Bmap, version)) ^= u64{1} << 60;
  return place;
}
// Of a bucket that was written: in a block that was not there is nothing to damage.
u64 flip_bucket(Surgeon& s) {
  const format::BucketArray& array = s.header().buckets;
  u64 n = 0;
  while (s.entry(s.layout().array_run(array, 0), s.layout().bucket.place(n).block).place == 0) ++n;
  return flip_version(s, array, n);
}
u64 flip_old_bucket(Surgeon& s) {
  return flip_version(s, s.header().oldbuckets, s.header().nevacuate);
}
u64 flip_span(Surgeon& s) {
  s.span(0).map[14] ^= u64{1} << 63;
  return s.place(Run(s.header().directory[0], s.layout().directory_shape(0)), 0);
}
// The last word of the first block: of an extent that is not there yet.
u64 flip_extent_table(Surgeon& s) {
  const Run run(s.root().extent_table[0], s.layout().extent_table_shape(0));
  const u64 place = s.place(run, 0);
  s.at<u64>(place + s.layout().block_bytes - sizeof(u64)) ^= 1;
  return place;
}

void PrintTo(const Flip& flip, std::ostream* out) { *out << flip.what; }

// Where seeds are random, the growing shard may be the other one, and the bucket may be unwritten.
bool can_flip_old_bucket(Surgeon& s) {
  const format::BucketArray& array = s.header().oldbuckets;
  return array.id != 0 && s.entry(s.layout().array_run(array, 0),
                                  s.layout().bucket.place(s.header().nevacuate).block)
                                  .place != 0;
}

bool is_found(const Result<VerifyReport>& report, u64 place) {
  return report && std::any_of(report->findings.begin(), report->findings.end(),
                               [place](const Finding& finding) {
                                 return finding.kind == FindingKind::kBlock &&
                                        finding.offset == place;
                               });
}

class Laundering : public ::testing::TestWithParam<Flip> {
 protected:
  // Makes a store and damages it. Returns the place of the block.
  u64 damage(bool growing) {
    for (bool usable = false; !usable;) {
      std::filesystem::remove(made_);
      growing ? make_mixed_store(made_, 1) : make_resting_store(made_);
      Surgeon maker(made_);
      usable = !growing || can_flip_old_bucket(maker);
    }
    Surgeon surgeon(made_);
    layout_ = surgeon.layout();
    seed_ = surgeon.seed();
    return GetParam().make(surgeon);
  }
  // A copy has no live state that counts.
  std::string begin(bool rebuilt) {
    if (!rebuilt) return made_;
    copy_file(made_, copy_);
    return copy_;
  }
  [[nodiscard]] u64 shard_of(const std::string& key) const {
    return hash_key(key, seed_) & (layout_.shards - 1);
  }
  // Puts another value to each key. Returns how often that was refused, always with the place, and
  // brings the model up to date.
  int put_all(Store& store, Contents& model, u64 place) {
    int refused = 0;
    for (auto& [key, value] : model) {
      const std::string now = value.size() > 100 ? value : value + "+";
      const Status status = store.put(key, now);
      if (status.ok()) {
        value = now;
        continue;
      }
      EXPECT_CODE(Code::kCorrupt, status);
      EXPECT_EQ(place, status.value()) << status;
      EXPECT_TRUE(shard_of(key) == 0) << key;
      ++refused;
    }
    return refused;
  }
  void expect_kept(bool rebuilt) {
    SCOPED_TRACE(rebuilt ? "rebuilt" : "of this boot");
    const u64 place = damage(GetParam().growing);
    const std::string path = begin(rebuilt);
    ASSERT_TRUE(is_found(Store::verify_file(path), place));
    Contents model;
    for (int round = 0; round < 2; ++round) {
      Store store = Store::open(path, tiny_options(1)).value();
      if (round == 0) model = contents(store);
      EXPECT_EQ(model, contents(store));
      EXPECT_LT(0, put_all(store, model, place));
      EXPECT_EQ(model, contents(store));
      EXPECT_OK(store.checkpoint());
      EXPECT_TRUE(is_found(store.verify(), place));
      EXPECT_LT(0, put_all(store, model, place));
      EXPECT_OK(store.checkpoint());
      EXPECT_OK(store.close());
      EXPECT_TRUE(is_found(Store::verify_file(path), place)) << "after round " << round;
    }
  }

  TempDir dir_{TempDir::Where::kMemory};
  const std::string made_ = dir_.file("made");
  const std::string copy_ = dir_.file("copy");
  Layout layout_;
  u64 seed_ = 0;
};

using OfShard = Laundering;
TEST_P(OfShard, DoesNotHappenAfterARebuild) { expect_kept(true); }
TEST_P(OfShard, DoesNotHappenWithinTheBoot) { expect_kept(false); }
INSTANTIATE_TEST_SUITE_P(Blocks, OfShard,
                         ::testing::Values(Flip{"bucket", false, flip_bucket},
                                           Flip{"old bucket", true, flip_old_bucket},
                                           Flip{"span", false, flip_span},
                                           Flip{"span while growing", true, flip_span}));

TEST(LaunderingOfExtents, DoesNotHappen) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  make_resting_store(path);
  u64 place = 0;
  {
    Surgeon surgeon(path);
    place = flip_extent_table(surgeon);
  }
  Store store = Store::open(path, tiny_options(1)).value();
  for (int i = 0; i < 3; ++i) {
    const Status status = store.put("large", std::string(9'000, 'L'));
    EXPECT_CODE(Code::kCorrupt, status);
    EXPECT_EQ(place, status.value());
    EXPECT_OK(store.checkpoint());
  }
  EXPECT_EQ("other", value_in(store, "key 1"));
  EXPECT_OK(store.close());
  EXPECT_TRUE(is_found(Store::verify_file(path), place));
  copy_file(path, dir.file("copy"));
  EXPECT_CODE(Code::kCorrupt, Store::open(dir.file("copy"), tiny_options(1)));
}

// On a full disk: a damaged block stays in its frame, and all others come home.
TEST(LaunderingOnTheWayHome, DoesNotHappen) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  make_resting_store(path);
  u64 place = 0;
  {
    Surgeon surgeon(path);
    place = flip_bucket(surgeon);
    ASSERT_NE(place, surgeon.header().buckets.run[0].value) << "the block is to be in a frame";
  }
  Store store = Store::open(path, tiny_options(1)).value();
  const Result<u64> moved = StoreAccess::write(store, [](Session& session) {
    u64 next = 0;
    return bring_home(session.engine, 0, {256, format::kForever}, next);
  });
  ASSERT_OK(moved);
  EXPECT_LT(0U, *moved);
  EXPECT_OK(store.close());
  EXPECT_TRUE(is_found(Store::verify_file(path), place));
}

}  // namespace
}  // namespace hmap::test
