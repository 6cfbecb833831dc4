// Changing slots.
#include "map/slots.h"

#include <algorithm>
#include <cstring>

namespace hmap {

using format::Bmap;

void fill_slot(const BucketShape& shape, Bmap& bucket, u64 slot, std::string_view key,
               std::string_view elem) {
  auto* bytes = reinterpret_cast<std::byte*>(&bucket);
  // A reader that met the entry which was here before must notice that it is gone before it meets
  // these bytes. Crash: the slot is empty, they mean nothing.
  seam::write_barrier();
  seam::copy_in(bytes + key_at(shape, slot), key.data(), key.size());
  seam::copy_in(bytes + elem_at(shape, slot), elem.data(), elem.size());
}

void set_reference(Change& change, Bmap& bucket, u64 slot, u64 offset) {
  constexpr u64 kBits = 8 * format::kRefBytes;
  constexpr u64 kMask = (u64{1} << kBits) - 1;
  const u64 reference = offset / format::kRecordUnit;
  const u64 shift = slot * kBits % 64;
  u64& word = bucket.refs[slot * kBits / 64];
  change.set(word, (word & ~(kMask << shift)) | reference << shift);
  if (shift + kBits <= 64) return;
  u64& next = bucket.refs[slot * kBits / 64 + 1];
  change.set(next, (next & ~(kMask >> (64 - shift))) | reference >> (64 - shift));
}

void set_elem(const BucketShape& shape, Change& change, Bmap& bucket, u64 slot,
              std::string_view elem) {
  auto* words = reinterpret_cast<u64*>(&bucket);
  const u64 first = elem_at(shape, slot);
  const u64 last = first + elem.size();
  for (u64 at = first / sizeof(u64) * sizeof(u64); at < last; at += sizeof(u64)) {
    // Elements need not end where words do: what belongs to the neighbours stays.
    u64 word = seam::load(words[at / sizeof(u64)]);
    const u64 from = std::max(first, at);
    const u64 to = std::min(last, at + sizeof(u64));
    std::memcpy(reinterpret_cast<std::byte*>(&word) + (from - at), elem.data() + (from - first),
                to - from);
    change.set(words[at / sizeof(u64)], word);
  }
}

}  // namespace hmap
