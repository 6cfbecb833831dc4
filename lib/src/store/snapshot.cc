// Snapshot: the public side of snapshots.
#include "hmap/snapshot.h"

#include <optional>

#include "format/hash.h"
#include "map/find.h"
#include "map/find_many.h"
#include "store/cursor_impl.h"
#include "store/store_impl.h"

namespace hmap {

class Snapshot::Impl {
 public:
  explicit Impl(std::shared_ptr<Handle> handle) : handle_(std::move(handle)) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (taken_) handle_->release(*taken_);
  }

  // Once, before anything else.
  Status take() {
    Result<TakenSnapshot> taken = handle_->snapshot();
    if (!taken) return taken.error();
    taken_ = *std::move(taken);
    return {};
  }

  [[nodiscard]] const std::shared_ptr<Handle>& handle() const { return handle_; }
  [[nodiscard]] const Frozen& frozen() const { return taken_->frozen; }

 private:
  std::shared_ptr<Handle> handle_;
  std::optional<TakenSnapshot> taken_;
};

Snapshot::Snapshot(std::shared_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Snapshot::Snapshot(Snapshot&&) noexcept = default;
Snapshot& Snapshot::operator=(Snapshot&&) noexcept = default;
Snapshot::~Snapshot() = default;

Result<bool> Snapshot::look_up(std::string_view key, std::string* value) const {
  if (impl_ == nullptr) return Status(Code::kClosed, "the snapshot was moved from");
  if (key.size() > kKeyBytesMax)
    return Status(Code::kInvalidArgument, "the key is longer than 65,535 bytes");
  return impl_->handle()->read([&](const Engine& engine) -> Result<bool> {
    if (Status s = engine.layout.lengths.check_key(key.size()); !s.ok()) return s;
    engine.count_reads(1);
    return find(engine, key, hash_key(key, engine.store_seed), value, &impl_->frozen());
  });
}

Result<std::optional<std::string>> Snapshot::get(std::string_view key) const {
  std::string value;
  const Result<bool> found = look_up(key, &value);
  if (!found) return found.error();
  if (!*found) return std::optional<std::string>();
  return std::optional<std::string>(std::move(value));
}

Result<bool> Snapshot::get_into(std::string_view key, std::string& value) const {
  return look_up(key, &value);
}

Result<bool> Snapshot::contains(std::string_view key) const { return look_up(key, nullptr); }

Result<std::size_t> Snapshot::multi_get(std::span<const std::string_view> keys,
                                        std::span<std::optional<std::string>> values) const {
  if (impl_ == nullptr) return Status(Code::kClosed, "the snapshot was moved from");
  if (Status s = check_places(keys.size(), values.size()); !s.ok()) return s;
  return impl_->handle()->read([&](const Engine& engine) {
    return find_many(engine, keys, values.data(), nullptr, &impl_->frozen());
  });
}

Result<std::size_t> Snapshot::multi_contains(std::span<const std::string_view> keys,
                                             std::span<bool> present) const {
  if (impl_ == nullptr) return Status(Code::kClosed, "the snapshot was moved from");
  if (Status s = check_places(keys.size(), present.size()); !s.ok()) return s;
  return impl_->handle()->read([&](const Engine& engine) {
    return find_many(engine, keys, nullptr, present.data(), &impl_->frozen());
  });
}

Result<std::uint64_t> Snapshot::size() const {
  if (impl_ == nullptr) return Status(Code::kClosed, "the snapshot was moved from");
  if (Status s = impl_->handle()->usable(); !s.ok()) return s;
  u64 entries = 0;
  for (const format::ShardHeader& header : impl_->frozen().headers) entries += header.count;
  return entries;
}

Result<Cursor> Snapshot::cursor() const { return cursor(random_start()); }

Result<Cursor> Snapshot::cursor(const Position& position) const {
  if (impl_ == nullptr) return Status(Code::kClosed, "the snapshot was moved from");
  if (Status s = impl_->handle()->usable(); !s.ok()) return s;
  std::shared_ptr<const Frozen> frozen(impl_, &impl_->frozen());
  return Cursor(std::make_unique<Cursor::Impl>(impl_->handle(), position, std::move(frozen)));
}

std::uint64_t Snapshot::epoch() const noexcept {
  return impl_ != nullptr ? impl_->frozen().cut : 0;
}

Result<Snapshot> Store::snapshot() const {
  if (Status s = usable(); !s.ok()) return s;
  return impl_->run([](Handle& handle) -> Result<Snapshot> {
    // First what keeps it: of a snapshot that nobody has, nobody would give back the cell.
    auto impl = std::make_shared<Snapshot::Impl>(handle.shared_from_this());
    if (Status s = impl->take(); !s.ok()) return s;
    return Snapshot(std::move(impl));
  });
}

}  // namespace hmap
