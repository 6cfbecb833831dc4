// hmap::Map<K, V>: a persistent hash map with types, in one file, shared by processes.
//
//   auto hits = hmap::Map<std::uint64_t, std::uint64_t>::open("hits.hmap");
//   if (!hits) return fail(hits.error());
//   hmap::Result<std::uint64_t> before = hits->fetch_add(page, 1);
//   for (auto [page, count] : *hits) ...
//
// It is a Store (hmap/store.h) whose keys and values are objects: everything that is said there of
// threads, processes, death, durability, errors and fork() holds, and is not said again here. The
// type is in the file: what opens it as something else gets kTypeMismatch, which names both types.
// Which types there are, floating-point keys and padding: hmap/map_types.h.
//
// Where it lies: plain K and V of up to 128 bytes each lie in the buckets themselves, keys
// together, then elements together, as in Go's map: a get touches one bucket and nothing else.
// Longer ones, and bytes on either side, lie in records, as in a Store. Entries in buckets have no
// checksum of their own: verify() finds a damaged byte of the last checkpoint by its block's, and
// recover() loses the entries of such a block; get() looks at no checksum (format-spec/format.md,
// F-84).
#ifndef HMAP_MAP_H_
#define HMAP_MAP_H_

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "hmap/batch.h"
#include "hmap/map_coding.h"
#include "hmap/map_iteration.h"
#include "hmap/map_types.h"
#include "hmap/snapshot.h"
#include "hmap/store.h"

namespace hmap {

// A point in time of a Map, as Snapshot is one of a Store; see there.
template <MapKey K, MapValue V>
class MapSnapshot {
 public:
  using Key = detail::Argument<K>;
  using Value = detail::Owned<V>;

  explicit MapSnapshot(Snapshot snapshot) noexcept : snapshot_(std::move(snapshot)) {}

  // As the calls of Map with these names. Errors as those of Snapshot, and kCorrupt where a value
  // has another length than the type.
  [[nodiscard]] Result<std::optional<Value>> get(Key key) const {
    return detail::get<K, V>(snapshot_, key);
  }
  [[nodiscard]] Result<bool> contains(Key key) const {
    return snapshot_.contains(detail::KeyBytes<K>(key).view());
  }
  [[nodiscard]] Result<std::size_t> multi_get(std::span<const detail::Element<K>> keys,
                                              std::span<std::optional<Value>> values) const {
    return detail::multi_get<K, V>(snapshot_, keys, values);
  }
  [[nodiscard]] Result<std::size_t> multi_contains(std::span<const detail::Element<K>> keys,
                                                   std::span<bool> present) const {
    return detail::multi_contains<K>(snapshot_, keys, present);
  }
  [[nodiscard]] Result<std::uint64_t> size() const { return snapshot_.size(); }

  [[nodiscard]] Result<MapCursor<K, V>> cursor(const Position& position) const {
    return typed(snapshot_.cursor(position));
  }
  [[nodiscard]] Result<MapCursor<K, V>> cursor() const { return typed(snapshot_.cursor()); }
  [[nodiscard]] MapIterator<K, V> begin() const { return MapIterator<K, V>(cursor().value()); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }
  [[nodiscard]] std::uint64_t epoch() const noexcept { return snapshot_.epoch(); }

 private:
  static Result<MapCursor<K, V>> typed(Result<Cursor> cursor) {
    if (!cursor) return cursor.error();
    return MapCursor<K, V>(*std::move(cursor));
  }
  Snapshot snapshot_;
};

// Writes of a Map that happen at one moment: Batch, with its rules and limits, and types.
template <MapKey K, MapValue V>
class MapBatch {
 public:
  void put(detail::Argument<K> key, detail::Argument<V> value) {
    batch_.put(detail::KeyBytes<K>(key).view(), detail::ValueBytes<V>(value).view());
  }
  void erase(detail::Argument<K> key) { batch_.erase(detail::KeyBytes<K>(key).view()); }
  void clear() noexcept { batch_.clear(); }
  [[nodiscard]] std::size_t size() const noexcept { return batch_.size(); }
  [[nodiscard]] bool empty() const noexcept { return batch_.empty(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return batch_.bytes(); }
  // The same as bytes, for Store::apply().
  [[nodiscard]] const Batch& batch() const noexcept { return batch_; }

 private:
  Batch batch_;
};

// An open map.
template <MapKey K, MapValue V>
class Map {
  static_assert(!(detail::kIsBytes<K> && detail::kIsBytes<V>), "this is an hmap::Store");

 public:
  using key_type = K;
  using mapped_type = V;
  using Key = detail::Argument<K>;        // const K&; of bytes std::string_view
  using Value = detail::Argument<V>;      // likewise
  using OwnedValue = detail::Owned<V>;    // V; of bytes std::string
  using SeenValue = detail::Seen<V>;      // V; of bytes std::string_view
  using KeyElement = detail::Element<K>;  // K; of bytes std::string_view

  // The type as it is in the file.
  [[nodiscard]] static TypeInfo type() { return type_info<K, V>(); }

