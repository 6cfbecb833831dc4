// Compiled for AVX2, see lib/CMakeLists.txt: whoever calls these has asked the processor. Nothing
// of the standard library is used here: the linker may share its inline functions between files.
#include "format/hash_stream.h"

namespace hmap {
namespace {

// Before a return to code for all processors. Where a register's upper half is left in use, some
// Intel processors (seen: Emerald Rapids) take 60 ns each time that code with SSE follows code with
// AVX: a copy by the C library, for example. The compiler sees to it in most functions, but g++ 12
// not in those that end with a call of another one of the same file.
inline void leave_avx() noexcept {
#ifdef __AVX__
  __builtin_ia32_vzeroupper();
#endif
}

}  // namespace

std::uint64_t hash_long_avx2(const void* bytes, std::size_t count, std::uint64_t seed) noexcept {
  const std::uint64_t hash = XXH3_64bits_withSeed(bytes, count, seed);
  leave_avx();
  return hash;
}

std::uint64_t hash_parts_avx2(const HashPart* parts, std::size_t count,
                              std::uint64_t seed) noexcept {
  const std::uint64_t hash = stream(parts, count, seed);
  leave_avx();
  return hash;
}

}  // namespace hmap
