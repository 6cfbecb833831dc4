// Types of stores whose keys and values have fixed lengths, without hmap::Map; keys and values that
// suit a store of any type.
#ifndef HMAP_TESTS_SUPPORT_FIXED_TYPE_H_
#define HMAP_TESTS_SUPPORT_FIXED_TYPE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "hmap/type.h"
#include "values.h"

namespace hmap::test {

// Keys and values of these lengths: up to 128 bytes each they lie in the buckets.
inline TypeInfo fixed_type(std::uint32_t key_bytes, std::uint32_t value_bytes) {
  TypeInfo type;
  type.key = {TypeInfo::Kind::kFixed, key_bytes, 1};
  type.value = {TypeInfo::Kind::kFixed, value_bytes, 1};
  type.fingerprint = 1;
  return type;
}

inline bool has_fixed_keys(const TypeInfo& type) { return type.key.kind == TypeInfo::Kind::kFixed; }

// The n-th key: key_of(n), or where all keys have one length, the digits of n behind zeros, which
// tells a thousand keys of 3 bytes apart.
inline std::string key_of(const TypeInfo& type, std::uint64_t number) {
  if (!has_fixed_keys(type)) return key_of(number);
  std::string key(type.key.bytes, '0');
  for (std::size_t i = key.size(); i > 0 && number > 0; number /= 10) {
    key[--i] = static_cast<char>('0' + number % 10);
  }
  return key;
}

// value_of() of so many bytes, or of as many as every value has.
inline std::string value_of(const TypeInfo& type, std::uint64_t stamp, std::size_t bytes) {
  return value_of(stamp, type.value.kind == TypeInfo::Kind::kFixed ? type.value.bytes : bytes);
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_SUPPORT_FIXED_TYPE_H_
