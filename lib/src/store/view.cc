// View: the public side of pins.
#include "hmap/view.h"

#include "store/store_impl.h"

namespace hmap {

Result<std::optional<View>> Store::find(std::string_view key) const {
  if (impl_ == nullptr) return Status(Code::kClosed, "the store was closed or moved from");
  if (key.size() > kKeyBytesMax)
    return Status(Code::kInvalidArgument, "the key is longer than 65,535 bytes");
  return impl_->run([&](Handle& handle) -> Result<std::optional<View>> {
    if (Status s = handle.usable(); !s.ok()) return s;
    if (!handle.writable())
      return Status(Code::kReadOnly,
                    "a view needs a handle that can write; get() copies the value");
    if (Status s = handle.engine().layout.lengths.check_key(key.size()); !s.ok()) return s;
    if (handle.engine().layout.bucket.is_inline()) return find_inline(key);
    return View::of(handle, key);
  });
}

Result<std::optional<View>> View::of(Handle& handle, std::string_view key) {
  HeldRecord held;
  const Result<bool> found = handle.pin(key, held);
  if (!found) return found.error();
  std::optional<View> view;
  if (!*found) return view;
  view.emplace();
  view->handle_ = handle.shared_from_this();
  view->key_ = held.entry.key;
  view->value_ = held.entry.value;
  view->extents_ = held.pin.extents;
  view->value_bytes_ = static_cast<u32>(held.entry.value_bytes);
  view->key_bytes_ = static_cast<u16>(held.entry.key_bytes);
  view->row_ = held.pin.row;
  if (held.entry.flags == 0) return view;
  // Nobody changes these bytes: what cannot be decompressed is damage.
  auto value = std::make_unique<std::string>();
  Status decoded = handle.read([&](const Engine& engine) {
    *value = view->value();
    return decode_value(engine, held.entry.record, held.entry.flags, *value);
  });
  if (!decoded.ok()) return decoded;
  view->value_ = value->data();
  view->value_bytes_ = static_cast<u32>(value->size());
  view->uncompressed_ = std::move(value);
  return view;
}

// Entries in buckets move: a copy of this one, and nothing pinned.
Result<std::optional<View>> Store::find_inline(std::string_view key) const {
  std::optional<View> view;
  auto bytes = std::make_unique<std::string>();
  const Result<bool> found = get_into(key, *bytes);
  if (!found) return found.error();
  if (!*found) return view;
  const auto value_bytes = static_cast<u32>(bytes->size());
  bytes->append(key);
  view.emplace();
  view->value_ = bytes->data();
  view->value_bytes_ = value_bytes;
  view->key_ = bytes->data() + value_bytes;
  view->key_bytes_ = static_cast<u16>(key.size());
  view->uncompressed_ = std::move(bytes);
  return view;
}

void View::let_go() noexcept { handle_->unpin({extents_, row_}); }

}  // namespace hmap
