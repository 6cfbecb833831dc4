// Hashing of keys and checksums of all but short records (record_sum.h): XXH3-64, whose output is
// fixed since xxHash 0.8.0. format-spec/format.md, "Hashing and checksums".
#ifndef HMAP_SRC_FORMAT_HASH_H_
#define HMAP_SRC_FORMAT_HASH_H_

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "format/hash_long.h"
#include "format/sanitizers.h"

#ifdef HMAP_TSAN
#include <string>
#endif

namespace hmap {

// What is hashed: bytes that may be changing meanwhile, when they lie in the file; whoever uses the
// result checks afterwards whether they were meant. (As in seam.h: ThreadSanitizer builds hash what
// atomic loads have copied.)
#ifdef HMAP_TSAN
inline std::string bytes_now(const void* bytes, std::size_t count) {
  std::string copy(count, 0);
  for (std::size_t i = 0; i < count; ++i)
    copy[i] = __atomic_load_n(static_cast<const char*>(bytes) + i, __ATOMIC_RELAXED);
  return copy;
}
#else
inline std::string_view bytes_now(const void* bytes, std::size_t count) noexcept {
  return {static_cast<const char*>(bytes), count};
}
#endif

// XXH3_64bits_withSeed, short inputs right here.
inline std::uint64_t hash_bytes(const void* bytes, std::size_t count, std::uint64_t seed) noexcept {
  const auto now = bytes_now(bytes, count);
  if (count > XXH3_MIDSIZE_MAX) return hash_long(now.data(), count, seed);
  return XXH3_64bits_withSeed(now.data(), count, seed);
}

// hash_bytes() of eight private bytes, without the choice of a way by length, and inlined.
[[gnu::flatten]] inline std::uint64_t hash_word(std::uint64_t word, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(&word, sizeof word, seed);
}

// The one hash of a key. Its low S bits choose the shard; mix() makes the rest.
[[gnu::always_inline]] inline std::uint64_t hash_key(std::string_view key,
                                                     std::uint64_t store_seed) noexcept {
  // Most fixed keys are numbers of this length: computed right here then, without the choice of a
  // way by length.
  if (key.size() == sizeof(std::uint64_t)) return hash_bytes(key.data(), 8, store_seed);
  return hash_bytes(key.data(), key.size(), store_seed);
}

// The hash inside a shard: low bits choose the bucket, the top byte is the tophash. A bijection for
// each hash0, so that renewing hash0 moves every key without hashing its bytes again.
inline std::uint64_t mix(std::uint64_t hash, std::uint64_t hash0) noexcept {
  std::uint64_t x = (hash ^ hash0) * 0x9E3779B97F4A7C15ull;
  x ^= x >> 32;
  x *= 0xD6E8FEB86659FD93ull;
  return x ^ (x >> 32);
}

// The bits of a hash in the other order: the low ones, which choose the bucket, count most. A chain
// of an array of 2^b buckets holds the reversed hashes of one of 2^b intervals of equal length.
constexpr std::uint64_t reversed_bits(std::uint64_t x) noexcept {
  x = (x & 0x5555555555555555) << 1 | (x >> 1 & 0x5555555555555555);
  x = (x & 0x3333333333333333) << 2 | (x >> 2 & 0x3333333333333333);
  x = (x & 0x0f0f0f0f0f0f0f0f) << 4 | (x >> 4 & 0x0f0f0f0f0f0f0f0f);
  return __builtin_bswap64(x);
}

inline std::uint32_t checksum(const void* bytes, std::size_t count, std::uint64_t seed) noexcept {
  return static_cast<std::uint32_t>(hash_bytes(bytes, count, seed));
}

// As a new file reads: nobody has written there.
inline bool all_zero(const std::byte* bytes, std::size_t count) noexcept {
  return std::all_of(bytes, bytes + count, [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace hmap

#endif  // HMAP_SRC_FORMAT_HASH_H_
