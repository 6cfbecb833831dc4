// A point in time of a store.
#ifndef HMAP_SNAPSHOT_H_
#define HMAP_SNAPSHOT_H_

#include <memory>

#include "hmap/store.h"

namespace hmap {

// The store as it was when Store::snapshot() was called: every write that had returned by then and
// none that began later, in all shards at once. Nothing that anybody writes changes it.
//
// It ends with this object, with its Store's close(), or with the process; it does not outlive a
// reboot. What only it still needs (replaced records, old versions of buckets) is kept until then:
// a snapshot held for long costs space, and delays nobody.
//
// Threads: all calls may be made from any number of threads at once. After fork() the child's
// snapshots answer kForked, and its destructors touch nothing.
class HMAP_EXPORT Snapshot {
 public:
  Snapshot(Snapshot&&) noexcept;
  Snapshot& operator=(Snapshot&&) noexcept;
  ~Snapshot();

  // As the calls of Store with these names, at that point in time.
  // Errors: kInvalidArgument (key too long), kCorrupt, kForked, kClosed, kIoError (guarded).
  // Cost: as there, and for each bucket a walk over the versions of its block.
  [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const;
  [[nodiscard]] Result<bool> get_into(std::string_view key, std::string& value) const;
  [[nodiscard]] Result<bool> contains(std::string_view key) const;
  [[nodiscard]] Result<std::uint64_t> size() const;  // exact
  // All of the keys at the same moment.
  [[nodiscard]] Result<std::size_t> multi_get(std::span<const std::string_view> keys,
                                              std::span<std::optional<std::string>> values) const;
  [[nodiscard]] Result<std::size_t> multi_contains(std::span<const std::string_view> keys,
                                                   std::span<bool> present) const;

  // Iterates over exactly the entries of the snapshot, each once. The cursor keeps the snapshot
  // alive. Range-for and positions as with Store; throws hmap::Error likewise.
  [[nodiscard]] Result<Cursor> cursor() const;
  [[nodiscard]] Result<Cursor> cursor(const Position& position) const;
  [[nodiscard]] Store::Iterator begin() const { return Store::Iterator(cursor().value()); }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

  // The epoch it closed, as in Stats::epoch: snapshots with higher ones are later.
  [[nodiscard]] std::uint64_t epoch() const noexcept;

 private:
  friend class Store;
  class Impl;
  explicit Snapshot(std::shared_ptr<Impl> impl) noexcept;
  [[nodiscard]] Result<bool> look_up(std::string_view key, std::string* value) const;
  std::shared_ptr<Impl> impl_;
};

}  // namespace hmap

#endif  // HMAP_SNAPSHOT_H_
