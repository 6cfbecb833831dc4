// An erasure that has happened is not called an error, whatever keeps the work behind it from being
// done: here another handle holds the space, and the mark of what is empty lies in a block that has
// to be copied first.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <vector>

#include "format/hash.h"
#include "life/checkpoint.h"
#include "life/open.h"
#include "map/bmap.h"
#include "map/find.h"
#include "map/hmap.h"
#include "stores.h"
#include "temp_file.h"

namespace hmap::test {
namespace {

class Erased : public ::testing::Test {
 protected:
  void begin(const std::string& name) {
    options_.lock_timeout = std::chrono::milliseconds(10);
    session_ = open_session(dir_.file(name), options_).value();
    other_ = open_session(dir_.file(name), options_).value();
    engine_ = &session_->engine;
    for (int i = 0; i < 3'000; ++i) put("key" + std::to_string(i));
  }
  void end() {
    EXPECT_OK(close_session(*other_));
    EXPECT_OK(close_session(*session_));
  }

  [[nodiscard]] u64 hash_of(std::string_view key) const {
    return hash_key(key, engine_->store_seed);
  }
  void put(const std::string& key) {
    ASSERT_OK(put_entry(*engine_, key, hash_of(key), {"value"}, PutMode::kPut, nullptr));
  }
  [[nodiscard]] std::string key_in(const format::Bmap& bucket, u64 slot) const {
    return std::string(view_record(*engine_, record_in(&bucket.overflow, slot))->key_view());
  }
  [[nodiscard]] u64 block_of_number(u64 bucket) const {
    return bucket / engine_->layout.bucket.per_block;
  }
  [[nodiscard]] u64 bucket_of(std::string_view key) const {
    const format::ShardHeader& header = engine_->header(0);
    return hmap::mix(hash_of(key), header.hash0) & ((u64{1} << header.b) - 1);
  }

  // A chain of two buckets in two blocks, the last slot of the first one in use, one entry in the
  // second one: when that goes, the first one is marked, too, once its own last slot is empty.
  struct Chain {
    u64 head = 0;
    u64 overflow = 0;
    std::string last_of_head;
    std::string only_of_overflow;
  };
  [[nodiscard]] Chain find_chain() const {
    const format::ShardHeader& header = engine_->header(0);
    for (u64 head = 0; head < u64{1} << header.b; ++head) {
      const format::Bmap& first = **live_bucket(*engine_, header.buckets, head);
      const u64 overflow = overflow_in(first.overflow);
      if (overflow == 0 || block_of_number(head) == block_of_number(overflow)) continue;
      const format::Bmap& second = **live_bucket(*engine_, header.buckets, overflow);
      const u64 filled = filled_slots(second.tophash);
      if (std::popcount(filled) != 1 || !is_filled(tophash_at(first.tophash, 7))) continue;
      const auto slot = static_cast<u64>(std::countr_zero(filled));
      return {head, overflow, key_in(first, 7), key_in(second, slot)};
    }
    return {};
  }

  // Changes that many other blocks of buckets, so that each is copied to a frame.
  void touch(std::size_t blocks, const Chain& but) {
    std::vector<u64> touched = {block_of_number(but.head), block_of_number(but.overflow)};
    for (int i = 0; i < 3'000 && touched.size() < 2 + blocks; ++i) {
      const std::string key = "key" + std::to_string(i);
      const u64 block = block_of_number(bucket_of(key));
      if (std::find(touched.begin(), touched.end(), block) != touched.end()) continue;
      touched.push_back(block);
      put(key);
    }
  }

  // When the erasure's own change stores the count, the other handle takes the space for itself.
  static void hold_space(seam::Event, const void* at, std::size_t) {
    if (at != count_ || held_) return;
    count_ = nullptr;
    held_.emplace(DomainLock::take(*holder_, holder_->layout.space_domain()).value());
  }

  const TempDir dir_{TempDir::Where::kMemory};
  Options options_ = quiet_options();
  std::unique_ptr<Session> session_;
  std::unique_ptr<Session> other_;
  Engine* engine_ = nullptr;
  static inline const void* count_ = nullptr;
  static inline Engine* holder_ = nullptr;
  static inline std::optional<DomainLock> held_;
};

TEST_F(Erased, IsToldThoughWhatIsLeftCannotBeDone) {
  for (std::size_t others = 0; others < 24; ++others) {
    SCOPED_TRACE(others);
    begin("store " + std::to_string(others));
    const Chain chain = find_chain();
    ASSERT_FALSE(chain.only_of_overflow.empty());
    ASSERT_TRUE(erase_entry(*engine_, chain.last_of_head, hash_of(chain.last_of_head)).value());
    ASSERT_OK(checkpoint(*engine_, std::chrono::seconds(1)));
    // In one of the rounds the erasure's own change takes the last free frame.
    touch(others, chain);
    holder_ = &other_->engine;
    count_ = &engine_->header(0).count;
    seam::hook.store(&hold_space);
    const std::string& key = chain.only_of_overflow;
    const Result<bool> erased = erase_entry(*engine_, key, hash_of(key));
    seam::hook.store(nullptr);
    EXPECT_TRUE(held_.has_value());
    held_.reset();
    EXPECT_OK(erased);
    EXPECT_FALSE(hmap::find(*engine_, key, hash_of(key), nullptr).value());
    end();
  }
}

}  // namespace
}  // namespace hmap::test
