// Reading a bucket or a shard header consistently, also while a writer is at it, dead or stopped:
// through its published intent. lib/README.md, "A read".
#ifndef HMAP_SRC_MAP_READ_THROUGH_H_
#define HMAP_SRC_MAP_READ_THROUGH_H_

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "map/bmap.h"

namespace hmap {

// The state that a cut sees, which does not change: shard headers as they were then.
struct Frozen {
  u64 cut = 0;
  std::vector<format::ShardHeader> headers;
};

// The words of a shard header that readers use, as one moment saw them.
struct HeaderView {
  u64 version;
  u64 intent_state;  // of the intent read through, if the version is odd; or kMarkedForBatch
  u64 hash0;
  // In shared memory, or in `copy` if read through. Runs are looked up when they are needed.
  const format::BucketArray* buckets;
  const format::BucketArray* oldbuckets;
  std::array<u64, 32> copy;
};

// The version is odd for a batch: until it changes, none of the other words does.
inline constexpr u64 kMarkedForBatch = ~u64{0};

// The words of a bucket that readers use. The slots stay where they are until one is wanted.
struct BucketWords {
  u64 tophash;
  u64 overflow;
  const u64* rest;  // overflow and slots, for view_slot(): in shared memory, or in `copy` if read
                    // through
  std::array<u64, format::kBucketWordsMax> copy;
};

enum class Look : u8 {
  kOk,
  kMoved,    // something changed meanwhile: begin again
  kOutside,  // an offset led out of the file: damage, if nothing changed meanwhile
  kInBatch,  // of a header: as kOk, but a batch has happened that may not be done yet in this
             // shard: what find_in_batch() knows of a key counts more than the buckets
};

// One attempt at a consistent read of a shard. Collects what it saw; unchanged() says at the end
// whether all of it was true at one moment. No lock, no store.
class ShardReader {
 public:
  // Of the live state or, if `frozen` is not null, of a cut that is needed as long as this lives.
  ShardReader(const Engine& engine, u64 shard, const Frozen* frozen)
      : engine_(engine),
        header_words_(frozen == nullptr ? engine.header(shard) : frozen->headers[shard]),
        frozen_(frozen),
        shard_(shard) {}

  Look header(HeaderView& view);
  // Bucket n of one of the arrays of the view.
  Look bucket(const format::BucketArray& array, u64 n, BucketWords& words);
  // Whether the header and every bucket looked at are as they were.
  [[nodiscard]] bool unchanged() const;

 private:
  // One bucket looked at, and what must still be true at the end of the read.
  struct Seen {
    const format::Bmap* bucket;
    u64 version;
    u64 intent_state;  // if the version is odd
    const u64* place_word;
    u64 place;  // the word's value
  };

  void make_room();
  Look header_through(HeaderView& view);
  Look frozen_bucket(const format::BucketArray& array, u64 n, BucketWords& words) const;
  Look bucket_through(Seen& seen, BucketWords& words) const;
  Look through(u64 offset, u64 bytes, u64* words, u64& intent_state) const;
  [[nodiscard]] bool same(const Seen& seen) const;

  const Engine& engine_;
  const format::ShardHeader& header_words_;
  const Frozen* frozen_;
  u64 shard_;
  const HeaderView* header_ = nullptr;
  u64 seen_count_ = 0;
  std::array<Seen, 4> seen_;
  std::unique_ptr<std::vector<Seen>> more_;  // chains longer than a few buckets
};

// Counts attempts to read a shard: spins, then yields, and gives up when no honest writer can be
// the reason.
class Patience {
 public:
  Patience(const Engine& engine, u64 shard) : state_(engine.intent(shard).state) {}
  // False when it is time to call it damage.
  bool again();

 private:
  const u64& state_;  // of the shard's intent: every change raises it
  u64 seen_ = 0;
  u32 attempts_ = 0;
  u32 idle_ = 0;  // of these, since it rose
};

inline Look ShardReader::header(HeaderView& view) {
  header_ = &view;
  view.version = seam::load(header_words_.version);
  if (view.version % 2 != 0) [[unlikely]]
    return header_through(view);
  view.hash0 = seam::load(header_words_.hash0);
  view.buckets = &header_words_.buckets;
  view.oldbuckets = &header_words_.oldbuckets;
  return Look::kOk;
}

[[gnu::always_inline]] inline Look ShardReader::bucket(const format::BucketArray& array, u64 n,
                                                       BucketWords& words) {
  if (frozen_ != nullptr) [[unlikely]]
    return frozen_bucket(array, n, words);
  if (seen_count_ == seen_.size()) [[unlikely]]
    make_room();
  Seen& seen = seen_[seen_count_];
  const FoundBucket found = find_bucket(engine_, array, n);
  if (found.bucket == nullptr) [[unlikely]]
    return Look::kOutside;
  seen.bucket = found.bucket;
  seen.place_word = found.place_word;
  seen.place = found.place;
  seen.version = seam::load(seen.bucket->version);
  words.tophash = seam::load(seen.bucket->tophash);
  words.overflow = overflow_in(seam::load(seen.bucket->overflow));
  words.rest = &seen.bucket->overflow;
  if (seen.version % 2 != 0) [[unlikely]] {
    if (const Look look = bucket_through(seen, words); look != Look::kOk) return look;
  }
  ++seen_count_;
  return Look::kOk;
}

inline bool ShardReader::same(const Seen& seen) const {
  if (seam::load(seen.bucket->version) != seen.version) return false;
  if (seen.version % 2 != 0 && seam::load(engine_.intent(shard_).state) != seen.intent_state)
    return false;
  return seam::load(*seen.place_word) == seen.place;
}

inline bool ShardReader::unchanged() const {
  seam::read_barrier();
  for (u64 i = 0; i < seen_count_; ++i) {
    if (!same(seen_[i])) return false;
  }
  if (more_ != nullptr) [[unlikely]] {
    for (const Seen& seen : *more_) {
      if (!same(seen)) return false;
    }
  }
  if (header_->version % 2 != 0 && header_->intent_state != kMarkedForBatch &&
      seam::load(engine_.intent(shard_).state) != header_->intent_state)
    return false;
  return seam::load(header_words_.version) == header_->version;
}

}  // namespace hmap

#endif  // HMAP_SRC_MAP_READ_THROUGH_H_
