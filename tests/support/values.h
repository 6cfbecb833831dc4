// Values that can be checked without being remembered: bytes derived from a stamp.
#ifndef HMAP_TESTS_SUPPORT_VALUES_H_
#define HMAP_TESTS_SUPPORT_VALUES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "seeds.h"

namespace hmap::test {

// Keys where nothing but their number matters.
inline std::string key_of(std::uint64_t number) { return "key " + std::to_string(number); }

// `bytes` bytes that depend on `stamp` in every one of them.
inline void fill_value(std::uint64_t stamp, std::size_t bytes, std::string& value) {
  value.resize(bytes);
  std::uint64_t state = mix(stamp);
  for (std::size_t at = 0; at < bytes; at += sizeof state) {
    std::memcpy(value.data() + at, &state, std::min(sizeof state, bytes - at));
    state = state * 0xd1342543de82ef95 + 0x9e3779b97f4a7c15;
  }
}
inline std::string value_of(std::uint64_t stamp, std::size_t bytes) {
  std::string value;
  fill_value(stamp, bytes, value);
  return value;
}

// A value that says whose it is: {key, version} in front, a fill derived from both behind, of a
// length that depends on both. A torn or foreign value does not parse.
struct Stamp {
  std::uint64_t key = 0;
  std::uint64_t version = 0;
  friend bool operator==(const Stamp&, const Stamp&) = default;
};

// 16 to 215 bytes, one in 64 up to 6 KiB, one in 4096 beyond 64 KiB (written before the lock).
inline std::size_t stamped_bytes(const Stamp& stamp) {
  const std::uint64_t random = mix(mix(stamp.key) ^ stamp.version);
  if (random % 4096 == 0) return 16 + 65'000 + (random >> 20) % 60'000;
  if (random % 64 == 0) return 16 + (random >> 20) % 6'000;
  return 16 + (random >> 20) % 200;
}

inline std::string stamped_value(const Stamp& stamp) {
  std::string value =
      value_of(mix(stamp.key * 0x100000001b3 + stamp.version), stamped_bytes(stamp));
  std::memcpy(value.data(), &stamp.key, 8);
  std::memcpy(value.data() + 8, &stamp.version, 8);
  return value;
}

// The stamp, if every byte is what it should be.
inline std::optional<Stamp> parse_stamped(std::string_view value) {
  Stamp stamp;
  if (value.size() < 16) return std::nullopt;
  std::memcpy(&stamp.key, value.data(), 8);
  std::memcpy(&stamp.version, value.data() + 8, 8);
  if (value.size() != stamped_bytes(stamp) || value != stamped_value(stamp)) return std::nullopt;
  return stamp;
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_SUPPORT_VALUES_H_
