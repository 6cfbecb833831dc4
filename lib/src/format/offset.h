// Offset<T>: a place in the file, typed by what lies there. The only way to an address is
// Mapping::at(). And the arithmetic of places.
#ifndef HMAP_SRC_FORMAT_OFFSET_H_
#define HMAP_SRC_FORMAT_OFFSET_H_

#include <compare>
#include <cstdint>

namespace hmap::format {

// Eight bytes; zero is "none", because offset 0 is the superblock, which nothing refers to. No
// arithmetic and no conversion between targets: code that computes a place says Offset<T>{...}.
template <typename T>
struct Offset {
  std::uint64_t value = 0;

  [[nodiscard]] constexpr bool none() const noexcept { return value == 0; }
  friend constexpr auto operator<=>(const Offset&, const Offset&) noexcept = default;
};

}  // namespace hmap::format

namespace hmap {

using format::Offset;

// The smallest multiple of `unit` that is not below `value`.
constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) noexcept {
  return (value + unit - 1) / unit * unit;
}

// Whether two things of `bytes` each share some of them.
constexpr bool overlap(std::uint64_t a, std::uint64_t b, std::uint64_t bytes) noexcept {
  return a < b + bytes && b < a + bytes;
}

}  // namespace hmap

#endif  // HMAP_SRC_FORMAT_OFFSET_H_
