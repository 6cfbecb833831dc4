// The inside of a Cursor, for the two who make cursors.
#ifndef HMAP_SRC_STORE_CURSOR_IMPL_H_
#define HMAP_SRC_STORE_CURSOR_IMPL_H_

#include <memory>

#include "map/iterate.h"
#include "map/read_through.h"
#include "store/handle.h"

namespace hmap {

class Cursor::Impl {
 public:
  // Of the live state, or of what `frozen` holds; the pointer keeps the snapshot alive.
  Impl(std::shared_ptr<Handle> handle, const Position& position,
       std::shared_ptr<const Frozen> frozen)
      : handle_(std::move(handle)), frozen_(std::move(frozen)), position_(position) {}

  Result<std::optional<Entry>> next();
  [[nodiscard]] Position position() const { return given_ < entries_.size() ? chain_ : position_; }

 private:
  Result<bool> fetch(WalkedEntry& entry);

  std::shared_ptr<Handle> handle_;
  std::shared_ptr<const Frozen> frozen_;
  Position position_;  // behind the chain being handed out
  Position chain_;     // before it
  WalkedEntries entries_;
  u64 astray_ = 0;  // see walk_chain()
  std::size_t given_ = 0;
};

}  // namespace hmap

#endif  // HMAP_SRC_STORE_CURSOR_IMPL_H_
