// Asks the processor, and is what there is without AVX2.
#include "format/hash_stream.h"

namespace hmap {
namespace {

bool has_avx2() {
#ifdef __x86_64__
  return __builtin_cpu_supports("avx2") != 0;
#else
  return false;
#endif
}

}  // namespace

std::uint64_t hash_long(const void* bytes, std::size_t count, std::uint64_t seed) noexcept {
  if (has_avx2()) return hash_long_avx2(bytes, count, seed);
  return XXH3_64bits_withSeed(bytes, count, seed);
}

std::uint64_t hash_parts(const HashPart* parts, std::size_t count, std::uint64_t seed) noexcept {
  if (has_avx2()) return hash_parts_avx2(parts, count, seed);
  return stream(parts, count, seed);
}

}  // namespace hmap
