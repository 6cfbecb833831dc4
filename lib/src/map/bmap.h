// One bucket: its eight tophash bytes, its references, and where bucket n of an array lies.
#ifndef HMAP_SRC_MAP_BMAP_H_
#define HMAP_SRC_MAP_BMAP_H_

#include <array>
#include <bit>
#include <cstring>

#include "state/blocks.h"

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
  // By multiplication, in a register of its own: g++ keeps a byte that it will spread in one byte
  // of the stack, and a load of more than was stored waits until the store is done.
  const u64 everywhere = value * u64{0x0101'0101'0101'0101};
  const __m128i equal =
      _mm_cmpeq_epi8(bytes, _mm_cvtsi64_si128(static_cast<long long>(everywhere)));
  return static_cast<u32>(_mm_movemask_epi8(equal)) & 0xff;
#else
  u32 bits = 0;
  for (u64 i = 0; i < format::kSlots; ++i) bits |= u32{tophash_at(word, i) == value} << i;
  return bits;
#endif
}

// Bit i is set iff slot i is filled.
inline u32 filled_slots(u64 word) {
#if defined(__SSE2__)
  const __m128i bytes = _mm_cvtsi64_si128(static_cast<long long>(word));
  const __m128i least = _mm_set1_epi8(static_cast<char>(format::kMinTopHash));
  const __m128i filled = _mm_cmpeq_epi8(_mm_max_epu8(bytes, least), bytes);
  return static_cast<u32>(_mm_movemask_epi8(filled)) & 0xff;
#else
  u32 bits = 0;
  for (u64 i = 0; i < format::kSlots; ++i) bits |= u32{is_filled(tophash_at(word, i))} << i;
  return bits;
#endif
}

// The parts of the overflow word.
constexpr u64 overflow_in(u64 word) { return word & ((u64{1} << format::kOverflowBits) - 1); }
constexpr u64 hash_bits_in(u64 word, u64 slot) {
  return word >> (format::kOverflowBits + slot * format::kHashBits) & 7;
}
constexpr u64 with_hash_bits(u64 word, u64 slot, u64 bits) {
  const u64 shift = format::kOverflowBits + slot * format::kHashBits;
  return (word & ~(u64{7} << shift)) | bits << shift;
}
// The lowest of the hash bits that an array of 2^b buckets keeps, and those of a hash.
constexpr u64 first_hash_bit(u64 b) { return b - b % format::kHashBits; }
constexpr u64 hash_bits(u64 hash, u64 b) { return hash >> (first_hash_bit(b) & 63) & 7; }

// A slot's record out of the words of a bucket from `overflow` on: the reference is read together
// with the three bytes before it, so that no slot is a special case.
inline u64 record_in(const u64* overflow_and_refs, u64 slot) {
  u64 word = 0;
  seam::copy_out(&word,
                 reinterpret_cast<const std::byte*>(overflow_and_refs) + sizeof(u64) - 3 +
                     slot * format::kRefBytes,
                 sizeof word);
  return (word >> 24) * format::kRecordUnit;
}

// A bucket being filled from its first slot on, in private memory.
class BucketImage {
 public:
  void add(u8 tophash, u64 hash_bits, u64 record) {
    // By whole words, as they are loaded when they are stored to the bucket.
    constexpr u64 kBits = 8 * format::kRefBytes;
    const u64 reference = record / format::kRecordUnit;
    const u64 shift = filled_ * kBits % 64;
    u64* const word = &refs_[filled_ * kBits / 64];
    *word |= reference << shift;
    if (shift + kBits > 64) *(word + 1) |= reference >> (64 - shift);
    tophash_ |= u64{tophash} << (8 * filled_);
    overflow_ = with_hash_bits(overflow_, filled_, hash_bits);
    ++filled_;
  }
  [[nodiscard]] bool full() const { return filled_ == format::kSlots; }
  [[nodiscard]] u64 filled() const { return filled_; }
  void link(u64 number) { overflow_ |= number; }

  // Stores to a bucket that nobody can reach, and makes its version even. Keys and elements in the
  // bucket are there already.
  void store_to(format::Bmap& bucket, const BucketShape& shape) const {
    seam::store(bucket.tophash, tophash_);
    seam::store(bucket.overflow, overflow_);
    if (!shape.is_inline()) store_references(bucket);
    seam::store(bucket.version, (bucket.version | 1) + 1);
  }

 private:
  void store_references(format::Bmap& bucket) const {
    for (u64 i = 0; i < refs_.size(); ++i) seam::store(bucket.refs[i], refs_[i]);
  }
  u64 tophash_ = 0;
  u64 overflow_ = 0;
  u64 filled_ = 0;
  std::array<u64, sizeof(format::Bmap::refs) / sizeof(u64)> refs_{};
};

// A private copy of a bucket, whatever its shape: of its first BucketShape::bytes bytes.
struct BucketCopy {
  u64 tophash;
  u64 version;
  u64 overflow;
  std::array<u64, format::kBucketWordsMax - 3> slots;
};
static_assert(offsetof(BucketCopy, overflow) == offsetof(format::Bmap, overflow) &&
              offsetof(BucketCopy, slots) == format::kBucketHeadBytes);

