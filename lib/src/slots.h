// What a slot of a bucket holds: the reference to a record or, where keys and elements are short
// and of a fixed size, these themselves. format-spec, "Bucket".
#ifndef HMAP_SRC_SLOTS_H_
#define HMAP_SRC_SLOTS_H_

#include <algorithm>

#include "bmap.h"
#include "intent.h"
#include "records.h"

namespace hmap {

// Where the key and the element of a slot lie, counted from the bucket's begin: the keys together,
// then the elements together.
constexpr u64 key_at(const BucketShape& shape, u64 slot) {
  return format::kBucketHeadBytes + slot * shape.key_bytes;
}
constexpr u64 elem_at(const BucketShape& shape, u64 slot) {
  return format::kBucketHeadBytes + format::kSlots * shape.key_bytes + slot * shape.elem_bytes;
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
[[gnu::always_inline]] inline Result<EntryView> view_slot(const Engine& engine, const u64* overflow,
                                                          u64 slot) {
  const BucketShape& shape = engine.layout.bucket;
  if (!shape.is_inline()) return view_record(engine, record_in(overflow, slot));
  return view_inline(shape, overflow, slot);
}

// Asks the processor for what view_slot() and a look at the key will need.
inline void prefetch_slot(const Engine& engine, const u64* overflow, u64 slot) {
  if (!engine.layout.bucket.is_inline()) prefetch_record(engine, record_in(overflow, slot));
}

// Asks the processor for what lies behind the first line of a bucket with inline slots; of others
// that line is all.
template <int kForWriting = 0>
inline void prefetch_inline(const Engine& engine, const format::Bmap* bucket) {
  constexpr u64 kLine = 64;
  constexpr u64 kMost = 8 * kLine;  // of longer buckets the slot decides which lines are wanted
  const auto* bytes = reinterpret_cast<const std::byte*>(bucket);
  const u64 end = engine.layout.bucket.is_inline() ? engine.layout.bucket.bytes + kLine - 1 : 0;
  for (u64 at = kLine; at < std::min(end, kMost); at += kLine)
    __builtin_prefetch(bytes + at, kForWriting);
}

// Writes key and element into a slot that is empty, in a bucket that is writable: they mean nothing
// before its tophash says that it is filled. Inline slots only; the lengths are the shape's.
void fill_slot(const BucketShape& shape, format::Bmap& bucket, u64 slot, std::string_view key,
               std::string_view elem);

// Adds to the change what gives a filled slot another element: at most 17 words.
void set_elem(const BucketShape& shape, Change& change, format::Bmap& bucket, u64 slot,
              std::string_view elem);

}  // namespace hmap

#endif  // HMAP_SRC_SLOTS_H_
