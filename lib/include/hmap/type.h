// What the keys and values of a store are: byte strings, or things of one fixed size each.
//
// The type is chosen when a store is made and kept in its file (format-spec/format.md, sections 5
// and 27). hmap::Map<K, V> (hmap/map.h) makes it from K and V; by hand it is of use to programs
// that make a store for others.
#ifndef HMAP_TYPE_H_
#define HMAP_TYPE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "hmap/export.h"

namespace hmap {

inline constexpr std::uint32_t kTypeAlignMax = 4'096;
inline constexpr std::size_t kTypeNameBytesMax = 128;

// The type of a store. The default is that of hmap::Store: byte strings of any length.
struct TypeInfo {
  enum class Kind : std::uint8_t {
    kBytes = 0,  // Any bytes, each of its own length; `bytes` and `align` are 0.
    kFixed = 1,  // All of `bytes` bytes.
  };
  struct Part {
    Kind kind = Kind::kBytes;
    std::uint32_t bytes = 0;  // Of a key 1 to 65,535; of a value 0 to 4,294,967,295.
    std::uint32_t align = 0;  // A power of two up to kTypeAlignMax that divides `bytes`.
    friend bool operator==(const Part&, const Part&) = default;
  };
  Part key{};
  Part value{};
  // Differs where the types of the program differ. 0 exactly for byte strings on both sides.
  std::uint64_t fingerprint = 0;
  // For people, at most kTypeNameBytesMax bytes of UTF-8 without control characters; empty where
  // the fingerprint is 0. Example: "u64 -> Session".
  std::string name{};
};

// Whether a program that knows `a` may open a store of type `b`: everything but the name is equal.
[[nodiscard]] HMAP_EXPORT bool same_type(const TypeInfo& a, const TypeInfo& b) noexcept;

// One line for people: "u64 -> Session (key 8 bytes, align 8; value 24 bytes, align 8; fingerprint
// 0123456789abcdef)", or "bytes -> bytes". Of a name that is not printable UTF-8 the bytes that are
// not printable ASCII become question marks.
[[nodiscard]] HMAP_EXPORT std::string to_string(const TypeInfo& type);

}  // namespace hmap

#endif  // HMAP_TYPE_H_
