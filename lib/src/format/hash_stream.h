// The hash of several parts, compiled for different processors by the files that include this.
#ifndef HMAP_SRC_FORMAT_HASH_STREAM_H_
#define HMAP_SRC_FORMAT_HASH_STREAM_H_

#include "format/hash.h"

namespace hmap {

// Static, or the linker would keep one version for all.
static inline std::uint64_t stream(const HashPart* parts, std::size_t count, std::uint64_t seed) {
  XXH3_state_t state;
  XXH3_INITSTATE(&state);  // a reset with a seed looks whether the secret was made for it already
  XXH3_64bits_reset_withSeed(&state, seed);
  for (std::size_t i = 0; i < count; ++i)
    XXH3_64bits_update(&state, parts[i].bytes, parts[i].count);
  return XXH3_64bits_digest(&state);
}

}  // namespace hmap

#endif  // HMAP_SRC_FORMAT_HASH_STREAM_H_
