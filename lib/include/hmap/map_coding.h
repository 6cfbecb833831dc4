// How keys and values of an hmap::Map become bytes, and bytes become them. Used by hmap/map.h.
#ifndef HMAP_MAP_CODING_H_
#define HMAP_MAP_CODING_H_

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "hmap/export.h"
#include "hmap/map_types.h"
#include "hmap/result.h"
#include "hmap/snapshot.h"
#include "hmap/store.h"

namespace hmap::detail {

// How T is passed, handed out (bytes: for as long as their owner says) and returned.
template <typename T>
using Argument = std::conditional_t<kIsBytes<T>, std::string_view, const T&>;
template <typename T>
using Seen = std::conditional_t<kIsBytes<T>, std::string_view, T>;
template <typename T>
using Element = std::conditional_t<kIsBytes<T>, std::string_view, T>;  // of a span of keys
template <typename T>
using Owned = std::conditional_t<kIsBytes<T>, std::string, T>;

// One value for all that are equal.
template <typename T>
T canonical(T number) noexcept {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits kInfinity = sizeof(T) == 4 ? Bits{0x7f800000} : static_cast<Bits>(0x7ffull << 52);
  constexpr Bits kQuiet = kInfinity | (kInfinity >> 1 & ~kInfinity);
  const Bits magnitude = std::bit_cast<Bits>(number) & (~Bits{0} >> 1);
  if (magnitude == 0) return std::bit_cast<T>(Bits{0});
  return magnitude > kInfinity ? std::bit_cast<T>(kQuiet) : number;
}

// The bytes of a key or a value, without a copy where there need be none: valid as long as this and
// the argument are.
template <typename T>
class KeyBytes {
 public:
  explicit KeyBytes(const T& key) noexcept : key_(key) {}
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(&key_), sizeof(T)};
  }

 private:
  const T& key_;
};
template <typename T>
requires kIsFloat<T>
class KeyBytes<T> {
 public:
  explicit KeyBytes(T key) noexcept : key_(canonical(key)) {}
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(&key_), sizeof(T)};
  }

 private:
  T key_;
};
template <>
class KeyBytes<bytes> {
 public:
  explicit KeyBytes(std::string_view key) noexcept : key_(key) {}
  [[nodiscard]] std::string_view view() const noexcept { return key_; }

 private:
  std::string_view key_;
};

template <typename T>
inline constexpr bool kMayHavePadding =
    !kIsBytes<T> && !kIsEmpty<T> && !kIsFloat<T> && !std::has_unique_object_representations_v<T>;

template <typename T>
class ValueBytes {
 public:
  explicit ValueBytes(const T& value) noexcept : value_(value) {}
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(&value_), kIsEmpty<T> ? 0 : sizeof(T)};
  }

 private:
  const T& value_;
};
template <typename T>
requires kMayHavePadding<T>
class ValueBytes<T> {
 public:
  explicit ValueBytes(const T& value) noexcept : value_(value) {
#if HMAP_CLEARS_PADDING
    __builtin_clear_padding(&value_);
#endif
  }
  [[nodiscard]] std::string_view view() const noexcept {
    return {reinterpret_cast<const char*>(&value_), sizeof(T)};
  }

 private:
  T value_;
};
template <>
class ValueBytes<bytes> : public KeyBytes<bytes> {
 public:
  using KeyBytes<bytes>::KeyBytes;
};

template <typename T>
bool length_fits(std::string_view bytes) noexcept {
  return kIsBytes<T> || bytes.size() == part_of<T>().bytes;
}

// What lies in `from`, of the right length.
template <typename T>
Seen<T> decode(std::string_view from) noexcept {
  if constexpr (kIsBytes<T>) {
    return from;
  } else if constexpr (kIsEmpty<T>) {
    return std::bit_cast<T>(std::array<char, sizeof(T)>{});
  } else if constexpr (std::is_same_v<T, bool>) {
    return from[0] != 0;  // another byte than 0 or 1 would be no bool
  } else {
    std::array<char, sizeof(T)> copy;
    std::memcpy(copy.data(), from.data(), sizeof(T));
    return std::bit_cast<T>(copy);
  }
}

// F-81 says that this cannot be.
inline Status wrong_length() noexcept {
  return {Code::kCorrupt, "an entry has not the lengths of the store's type"};
}

