// Looking up many keys at once, without a lock.
#ifndef HMAP_SRC_MAP_FIND_MANY_H_
#define HMAP_SRC_MAP_FIND_MANY_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "state/engine.h"

namespace hmap {

// Looks up each of `keys` as find() does. What is not null gets an answer for each key, by its
// place: `values` the value or std::nullopt, `present` whether the key is there. Returns how many
// are. Errors: as find(), for the first key that has one.
Result<u64> find_many(const Engine& engine, std::span<const std::string_view> keys,
                      std::optional<std::string>* values, bool* present);

}  // namespace hmap

#endif  // HMAP_SRC_MAP_FIND_MANY_H_