  // Opens or creates the map at `path`, as Store::open() does; Options::type and ::any_type are of
  // no effect. Errors: those of Store::open(); kTypeMismatch: the file holds another type.
  static Result<Map> open(const std::string& path, const Options& options = {}) {
    Options typed = options;
    typed.type = type();
    typed.any_type = false;
    Result<Store> store = Store::open(path, typed);
    if (!store) return store.error();
    return Map(*std::move(store));
  }

  // A copy of the value of `key`; std::nullopt if absent.
  // Errors, cost: as Store::get(), without an allocation where V is plain; kCorrupt also if the
  // value has another length than the type.
  [[nodiscard]] Result<std::optional<OwnedValue>> get(Key key) const {
    return detail::get<K, V>(store_, key);
  }

  // Whether the map has `key`: Store::contains().
  [[nodiscard]] Result<bool> contains(Key key) const {
    return store_.contains(detail::KeyBytes<K>(key).view());
  }

  // Many keys at once, any number, repetitions allowed: `values` or `present` has as many places.
  // Returns how many are there. Errors and promises of Store::multi_get(); an error may come when
  // some places have been filled.
  [[nodiscard]] Result<std::size_t> multi_get(std::span<const KeyElement> keys,
                                              std::span<std::optional<OwnedValue>> values) const {
    return detail::multi_get<K, V>(store_, keys, values);
  }
  [[nodiscard]] Result<std::size_t> multi_contains(std::span<const KeyElement> keys,
                                                   std::span<bool> present) const {
    return detail::multi_contains<K>(store_, keys, present);
  }

  // Pins the value where it lies, without a copy: Store::find(). Of maps whose values are bytes.
  [[nodiscard]] Result<std::optional<View>> find(Key key) const requires(detail::kIsBytes<V>) {
    return store_.find(detail::KeyBytes<K>(key).view());
  }

  // Sets the value of `key`, whether or not it is present. Errors, cost, durability: Store::put().
  Status put(Key key, Value value) {
    return store_.put(detail::KeyBytes<K>(key).view(), detail::ValueBytes<V>(value).view());
  }
  // As put(), only if the key is absent. Returns whether it was inserted.
  Result<bool> insert(Key key, Value value) {
    return store_.insert(detail::KeyBytes<K>(key).view(), detail::ValueBytes<V>(value).view());
  }
  // As put(), only if the key is present. Returns whether it was replaced.
  Result<bool> replace(Key key, Value value) {
    return store_.replace(detail::KeyBytes<K>(key).view(), detail::ValueBytes<V>(value).view());
  }
  // Removes `key`. Returns whether it was present.
  Result<bool> erase(Key key) { return store_.erase(detail::KeyBytes<K>(key).view()); }

  // Replaces the value of `key` by fn(value), if the key is present. Returns whether it was.
  //
  //   fn  takes a V (of bytes a std::string_view) and gives the new one. It runs without a lock and
  //       runs again when another writer was faster, so it must have no effects of its own.
  // Errors, cost, durability, exceptions: Store::update(). Values are compared byte by byte as they
  // lie in the file, so this works for every V.
  template <typename Fn>
  Result<bool> update(Key key, Fn&& fn) {
    return modify(key, [&](std::optional<SeenValue> value) {
      // In place: what fn gives may be a std::nullopt that is a value.
      return value ? std::optional<OwnedValue>(std::in_place, fn(*value)) : std::nullopt;
    });
  }

  // The same whether or not the key is present: fn takes a std::optional<V>, std::nullopt for
  // absence. Returns whether the key was inserted.
  template <typename Fn>
  Result<bool> upsert(Key key, Fn&& fn) {
    const Result<bool> present = modify(key, [&](std::optional<SeenValue> value) {
      return std::optional<OwnedValue>(std::in_place, fn(std::move(value)));
    });
    return present ? Result<bool>(!*present) : present;
  }

  // Sets the value of `key` to `desired` if it is `expected` at that moment; std::nullopt stands
  // for absence, on either side. Returns whether it was so. Values are equal if their bytes are,
  // padding left aside: +0.0 is not -0.0 here. Errors, cost, durability: as
  // Store::compare_exchange(); of a V that may have padding, as update().
  Result<bool> compare_exchange(Key key, std::optional<SeenValue> expected,
                                std::optional<SeenValue> desired) requires MapComparable<V>;

  // Adds `delta` to the value of `key`, wrapping around; an absent key counts as 0 and is inserted.
  // Returns the value before. Errors, cost, durability: as update(), and atomic like it.
  Result<V> fetch_add(Key key, V delta) requires MapInteger<V>;

  // Appends to the value of `key`, an absent one counting as empty: Store::append().
  Result<std::uint64_t> append(Key key, std::string_view text) requires(detail::kIsBytes<V>) {
    return store_.append(detail::KeyBytes<K>(key).view(), text);
  }

  // Does all operations of `batch` at one moment: Store::apply().
  Status apply(const MapBatch<K, V>& batch) { return store_.apply(batch.batch()); }

  // Removes everything, shard by shard: Store::clear().
  Status clear() { return store_.clear(); }
  // The number of entries: exact when no write is in progress.
  [[nodiscard]] Result<std::uint64_t> size() const { return store_.size(); }