// get_into() for a value of exactly `bytes` bytes, which are copied to `to`. No allocation.
// kCorrupt if the value has another length.
HMAP_EXPORT Result<bool> get_fixed(const Store& store, std::string_view key, void* to,
                                   std::size_t bytes);
HMAP_EXPORT Result<bool> get_fixed(const Snapshot& snapshot, std::string_view key, void* to,
                                   std::size_t bytes);

// The same of a key and a value of eight bytes each, as long as all is plain; null: get_fixed() is
// to be asked. Half the instructions, so that a processor has more of them under way.
HMAP_EXPORT std::optional<bool> find_word(const Store& store, std::uint64_t key,
                                          std::uint64_t& value);

template <typename T>
inline constexpr bool kIsWord =
    !kIsBytes<T> && !std::is_same_v<T, bool> && sizeof(T) == sizeof(std::uint64_t);

template <typename K, typename V, typename Source>
Result<std::optional<Owned<V>>> get(const Source& source, Argument<K> key) {
  const KeyBytes<K> coded(key);
  if constexpr (std::is_same_v<Source, Store> && kIsWord<K> && kIsWord<V>) {
    std::uint64_t word = 0;
    std::uint64_t value = 0;
    std::memcpy(&word, coded.view().data(), sizeof word);
    if (const std::optional<bool> found = find_word(source, word, value)) [[likely]]
      return *found ? std::optional<V>(std::bit_cast<V>(value)) : std::nullopt;
  }
  if constexpr (kIsBytes<V>) {
    return source.get(coded.view());
  } else {
    std::array<char, part_of<V>().bytes + 1> buffer;
    const Result<bool> found = get_fixed(source, coded.view(), buffer.data(), part_of<V>().bytes);
    if (!found) return found.error();
    if (!*found) return std::optional<V>();
    return std::optional<V>(decode<V>({buffer.data(), part_of<V>().bytes}));
  }
}

// Many look-ups, some at a time, so that what they need lies on the stack. Of no keys one, for what
// it says of the source.
inline constexpr std::size_t kLookUpsAtATime = 32;

template <typename K, typename Fn>
Result<std::size_t> in_pieces(std::span<const Element<K>> keys, Fn&& look_up) {
  std::size_t found = 0;
  std::size_t from = 0;
  do {
    const std::span<const Element<K>> piece =
        keys.subspan(from, std::min(kLookUpsAtATime, keys.size() - from));
    std::array<std::optional<KeyBytes<K>>, kLookUpsAtATime> coded;
    std::array<std::string_view, kLookUpsAtATime> views;
    for (std::size_t i = 0; i < piece.size(); ++i) views[i] = coded[i].emplace(piece[i]).view();
    const Result<std::size_t> part = look_up(std::span(views.data(), piece.size()), from);
    if (!part) return part;
    found += *part;
    from += kLookUpsAtATime;
  } while (from < keys.size());
  return found;
}

template <typename K, typename V, typename Source>
Result<std::size_t> multi_get(const Source& source, std::span<const Element<K>> keys,
                              std::span<std::optional<Owned<V>>> values) {
  if (keys.size() != values.size())
    return Status(Code::kInvalidArgument, "not as many places for answers as keys");
  std::array<std::optional<std::string>, kLookUpsAtATime> found;
  return in_pieces<K>(
      keys, [&](std::span<const std::string_view> views, std::size_t from) -> Result<std::size_t> {
        if constexpr (kIsBytes<V>) {
          return source.multi_get(views, values.subspan(from, views.size()));
        } else {
          const Result<std::size_t> count =
              source.multi_get(views, std::span(found.data(), views.size()));
          if (!count) return count;
          for (std::size_t i = 0; i < views.size(); ++i) {
            values[from + i].reset();
            if (!found[i]) continue;
            if (!length_fits<V>(*found[i])) return wrong_length();
            values[from + i].emplace(decode<V>(*found[i]));
          }
          return count;
        }
      });
}

template <typename K, typename Source>
Result<std::size_t> multi_contains(const Source& source, std::span<const Element<K>> keys,
                                   std::span<bool> present) {
  if (keys.size() != present.size())
    return Status(Code::kInvalidArgument, "not as many places for answers as keys");
  return in_pieces<K>(keys, [&](std::span<const std::string_view> views, std::size_t from) {
    return source.multi_contains(views, present.subspan(from, views.size()));
  });
}

}  // namespace hmap::detail

#endif  // HMAP_MAP_CODING_H_