// Which run of an array bucket n is in, and where.
struct BucketPlace {
  u64 run;     // 0: the main run
  u64 bucket;  // number inside the run
};
inline BucketPlace place_behind_main_run(const ArrayShape& shape, u64 n) {
  const u64 first = shape.overflow_buckets;
  const auto j = static_cast<u64>(std::bit_width((n - shape.buckets) / first + 1));
  // NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): numbers have 40 bits, j >= 1
  return {j, n - shape.buckets - first * ((u64{1} << (j - 1)) - 1)};
}
inline BucketPlace place_in_array(const Layout& layout, u64 b, u64 n) {
  const ArrayShape& shape = layout.shape(b);
  if (n < shape.buckets) [[likely]]
    return {0, n};
  return place_behind_main_run(shape, n);
}

// Where bucket n is at this moment. Whoever does not hold the shard's lock checks afterwards that
// the place word, and the bucket's version, are what they were.
struct FoundBucket {
  format::Bmap* bucket = nullptr;  // null: outside the file
  const u64* place_word = nullptr;
  u64 place = 0;                     // the word's value
  Offset<format::BlockState> state;  // of its block
};
// `run` and `bucket`: where a run of the array begins, and the bucket's number inside it.
template <typename Memory>
[[gnu::always_inline]] inline FoundBucket find_in_run(const Memory& memory, const Layout& layout,
                                                      const BucketShape& buckets, u64 run,
                                                      const RunShape& shape, u64 bucket) {
  FoundBucket found;
  const BucketShape::Place in_run = buckets.place(bucket);
  found.state = {run + shape.states + in_run.block * sizeof(format::BlockState)};
  found.place_word = in_file<u64>(memory, run + shape.places + in_run.block * sizeof(u64));
  if (run < kLowestRun || found.place_word == nullptr) [[unlikely]]
    return found;
  found.place = seam::load(*found.place_word);
  const u64 block = found.place != 0 ? format::place_in_word(found.place)
                                     : run + in_run.block * layout.block_bytes;
  found.bucket = in_file<format::Bmap>(memory, block + in_run.inside, buckets.bytes);
  return found;
}
[[gnu::always_inline]] inline FoundBucket find_bucket(const Engine& engine,
                                                      const format::BucketArray& array, u64 n) {
  const Layout& layout = engine.layout;
  const u64 b = seam::load(array.b);
  if (b >= kMaxB) [[unlikely]]
    return {};
  const BucketPlace at = place_in_array(layout, b, n);
  if (at.run > format::kOverflowRuns) [[unlikely]]
    return {};
  return find_in_run(*engine.map, layout, layout.bucket, seam::load(array.run[at.run]).value,
                     layout.shape(b).runs[at.run], at.bucket);
}
// The first bucket of a chain: those lie in the main run. `buckets` is the layout's shape.
template <typename Memory>
[[gnu::always_inline]] inline FoundBucket find_head(const Memory& memory, const Layout& layout,
                                                    const BucketShape& buckets,
                                                    const format::BucketArray& array, u64 hash) {
  const u64 b = seam::load(array.b);
  if (b >= kMaxB) [[unlikely]]
    return {};
  return find_in_run(memory, layout, buckets, seam::load(array.run[0]).value,
                     layout.shape(b).runs[0], hash & ((u64{1} << b) - 1));
}
[[gnu::always_inline]] inline FoundBucket find_head(const Engine& engine,
                                                    const format::BucketArray& array, u64 hash) {
  return find_head(*engine.map, engine.layout, engine.layout.bucket, array, hash);
}

inline Status outside_array(const format::BucketArray& array) {
  return Engine::corrupt("bucket outside its array", array.run[0]);
}
// Bucket n as it is now, to be read under the shard's lock.
inline Result<format::Bmap*> live_bucket(const Engine& engine, const format::BucketArray& array,
                                         u64 n) {
  format::Bmap* bucket = find_bucket(engine, array, n).bucket;
  if (bucket == nullptr) return outside_array(array);
  return bucket;
}

// writable_bucket() for a block that was not changed in this epoch yet.
Result<format::Bmap*> first_touch_bucket(Engine& engine, u64 shard,
                                         const format::BucketArray& array, u64 n, Purpose purpose);

// Bucket n, its block copied first if a root needs it. For the owner of the shard's lock. Errors as
// writable().
inline Result<format::Bmap*> writable_bucket(Engine& engine, u64 shard,
                                             const format::BucketArray& array, u64 n,
                                             Purpose purpose) {
  const FoundBucket found = find_bucket(engine, array, n);
  // Below the heap there are no buckets, but what a damaged place word must not have destroyed.
  if (found.bucket != nullptr && format::place_in_word(found.place) >= engine.layout.heap_offset)
      [[likely]] {
    const auto* state = engine.map->at(found.state);
    if (state != nullptr && state->live_born == engine.epoch()) [[likely]]
      return found.bucket;
  }
  return first_touch_bucket(engine, shard, array, n, purpose);
}

// Notices a damaged chain that leads back into itself: remembers one bucket of every power of two.
class ChainHops {
 public:
  // Before going on to bucket n. False: this chain has no end.
  bool goes_on(u64 n) {
    if (n == passed_) return false;
    if (std::has_single_bit(++hops_)) passed_ = n;
    return true;
  }

 private:
  u64 hops_ = 0;
  u64 passed_ = ~u64{0};
};

}  // namespace hmap

#endif  // HMAP_SRC_MAP_BMAP_H_
