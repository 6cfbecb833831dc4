// A value read where it lies, without a copy.
#ifndef HMAP_VIEW_H_
#define HMAP_VIEW_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "hmap/export.h"
#include "hmap/result.h"

namespace hmap {

class Handle;

// The key and the value of one entry, in the mapped file, as they were when Store::find() found
// them; of a compressed value (Compression) a private copy, uncompressed. The bytes stay what they
// are until the View ends, whatever anybody does to the key: replace, erase, clear, growth and
// checkpoints write elsewhere meanwhile.
//
//   if (hmap::Result<std::optional<hmap::View>> view = store.find("ada"); view && *view)
//     use((*view)->value());
//
// Lifetime: a View keeps its store's mapping. Store::close() answers kBusy while there are views; a
// Store that is destroyed all the same is closed by the last of them, in its destructor.
// Space: a View holds back the space of its record, and with it what shares its count: the record's
// span, and one in 64 of the other spans and freed extents of a large store; of a record with
// extents of its own only those, for up to 16 such views in a process. The rest of the store is
// used again as ever, so a View may be held for hours; what it costs is in Stats. When its process
// dies, the next checkpoint of anybody gives the space back. Number: as many as memory allows,
// 16,777,215 to a count. Threads: a View belongs to one thread at a time; its bytes may be read by
// any number. Two views of one handle in two threads know nothing of each other. fork(): in the
// child a View may be destroyed (which does nothing) and moved, but not read: only the parent's is
// heeded, and nothing tells the child when it ends. Damage: the checksum is verified once, by
// find() (Options::verify_reads). A process that stores to the file without this library changes
// what is seen; reading a page that the disk does not give back, or that a stranger cut off, raises
// SIGBUS, which Options::guard_sigbus does not catch.
class HMAP_EXPORT View {
 public:
  // Of nothing: empty key, empty value. So is what was moved from.
  View() noexcept = default;
  View(View&& other) noexcept { swap(other); }
  View& operator=(View&& other) noexcept {
    View(std::move(other)).swap(*this);
    return *this;
  }
  ~View() {
    if (handle_ != nullptr) let_go();
  }

  [[nodiscard]] std::string_view key() const noexcept { return {key_, key_bytes_}; }
  [[nodiscard]] std::string_view value() const noexcept { return {value_, value_bytes_}; }

  void swap(View& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(key_, other.key_);
    std::swap(value_, other.value_);
    std::swap(extents_, other.extents_);
    std::swap(value_bytes_, other.value_bytes_);
    std::swap(key_bytes_, other.key_bytes_);
    std::swap(row_, other.row_);
    std::swap(uncompressed_, other.uncompressed_);
  }

 private:
  friend class Store;
  static Result<std::optional<View>> of(Handle& handle, std::string_view key);
  void let_go() noexcept;

  std::shared_ptr<Handle> handle_;  // null: of nothing
  const char* key_ = nullptr;
  const char* value_ = nullptr;
  std::uint64_t extents_ = 0;  // what is pinned, and how
  std::uint32_t value_bytes_ = 0;
  std::uint16_t key_bytes_ = 0;
  std::uint8_t row_ = 0;
  std::unique_ptr<std::string> uncompressed_;  // what value_ refers to, in a store with inline
                                               // slots key_ too; null: the mapped file
};

}  // namespace hmap

#endif  // HMAP_VIEW_H_
