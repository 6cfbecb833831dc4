// XXH3 of long inputs in the widest registers that the processor has: the result is the same, and
// found up to twelve times as fast as with those that every x86-64 has. format-spec/rationale.md.
#ifndef HMAP_SRC_FORMAT_HASH_LONG_H_
#define HMAP_SRC_FORMAT_HASH_LONG_H_

#include <cstddef>
#include <cstdint>

namespace hmap {

struct HashPart {
  const void* bytes;
  std::size_t count;
};

// XXH3_64bits_withSeed(); for more than XXH3_MIDSIZE_MAX bytes, or it does not pay.
std::uint64_t hash_long(const void* bytes, std::size_t count, std::uint64_t seed) noexcept;

// The same of the bytes of the parts, one behind the other.
std::uint64_t hash_parts(const HashPart* parts, std::size_t count, std::uint64_t seed) noexcept;

// The two of them with AVX2, only for processors that have it.
std::uint64_t hash_long_avx2(const void* bytes, std::size_t count, std::uint64_t seed) noexcept;
std::uint64_t hash_parts_avx2(const HashPart* parts, std::size_t count,
                              std::uint64_t seed) noexcept;

}  // namespace hmap

#endif  // HMAP_SRC_FORMAT_HASH_LONG_H_
