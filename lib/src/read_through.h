// Reading a bucket or a shard header consistently, also while a writer is at it, dead or stopped:
// through its published intent. lib/README.md, "A read".
#ifndef HMAP_SRC_READ_THROUGH_H_
#define HMAP_SRC_READ_THROUGH_H_

#include <array>
#include <vector>

#include "bmap.h"

namespace hmap {

// The words of a shard header that readers use, as one moment saw them.
struct HeaderView {
  u64 version = 0;
  u64 intent_state = 0;  // of the intent read through; 0: the version was even
  u64 hash0 = 0;
  // In shared memory, or in `copy` if read through. Runs are looked up when they are needed.
  const format::BucketArray* buckets = nullptr;
  const format::BucketArray* oldbuckets = nullptr;
  std::array<u64, 32> copy;
};

// One bucket as one moment saw it, and what must still be true at the end of the read.
struct BucketView {
  BucketImage image;
  const format::Bmap* bucket = nullptr;
  u64 version = 0;
  u64 intent_state = 0;
  const u64* away_word = nullptr;
  u64 away_bit = 0;
  const format::BlockState* state = nullptr;  // null: the block was at home
  u64 place = 0;
  u64 born = 0;
};

enum class Look : u8 {
  kOk,
  kMoved,    // something changed meanwhile: begin again
  kOutside,  // an offset led out of the file: damage, if nothing changed meanwhile
};

// One attempt at a consistent read of a shard. Collects what it saw; unchanged() says at the end
// whether all of it was true at one moment. No lock, no store.
class ShardReader {
 public:
  ShardReader(const Engine& engine, u64 shard) : engine_(engine), shard_(shard) {}

  Look header(HeaderView& view);
  // Bucket n of one of the arrays of the view.
  Look bucket(const format::BucketArray& array, u64 n, BucketImage& image);
  // Whether the header and every bucket looked at are as they were.
  [[nodiscard]] bool unchanged() const;

 private:
  Look through(u64 offset, u64 bytes, u64* words, u64& intent_state) const;
  void keep(const BucketView& view);

  const Engine& engine_;
  u64 shard_;
  const HeaderView* header_ = nullptr;
  std::array<BucketView, 4> seen_;
  u64 seen_count_ = 0;
  std::vector<BucketView> more_;  // chains longer than a few buckets
};

// Counts attempts: spins, then yields, and gives up when no honest writer can be the reason.
class Patience {
 public:
  // False when it is time to call it damage.
  bool again();

 private:
  u32 attempts_ = 0;
};

}  // namespace hmap

#endif  // HMAP_SRC_READ_THROUGH_H_
