// Compiled for AVX2, see lib/CMakeLists.txt: whoever calls these has asked the processor. Nothing
// of the standard library is used here: the linker may share its inline functions between files.
#include "format/hash_stream.h"

namespace hmap {

std::uint64_t hash_long_avx2(const void* bytes, std::size_t count, std::uint64_t seed) noexcept {
  return XXH3_64bits_withSeed(bytes, count, seed);
}

std::uint64_t hash_parts_avx2(const HashPart* parts, std::size_t count,
                              std::uint64_t seed) noexcept {
  return stream(parts, count, seed);
}

}  // namespace hmap
