// What a slot of a bucket holds: the reference to a record or, where keys and elements are short
// and of a fixed size, these themselves. format-spec, "Bucket".
#ifndef HMAP_SRC_MAP_SLOTS_H_
#define HMAP_SRC_MAP_SLOTS_H_

#include <algorithm>

#include "map/bmap.h"
#include "records/records.h"
#include "state/intent.h"

namespace hmap {

// Where the key and the element of a slot lie, counted from the bucket's begin: the keys together,
// then the elements together.
constexpr u64 key_at(const BucketShape& shape, u64 slot) {
  return format::kBucketHeadBytes + slot * shape.key_bytes;
}
constexpr u64 elem_at(const BucketShape& shape, u64 slot) {
  return format::kBucketHeadBytes + format::kSlots * shape.key_bytes + slot * shape.elem_bytes;
}

// Copies the element of an inline slot of the bucket at `bucket`, which may be changing, to `to`.
inline void copy_elem(const BucketShape& shape, const std::byte* bucket, u64 slot, void* to) {
  const std::byte* from = bucket + elem_at(shape, slot);
  if (shape.elem_bytes == sizeof(u64)) {  // most are numbers: no call for them
    seam::copy_out(to, from, sizeof(u64));
  } else {
    seam::copy_out(to, from, shape.elem_bytes);
  }
}

// The entry of a filled inline slot; `overflow` is that word of the bucket, or of a copy, with all
// that follows it.
inline EntryView view_inline(const BucketShape& shape, const u64* overflow, u64 slot) {
  const auto* bucket = reinterpret_cast<const char*>(overflow) - offsetof(format::Bmap, overflow);
  return {bucket + key_at(shape, slot),
          bucket + elem_at(shape, slot),
          0,
          shape.key_bytes,
          shape.elem_bytes,
          0};
}

// The entry of a filled slot of either shape. Errors: kCorrupt (the reference leads out of the
// file).
[[gnu::always_inline]] inline Status view_slot(const Engine& engine, const u64* overflow, u64 slot,
                                               EntryView& entry) {
  const BucketShape& shape = engine.layout.bucket;
  if (!shape.is_inline()) return view_record(*engine.map, record_in(overflow, slot), entry);
  entry = view_inline(shape, overflow, slot);
  return {};
}
[[gnu::always_inline]] inline Result<EntryView> view_slot(const Engine& engine, const u64* overflow,
                                                          u64 slot) {
  EntryView entry;
  if (Status s = view_slot(engine, overflow, slot, entry); !s.ok()) return s;
  return entry;
}

// Asks the processor for what view_slot() and a look at the key will need.
inline void prefetch_slot(const Engine& engine, const u64* overflow, u64 slot) {
  if (!engine.layout.bucket.is_inline()) prefetch_record(engine, record_in(overflow, slot));
}

// The same of several; bit i of `slots` stands for slot i. (Inlined for the reason given below.)
[[gnu::always_inline]] inline void prefetch_slots(const Engine& engine, const u64* overflow,
                                                  u32 slots) {
  for (; slots != 0; slots &= slots - 1)
    prefetch_slot(engine, overflow, static_cast<u64>(std::countr_zero(slots)));
}

// Asks the processor for what lies behind the first line of a bucket with inline slots; of others
// that line is all. (Inlined, and without a loop or a function inside: g++ takes what does nothing
// but prefetch for a function without effect, and drops the call.)
template <int kForWriting = 0>
[[gnu::always_inline]] inline void prefetch_inline(const BucketShape& shape,
                                                   const format::Bmap* bucket) {
  if (!shape.is_inline()) return;
  const auto* begin = reinterpret_cast<const std::byte*>(bucket);
  const std::byte* last = begin + shape.bytes - 1;
  __builtin_prefetch(std::min(begin + kCacheLine, last), kForWriting);
  __builtin_prefetch(std::min(begin + 2 * kCacheLine, last), kForWriting);
  if (shape.bytes <= 3 * kCacheLine) return;
  __builtin_prefetch(std::min(begin + 3 * kCacheLine, last), kForWriting);
  if (shape.bytes <= 4 * kCacheLine) return;
  // Of still longer buckets the slot decides which lines are wanted.
  __builtin_prefetch(std::min(begin + 4 * kCacheLine, last), kForWriting);
  __builtin_prefetch(std::min(begin + 5 * kCacheLine, last), kForWriting);
  __builtin_prefetch(std::min(begin + 6 * kCacheLine, last), kForWriting);
  __builtin_prefetch(std::min(begin + 7 * kCacheLine, last), kForWriting);
}

// The same and the first line: all of a bucket that a look-up may want.
template <int kForWriting = 0>
[[gnu::always_inline]] inline void prefetch_bucket_lines(const Engine& engine,
                                                         const format::Bmap* bucket) {
  __builtin_prefetch(bucket, kForWriting);
  prefetch_inline<kForWriting>(engine.layout.bucket, bucket);
}

// Writes key and element into a slot that is empty, in a bucket that is writable: they mean nothing
// before its tophash says that it is filled. Inline slots only; the lengths are the shape's.
void fill_slot(const BucketShape& shape, format::Bmap& bucket, u64 slot, std::string_view key,
               std::string_view elem);

// Adds to the change what points a slot at the record at `offset`: one or two words. Not of inline
// slots.
void set_reference(Change& change, format::Bmap& bucket, u64 slot, u64 offset);

// Adds to the change what gives a filled slot another element: at most 17 words.
void set_elem(const BucketShape& shape, Change& change, format::Bmap& bucket, u64 slot,
              std::string_view elem);

}  // namespace hmap

#endif  // HMAP_SRC_MAP_SLOTS_H_
