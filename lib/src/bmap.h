// One bucket: its eight tophash bytes, its references, and where bucket n of an array lies.
#ifndef HMAP_SRC_BMAP_H_
#define HMAP_SRC_BMAP_H_

#include <bit>

#include "blocks.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace hmap {

// Top byte of the mixed hash, moved out of the way of the reserved values.
constexpr u8 tophash_of(u64 hash) {
  const auto top = static_cast<u8>(hash >> 56);
  return top < format::kMinTopHash ? static_cast<u8>(top + format::kMinTopHash) : top;
}

constexpr u8 tophash_at(u64 word, u64 slot) { return static_cast<u8>(word >> (8 * slot)); }
constexpr u64 with_tophash(u64 word, u64 slot, u8 value) {
  return (word & ~(u64{0xff} << (8 * slot))) | u64{value} << (8 * slot);
}
constexpr bool is_filled(u8 tophash) { return tophash >= format::kMinTopHash; }

// Whether a bucket is evacuated: its head's first tophash says so.
constexpr bool is_evacuated(u64 tophash_word) {
  const u8 first = tophash_at(tophash_word, 0);
  return first >= format::kEvacuatedX && first <= format::kEvacuatedEmpty;
}

// Bit i is set iff byte i of the word is `value`.
inline u32 match_bytes(u64 word, u8 value) {
#if defined(__SSE2__)
  const __m128i bytes = _mm_cvtsi64_si128(static_cast<long long>(word));
  const __m128i equal = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(static_cast<char>(value)));
  return static_cast<u32>(_mm_movemask_epi8(equal)) & 0xff;
#else
  u32 bits = 0;
  for (u64 i = 0; i < format::kSlots; ++i) bits |= u32{tophash_at(word, i) == value} << i;
  return bits;
#endif
}

// A bucket's words in private memory.
struct BucketImage {
  u64 tophash = 0;
  u64 overflow = 0;
  u64 refs[5] = {};

  // File offset of the record in a slot.
  [[nodiscard]] u64 record(u64 slot) const {
    const u64 bit = slot * 40;
    const u64 word = bit / 64;
    const u64 shift = bit % 64;
    u64 ref = refs[word] >> shift;
    if (shift > 24) ref |= refs[word + 1] << (64 - shift);
    return (ref & 0xff'ffff'ffff) * format::kRecordUnit;
  }
  void set_record(u64 slot, u64 offset) {
    const u64 ref = offset / format::kRecordUnit;
    const u64 bit = slot * 40;
    const u64 word = bit / 64;
    const u64 shift = bit % 64;
    refs[word] = (refs[word] & ~(u64{0xff'ffff'ffff} << shift)) | ref << shift;
    if (shift > 24) {
      const u64 low = 64 - shift;
      refs[word + 1] = (refs[word + 1] & ~(u64{0xff'ffff'ffff} >> low)) | ref >> low;
    }
  }
  static BucketImage of(const format::Bmap& bucket) {
    BucketImage image;
    image.tophash = seam::load(bucket.tophash);
    image.overflow = seam::load(bucket.overflow);
    for (int i = 0; i < 5; ++i) image.refs[i] = seam::load(bucket.refs[i]);
    return image;
  }
  // Stores to a bucket that nobody can reach, and makes its version even.
  void store_to(format::Bmap& bucket) const {
    seam::store(bucket.tophash, tophash);
    seam::store(bucket.overflow, overflow);
    for (int i = 0; i < 5; ++i) seam::store(bucket.refs[i], refs[i]);
    seam::store(bucket.version, (bucket.version | 1) + 1);
  }
};

// Which run of an array bucket n is in, and where.
struct BucketPlace {
  u64 run;     // 0: the main run
  u64 bucket;  // number inside the run
};
inline BucketPlace place_in_array(const Layout& layout, u64 b, u64 n) {
  const u64 main = layout.shape(b).buckets;
  if (n < main) [[likely]]
    return {0, n};
  const u64 first = layout.array_run_blocks(b, 1) * layout.buckets_per_block;
  const auto j = static_cast<u64>(std::bit_width((n - main) / first + 1));
  return {j, n - main - first * ((u64{1} << (j - 1)) - 1)};
}

// The block of bucket n. kCorrupt if the array has no such bucket. For the owner of the shard's
// lock.
inline Result<Block> bucket_block(const Engine& engine, const format::BucketArray& array, u64 n) {
  const BucketPlace place = place_in_array(engine.layout, array.b, n);
  if (array.b >= kMaxB || place.run > format::kOverflowRuns || array.run[place.run] == 0) {
    return Engine::corrupt("bucket number outside its array", array.run[0]);
  }
  return block_of(engine, engine.layout.array_run(array, place.run),
                  place.bucket >> engine.layout.bucket_block_shift);
}

inline Result<format::Bmap*> bucket_in(const Engine& engine, const Result<std::byte*>& block, u64 b,
                                       u64 n) {
  if (!block) return block.error();
  const u64 inside =
      place_in_array(engine.layout, b, n).bucket & (engine.layout.buckets_per_block - 1);
  return reinterpret_cast<format::Bmap*>(*block) + inside;
}

// Bucket n as it is now, to be read under the shard's lock.
inline Result<format::Bmap*> live_bucket(const Engine& engine, const format::BucketArray& array,
                                         u64 n) {
  const Result<Block> block = bucket_block(engine, array, n);
  if (!block) return block.error();
  return bucket_in(engine, live_bytes(engine, *block), array.b, n);
}

// Bucket n, its block copied first if a root needs it.
inline Result<format::Bmap*> writable_bucket(Engine& engine, u64 shard,
                                             const format::BucketArray& array, u64 n,
                                             Purpose purpose) {
  const Result<Block> block = bucket_block(engine, array, n);
  if (!block) return block.error();
  return bucket_in(engine, writable(engine, shard, *block, Content::kBuckets, purpose), array.b, n);
}

// Bound for a walk along a chain: no chain has more buckets than the array has given out.
inline u64 chain_bound(const format::BucketArray& array) {
  return seam::load(array.next_overflow) - (u64{1} << (array.b < kMaxB ? array.b : kMaxB)) + 2;
}

}  // namespace hmap

#endif  // HMAP_SRC_BMAP_H_
