// Cursor: hands out the entries of one chain after the other.
#include "format/hash.h"
#include "map/find.h"
#include "store/cursor_impl.h"
#include "store/store_impl.h"

namespace hmap {

Result<std::optional<Entry>> Cursor::Impl::next() {
  for (;;) {
    if (given_ < entries_.size()) {
      WalkedEntry& entry = entries_[given_++];
      if (entry.value_left_behind) {
        const Result<bool> found = fetch(entry);
        if (!found) return found.error();
        if (!*found) continue;  // erased since its chain was read
      }
      return std::optional<Entry>(Entry{entry.key, entry.value});
    }
    given_ = 0;
    entries_.clear();
    chain_ = position_;
    bool at_end = false;
    const Status status = handle_->read([&](const Engine& engine) -> Status {
      // A read-only handle whose view is out of date runs this again with a new one.
      position_ = chain_;
      entries_.clear();
      at_end = position_.shard >= engine.layout.shards;
      return at_end ? Status() : walk_chain(engine, position_, entries_, astray_, frozen_.get());
    });
    if (!status.ok()) {
      // Of a chain that was not read to its end nothing is handed out.
      entries_.clear();
      return status;
    }
    if (at_end) return std::optional<Entry>();
  }
}

Result<bool> Cursor::Impl::fetch(WalkedEntry& entry) {
  return handle_->read([&](const Engine& engine) {
    return find(engine, entry.key, hash_key(entry.key, engine.store_seed), &entry.value,
                frozen_.get());
  });
}

Cursor::Cursor(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;

Result<std::optional<Entry>> Cursor::next() {
  if (impl_ == nullptr) return Status(Code::kClosed, "the cursor was moved from");
  return impl_->next();
}

Position Cursor::position() const noexcept {
  return impl_ != nullptr ? impl_->position() : Position{};
}

Result<Cursor> Store::cursor() const { return cursor(random_start()); }

Result<Cursor> Store::cursor(const Position& position) const {
  if (Status s = usable(); !s.ok()) return s;
  return impl_->run([&](Handle& handle) -> Result<Cursor> {
    return Cursor(std::make_unique<Cursor::Impl>(handle.shared_from_this(), position, nullptr));
  });
}

}  // namespace hmap
