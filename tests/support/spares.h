// The spares of the superblock, in the bytes of a file.
#ifndef HMAP_TESTS_SUPPORT_SPARES_H_
#define HMAP_TESTS_SUPPORT_SPARES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

namespace hmap::test {

inline constexpr std::size_t kSuperblockBytes = 512;

// Where they lie, as the superblock says, which is intact: format.md, F-102.
inline std::array<std::size_t, 2> spares_in(const std::string& bytes) {
  std::uint64_t root_bytes = 0;
  std::memcpy(&root_bytes, bytes.data() + 104, sizeof root_bytes);
  const std::size_t end = 4096 + root_bytes;
  return {end - kSuperblockBytes, end + root_bytes - kSuperblockBytes};
}

// As a store was that is older than they are.
inline std::string without_spares(std::string bytes) {
  for (const std::size_t at : spares_in(bytes))
    bytes.replace(at, kSuperblockBytes, kSuperblockBytes, '\0');
  return bytes;
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_SUPPORT_SPARES_H_
