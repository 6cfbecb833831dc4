// Types of stores whose keys and values have fixed lengths, without hmap::Map.
#ifndef HMAP_TESTS_SUPPORT_FIXED_TYPE_H_
#define HMAP_TESTS_SUPPORT_FIXED_TYPE_H_

#include <cstdint>

#include "hmap/type.h"

namespace hmap::test {

// Keys and values of these lengths: up to 128 bytes each they lie in the buckets.
inline TypeInfo fixed_type(std::uint32_t key_bytes, std::uint32_t value_bytes) {
  TypeInfo type;
  type.key = {TypeInfo::Kind::kFixed, key_bytes, 1};
  type.value = {TypeInfo::Kind::kFixed, value_bytes, 1};
  type.fingerprint = 1;
  return type;
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_SUPPORT_FIXED_TYPE_H_
