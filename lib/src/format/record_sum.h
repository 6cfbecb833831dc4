// Checksums of records. format-spec/format.md, "Hashing and checksums".
#ifndef HMAP_SRC_FORMAT_RECORD_SUM_H_
#define HMAP_SRC_FORMAT_RECORD_SUM_H_

#include "format/crc32c.h"
#include "format/hash.h"
#include "format/layout.h"

namespace hmap {

// Longer ones have XXH3 in either kind of store: from here on vectors make that the faster one.
inline constexpr std::size_t kCrcBytesMax = 240;

// Whether records with so many bytes behind their checksum have CRC-32C.
constexpr bool is_crc(RecordSums sums, std::size_t count) noexcept {
  return sums == RecordSums::kCrc && count <= kCrcBytesMax;
}

// Of the `count` bytes of a record behind its checksum. (Inlined: a get's own instructions decide
// how soon the processor comes to the next one; rationale.md, section 4.)
[[gnu::always_inline]] inline std::uint32_t record_checksum(RecordSums sums, const void* bytes,
                                                            std::size_t count,
                                                            std::uint64_t seed) noexcept {
  if (!is_crc(sums, count)) [[unlikely]]
    return checksum(bytes, count, seed);
  const auto now = bytes_now(bytes, count);
  Crc32c crc;
  crc.add_word(seed);
  crc.add(now.data(), count);
  return crc.value();
}

}  // namespace hmap

#endif  // HMAP_SRC_FORMAT_RECORD_SUM_H_
