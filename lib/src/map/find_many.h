// Looking up many keys at once, without a lock.
#ifndef HMAP_SRC_MAP_FIND_MANY_H_
#define HMAP_SRC_MAP_FIND_MANY_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "state/engine.h"

namespace hmap {

struct Frozen;

// kInvalidArgument unless there is a place for each answer.
inline Status check_places(std::size_t keys, std::size_t places) {
  if (keys == places) return {};
  return {Code::kInvalidArgument, "not as many places for answers as keys"};
}

// Looks up each of `keys` as find() does, in the live state or, if `frozen` is not null, in that of
// a cut. What is not null gets an answer for each key, by its place: `values` the value or
// std::nullopt, `present` whether the key is there. Returns how many are. Errors: kInvalidArgument
// (no entry of the store can have one of the keys; nothing was looked up); as find(), for the first
// key that has one.
Result<u64> find_many(const Engine& engine, std::span<const std::string_view> keys,
                      std::optional<std::string>* values, bool* present,
                      const Frozen* frozen = nullptr);

}  // namespace hmap

#endif  // HMAP_SRC_MAP_FIND_MANY_H_
