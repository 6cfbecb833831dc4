// The types that the tests make maps of, and how the n-th key and value of each look.
#ifndef HMAP_TESTS_MAP_TYPES_OF_MAPS_H_
#define HMAP_TESTS_MAP_TYPES_OF_MAPS_H_

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <type_traits>
#include <variant>

#include "hmap/map.h"
#include "values.h"

namespace hmap::test {

struct Place {
  std::int32_t x = 0;
  std::int32_t y = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};
struct Padded {
  std::uint8_t small = 0;
  std::uint64_t large = 0;
  double number = 0;
  friend bool operator==(const Padded&, const Padded&) = default;
};
using LongKey = std::array<char, 300>;
using LongValue = std::array<std::uint32_t, 250>;

template <typename K, typename V>
struct Types {
  using Key = K;
  using Value = V;
};

// What every call and every history is tried with: in the buckets, in records, bytes on each side,
// a set.
using PairsOfTypes = ::testing::Types<Types<std::uint64_t, std::uint64_t>, Types<Place, Padded>,
                                      Types<double, std::uint32_t>, Types<bytes, std::uint64_t>,
                                      Types<std::uint64_t, bytes>, Types<LongKey, LongValue>,
                                      Types<std::uint32_t, std::monostate>>;

// Owned keys and values: what a model keeps.
template <typename T>
detail::Owned<T> make(std::uint64_t n) {
  using Owned = detail::Owned<T>;
  if constexpr (std::is_same_v<T, bytes>) {
    return value_of(n, n % 40);
  } else if constexpr (std::is_same_v<T, Place>) {
    return {static_cast<std::int32_t>(n), -static_cast<std::int32_t>(n / 2)};
  } else if constexpr (std::is_same_v<T, Padded>) {
    return {static_cast<std::uint8_t>(n), n * 77, static_cast<double>(n) / 3};
  } else if constexpr (std::is_same_v<T, std::monostate>) {
    return {};
  } else if constexpr (std::is_arithmetic_v<T>) {
    return static_cast<T>(n);
  } else {
    Owned result{};
    const std::string text = value_of(n, sizeof result);
    std::memcpy(&result, text.data(), sizeof result);
    return result;
  }
}
// Different for different n.
template <typename T>
detail::Owned<T> make_key(std::uint64_t n) {
  if constexpr (std::is_same_v<T, bytes>) {
    return key_of(n);
  } else {
    return make<T>(n);
  }
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_MAP_TYPES_OF_MAPS_H_
