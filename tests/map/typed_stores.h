// Stores with a type, made without hmap::Map.
#ifndef HMAP_TESTS_MAP_TYPED_STORES_H_
#define HMAP_TESTS_MAP_TYPED_STORES_H_

#include "fixed_type.h"

namespace hmap::test {

// Keys of 8 bytes, values of 24.
inline TypeInfo eight_to_24() {
  TypeInfo type = fixed_type(8, 24);
  type.key.align = type.value.align = 8;
  type.fingerprint = 0x0123456789abcdef;
  type.name = "u64 -> Session";
  return type;
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_MAP_TYPED_STORES_H_