  // Starts an iteration at a random place, or resumes one. Promises: Cursor.
  [[nodiscard]] Result<MapCursor<K, V>> cursor() const { return typed(store_.cursor()); }
  [[nodiscard]] Result<MapCursor<K, V>> cursor(const Position& position) const {
    return typed(store_.cursor(position));
  }
  // Range-for, in random order; throws hmap::Error where a cursor would return an error.
  [[nodiscard]] MapIterator<K, V> begin() const { return MapIterator<K, V>(cursor().value()); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  // The map as it is at this moment: Store::snapshot().
  [[nodiscard]] Result<MapSnapshot<K, V>> snapshot() const {
    Result<Snapshot> taken = store_.snapshot();
    if (!taken) return taken.error();
    return MapSnapshot<K, V>(*std::move(taken));
  }

  // As the calls of Store with these names.
  Status checkpoint() { return store_.checkpoint(); }
  Status sync() { return store_.sync(); }
  Status wait_durable() { return store_.wait_durable(); }
  [[nodiscard]] Result<Stats> stats(StatsDepth depth = StatsDepth::kHeaders) const {
    return store_.stats(depth);
  }
  [[nodiscard]] Result<VerifyReport> verify(const VerifyOptions& options = {}) const {
    return store_.verify(options);
  }
  Status close() { return store_.close(); }
  [[nodiscard]] bool writable() const noexcept { return store_.writable(); }

  // The same store, keys and values as bytes: for copy(), Activity and the like. It refuses other
  // lengths, but not a -0.0 or a NaN of its own as a key, which the map would never find.
  [[nodiscard]] Store& store() noexcept { return store_; }
  [[nodiscard]] const Store& store() const noexcept { return store_; }

 private:
  explicit Map(Store store) noexcept : store_(std::move(store)) {}

  static Result<MapCursor<K, V>> typed(Result<Cursor> cursor) {
    if (!cursor) return cursor.error();
    return MapCursor<K, V>(*std::move(cursor));
  }

  // Sets the value to what fn makes of the present one (std::nullopt: absent), or does nothing if
  // that is std::nullopt. Returns whether the key was present.
  template <typename Fn>
  Result<bool> modify(Key key, Fn&& fn);

  Store store_;
};

template <MapKey K, MapValue V>
template <typename Fn>
Result<bool> Map<K, V>::modify(Key key, Fn&& fn) {
  const detail::KeyBytes<K> coded(key);
  std::string before;
  for (;;) {
    const Result<bool> found = store_.get_into(coded.view(), before);
    if (!found) return found;
    if (*found && !detail::length_fits<V>(before)) return detail::wrong_length();
    const std::optional<OwnedValue> desired =
        *found ? fn(std::optional<SeenValue>(detail::decode<V>(before))) : fn(std::nullopt);
    if (!desired) return found;
    const detail::ValueBytes<V> after(*desired);
    const Result<bool> done = store_.compare_exchange(
        coded.view(), *found ? std::optional<std::string_view>(before) : std::nullopt,
        after.view());
    if (!done) return done;
    if (*done) return found;
  }
}

template <MapKey K, MapValue V>
Result<bool> Map<K, V>::compare_exchange(Key key, std::optional<SeenValue> expected,
                                         std::optional<SeenValue> desired) requires
    MapComparable<V> {
  const detail::KeyBytes<K> coded(key);
  std::optional<detail::ValueBytes<V>> wanted;
  std::optional<detail::ValueBytes<V>> new_value;
  std::optional<std::string_view> before;
  std::optional<std::string_view> after;
  if (expected) before = wanted.emplace(*expected).view();
  if (desired) after = new_value.emplace(*desired).view();
  if constexpr (!detail::kMayHavePadding<V>) {
    return store_.compare_exchange(coded.view(), before, after);
  } else {
    // Who wrote the value may have left something in its padding.
    std::string raw;
    for (;;) {
      const Result<bool> found = store_.get_into(coded.view(), raw);
      if (!found) return found;
      if (*found && !detail::length_fits<V>(raw)) return detail::wrong_length();
      if (*found != before.has_value()) return false;
      if (*found && detail::ValueBytes<V>(detail::decode<V>(raw)).view() != *before) return false;
      const Result<bool> done = store_.compare_exchange(
          coded.view(), *found ? std::optional<std::string_view>(raw) : std::nullopt, after);
      if (!done || *done) return done;
    }
  }
}

template <MapKey K, MapValue V>
Result<V> Map<K, V>::fetch_add(Key key, V delta) requires MapInteger<V> {
  using Unsigned = std::make_unsigned_t<V>;
  V before = 0;
  const Result<bool> present = modify(key, [&](std::optional<V> value) {
    before = value.value_or(V{0});
    return std::optional<V>(static_cast<V>(
        static_cast<Unsigned>(static_cast<Unsigned>(before) + static_cast<Unsigned>(delta))));
  });
  if (!present) return present.error();
  return before;
}

}  // namespace hmap

#endif  // HMAP_MAP_H_
