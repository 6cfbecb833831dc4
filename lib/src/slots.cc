// Changing inline slots.
#include "slots.h"

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
