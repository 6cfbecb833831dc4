// Iteration over an hmap::Map and its snapshots. Used by hmap/map.h.
#ifndef HMAP_MAP_ITERATION_H_
#define HMAP_MAP_ITERATION_H_

#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "hmap/map_coding.h"
#include "hmap/position.h"

namespace hmap {

// One entry handed out by iteration: for structured bindings. Bytes belong to the cursor and stay
// until it moves on; plain keys and values are copies.
template <MapKey K, MapValue V>
struct MapEntry {
  detail::Seen<K> key;
  detail::Seen<V> value;
};

// A resumable walk over all entries, with the guarantees and the rules of hmap::Cursor.
template <MapKey K, MapValue V>
class MapCursor {
 public:
  explicit MapCursor(Cursor cursor) noexcept : cursor_(std::move(cursor)) {}

  // Moves to the next entry. Returns it, or std::nullopt at the end. Errors and cost as
  // Cursor::next(); kCorrupt also where an entry is not of the type.
  Result<std::optional<MapEntry<K, V>>> next() {
    const Result<std::optional<Entry>> entry = cursor_.next();
    if (!entry) return entry.error();
    if (!entry->has_value()) return std::optional<MapEntry<K, V>>();
    const auto& [key, value] = **entry;
    if (!detail::length_fits<K>(key) || !detail::length_fits<V>(value))
      return detail::wrong_length();
    return std::optional(MapEntry<K, V>{detail::decode<K>(key), detail::decode<V>(value)});
  }

  // As Cursor::position().
  [[nodiscard]] Position position() const noexcept { return cursor_.position(); }

 private:
  Cursor cursor_;
};

// Input iterator over a MapCursor. Throws hmap::Error where the cursor has an error.
template <MapKey K, MapValue V>
class MapIterator {
 public:
  using value_type = MapEntry<K, V>;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;

  MapIterator() = default;
  explicit MapIterator(MapCursor<K, V> cursor)
      : cursor_(std::make_shared<MapCursor<K, V>>(std::move(cursor))) {
    ++*this;
  }
  const value_type& operator*() const noexcept { return *entry_; }
  const value_type* operator->() const noexcept { return &*entry_; }
  MapIterator& operator++() {
    std::optional<value_type> next = cursor_->next().value();
    entry_.reset();
    if (next) entry_.emplace(*next);
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const MapIterator& it, std::default_sentinel_t) noexcept {
    return !it.entry_.has_value();
  }

 private:
  std::shared_ptr<MapCursor<K, V>> cursor_;
  std::optional<value_type> entry_;
};

}  // namespace hmap

#endif  // HMAP_MAP_ITERATION_H_
