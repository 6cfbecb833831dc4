// Store: arguments, limits, and handing on. No byte of the file is touched here.
#include "hmap/store.h"

#include <deque>
#include <utility>

#include "format/hash.h"
#include "hmap/batch.h"
#include "life/apply.h"
#include "map/find.h"
#include "map/find_many.h"
#include "map/hmap.h"
#include "map/quick_find.h"
#include "store/stats.h"
#include "store/store_access.h"
#include "verify/verify.h"

namespace hmap {
namespace {

Status check_key(std::string_view key) {
  if (key.size() > kKeyBytesMax)
    return Status(Code::kInvalidArgument, "the key is longer than 65,535 bytes");
  return {};
}

Status check_options(const Options& options) {
  if (options.mode > Mode::kExclusive) return Status(Code::kInvalidArgument, "mode: no such mode");
  if (options.durability > Durability::kCommit) {
    return Status(Code::kInvalidArgument, "durability: no such durability");
  }
  if (options.compression > Compression::kLz4) {
    return Status(Code::kInvalidArgument, "compression: no such compression");
  }
  if (options.log_bytes != 0 &&
      (options.log_bytes % format::kPageBytes != 0 || options.log_bytes < format::kLogAreaMin ||
       options.log_bytes > format::kLogAreaMax)) {
    return Status(Code::kInvalidArgument, "log_bytes: a multiple of 4096 from 16 KiB to 4 GiB");
  }
  if (options.window_bytes != 0 && (options.window_bytes & (options.window_bytes - 1)) != 0) {
    return Status(Code::kInvalidArgument, "window_bytes: not a power of two");
  }
  if (options.checkpoint_interval.count() <= 0) {
    return Status(Code::kInvalidArgument, "checkpoint_interval: must be positive");
  }
  if (options.discard_live_state && options.mode == Mode::kReadOnly) {
    return Status(Code::kInvalidArgument, "discard_live_state: needs a writing mode");
  }
  return {};
}

inline Result<bool> look_up(const Engine& engine, std::string_view key, std::string* value) {
  if (Status s = engine.layout.lengths.check_key(key.size()); !s.ok()) return s;
  engine.count_reads(1);
  return hmap::find(engine, key, hash_key(key, engine.store_seed), value);
}

// Apart from what comes before and behind it, so that its values find room in registers.
[[gnu::noinline]] Quick look_up_quickly(const Engine& engine, std::string_view key,
                                        std::string* value) {
  if (engine.reads != nullptr || !engine.layout.lengths.key_fits(key.size()) ||
      key.size() > kKeyBytesMax) [[unlikely]]
    return Quick::kUnsure;
  return quick_find(engine, key, hash_key(key, engine.store_seed), value);
}

// The key looked up in the way that nearly always leads to an answer, else as look_up() does it.
Result<bool> look_up_in(const Store& store, std::string_view key, std::string* value) {
  const Quick quick = StoreAccess::look_quickly(
      store, [&](const Engine& engine) { return look_up_quickly(engine, key, value); });
  if (quick != Quick::kUnsure) [[likely]]
    return quick == Quick::kFound;
  return StoreAccess::read(store, [&](const Session& session) -> Result<bool> {
    if (Status s = check_key(key); !s.ok()) return s;
    return look_up(session.engine, key, value);
  });
}

// The answer to a write, once it is as durable as the options say.
Result<bool> committed(Handle& handle, const Result<bool>& written) {
  if (!written || !*written) return written;
  if (Status s = handle.commit(); !s.ok()) return s;
  return written;
}

// kForked, kClosed, kReadOnly, or ok.
Status check_writable(const Handle& handle) {
  if (Status s = handle.usable(); !s.ok()) return s;
  if (!handle.writable()) return Status(Code::kReadOnly, "the store was opened read-only");
  return {};
}

// A note of the handle's slot, given back however the write ends. What it may say then is settled
// by the next one who takes it.
class BorrowedNote {
 public:
  BorrowedNote(Handle& handle, bool wanted)
      : handle_(handle), note_(wanted ? handle.take_note() : nullptr) {}
  BorrowedNote(const BorrowedNote&) = delete;
  BorrowedNote& operator=(const BorrowedNote&) = delete;
  ~BorrowedNote() {
    if (note_ != nullptr) handle_.give_note(note_);
  }
  [[nodiscard]] u64* get() const { return note_; }

 private:
  Handle& handle_;
  u64* const note_;
};

Result<bool> write_to(Handle& handle, std::string_view key, std::string_view value, PutMode mode,
                      const std::string_view* expected) {
  if (Status s = check_writable(handle); !s.ok()) return s;
  const Engine& engine = handle.engine();
  const Lengths& lengths = engine.layout.lengths;
  if (Status s = lengths.check(key.size(), value.size()); !s.ok()) return s;
  if (mode == PutMode::kCompare) {
    if (Status s = lengths.check_value(expected->size()); !s.ok()) return s;
  }
  const u64 hash = hash_key(key, engine.store_seed);
  std::string buffer;
  const StoredValue stored = engine.codec->encode(value, buffer);
  const Result<bool> written = [&] {
    const BorrowedNote note(handle, is_large(engine.layout, record_bytes(key, stored)));
    return handle.write(hash & (engine.layout.shards - 1), [&](Engine& to) {
      return put_entry(to, key, hash, stored, mode, note.get(), expected);
    });
  }();
  return committed(handle, written);
}

Result<bool> remove_from(Handle& handle, std::string_view key, const std::string_view* expected) {
  if (Status s = check_writable(handle); !s.ok()) return s;
  const Layout& layout = handle.engine().layout;
  if (Status s = layout.lengths.check_key(key.size()); !s.ok()) return s;
  if (expected != nullptr) {
    if (Status s = layout.lengths.check_value(expected->size()); !s.ok()) return s;
  }
  const u64 hash = hash_key(key, handle.engine().store_seed);
  const Result<bool> erased = handle.write(hash & (layout.shards - 1), [&](Engine& engine) {
    return erase_entry(engine, key, hash, expected);
  });
  return committed(handle, erased);
}

// Checks an item of a batch, and makes its value what is stored; `buffers` keeps it if that is
// compressed.
Status encode_item(const Engine& engine, BatchItem& item, std::deque<std::string>& buffers) {
  const Layout& layout = engine.layout;
  if (item.key.size() > kKeyBytesMax)
    return Status(Code::kTooLarge, "a key in the batch is longer than 65,535 bytes");
  if (Status s = layout.lengths.check_key(item.key.size()); !s.ok()) return s;
  if (item.erases) return {};
  if (Status s = layout.lengths.check_value(item.value.bytes.size()); !s.ok()) return s;
  item.value = engine.codec->encode(item.value.bytes, buffers.emplace_back());
  if (item.value.flags == 0) buffers.pop_back();
  if (is_large(layout, record_bytes(item.key, item.value)))
    return Status(Code::kTooLarge, "a value in the batch needs extents of its own; put() it");
  return {};
}

Status closed() { return Status(Code::kClosed, "the store was closed or moved from"); }

}  // namespace

Store::Store(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
Store::Store(Store&&) noexcept = default;
Store& Store::operator=(Store&& other) noexcept {
  Store old(std::move(other));
  std::swap(impl_, old.impl_);
  return *this;
}
Store::~Store() {
  // Cursors may keep the handle alive; the store is closed all the same.
  if (impl_ != nullptr) impl_->retire();
}

Status Store::usable() const { return impl_ == nullptr ? closed() : impl_->usable(); }

Result<Store> Store::open(const std::string& path, const Options& options) {
  if (Status s = check_options(options); !s.ok()) return s;
  Result<std::unique_ptr<Session>> session = open_session(path, options);
  if (!session) return session.error();
  Result<std::shared_ptr<Handle>> handle = Handle::make(*std::move(session), options);
  if (!handle) return handle.error();
  return Store(std::make_unique<Impl>(*std::move(handle), path));
}

Result<bool> Store::get_into(std::string_view key, std::string& value) const {
  return look_up_in(*this, key, &value);
}

Result<std::optional<std::string>> Store::get(std::string_view key) const {
  std::string value;
  const Result<bool> found = get_into(key, value);
  if (!found) return found.error();
  if (!*found) return std::optional<std::string>();
  return std::optional<std::string>(std::move(value));
}

Result<bool> Store::contains(std::string_view key) const { return look_up_in(*this, key, nullptr); }

Result<std::size_t> Store::multi_get(std::span<const std::string_view> keys,
                                     std::span<std::optional<std::string>> values) const {
  if (impl_ == nullptr) return closed();
  if (Status s = check_places(keys.size(), values.size()); !s.ok()) return s;
  return impl_->read(
      [&](const Engine& engine) { return find_many(engine, keys, values.data(), nullptr); });
}

Result<std::size_t> Store::multi_contains(std::span<const std::string_view> keys,
                                          std::span<bool> present) const {
  if (impl_ == nullptr) return closed();
  if (Status s = check_places(keys.size(), present.size()); !s.ok()) return s;
  return impl_->read(
      [&](const Engine& engine) { return find_many(engine, keys, nullptr, present.data()); });
}

Result<bool> Store::write(std::string_view key, std::string_view value, int mode,
                          const std::string_view* expected) {
  if (impl_ == nullptr) return closed();
  if (key.size() > kKeyBytesMax)
    return Status(Code::kTooLarge, "the key is longer than 65,535 bytes");
  if (value.size() > kValueBytesMax)
    return Status(Code::kTooLarge, "the value is longer than 4 GiB - 1");
  return impl_->run([&](Handle& handle) {
    return write_to(handle, key, value, static_cast<PutMode>(mode), expected);
  });
}

Status Store::put(std::string_view key, std::string_view value) {
  return write(key, value, static_cast<int>(PutMode::kPut)).error();
}

Result<bool> Store::insert(std::string_view key, std::string_view value) {
  return write(key, value, static_cast<int>(PutMode::kInsert));
}

Result<bool> Store::replace(std::string_view key, std::string_view value) {
  return write(key, value, static_cast<int>(PutMode::kReplace));
}

Result<bool> Store::compare_exchange(std::string_view key, std::optional<std::string_view> expected,
                                     std::optional<std::string_view> desired) {
  if (desired && expected)
    return write(key, *desired, static_cast<int>(PutMode::kCompare), &*expected);
  if (desired) return insert(key, *desired);
  if (expected) return remove(key, &*expected);
  const Result<bool> present = contains(key);
  return present ? Result<bool>(!*present) : present;
}

Result<bool> Store::erase(std::string_view key) { return remove(key, nullptr); }

Result<bool> Store::remove(std::string_view key, const std::string_view* expected) {
  if (impl_ == nullptr) return closed();
  if (Status s = check_key(key); !s.ok()) return s;
  return impl_->run([&](Handle& handle) { return remove_from(handle, key, expected); });
}

Status Store::apply(const Batch& batch) {
  if (impl_ == nullptr) return closed();
  return impl_->run([&](Handle& handle) -> Status {
    if (Status s = check_writable(handle); !s.ok()) return s;
    const Engine& engine = handle.engine();
    if (batch.size() > engine.layout.batch_ops)
      return Status(Code::kTooLarge, "the batch has more operations than the store takes at once");
    if (batch.bytes() > kBatchBytesMax)
      return Status(Code::kTooLarge, "the keys and values of the batch are longer than 1 MiB");
    if (batch.empty()) return {};
    std::vector<BatchItem> items;
    items.reserve(batch.size());
    std::deque<std::string> buffers;
    for (const Batch::Op& op : batch.ops_) {
      const std::string_view text(batch.text_);
      const std::string_view value = text.substr(op.at + op.key_bytes, op.value_bytes);
      items.push_back({text.substr(op.at, op.key_bytes), {value}, op.erases, 0});
      if (Status s = encode_item(engine, items.back(), buffers); !s.ok()) return s;
    }
    const u64 shard = hash_key(items[0].key, engine.store_seed) & (engine.layout.shards - 1);
    const Status status = handle.write(shard, [&](Engine& to) { return apply_batch(to, items); });
    return status.ok() ? handle.commit() : status;
  });
}

Status Store::clear() {
  if (impl_ == nullptr) return closed();
  return impl_->run([](Handle& handle) -> Status {
    if (Status s = check_writable(handle); !s.ok()) return s;
    for (u64 shard = 0; shard < handle.engine().layout.shards; ++shard) {
      const Status status =
          handle.write(shard, [&](Engine& engine) { return clear_shard(engine, shard); });
      if (!status.ok()) return status;
    }
    return handle.commit();
  });
}

Result<std::uint64_t> Store::size() const {
  if (impl_ == nullptr) return closed();
  return impl_->read([](const Engine& engine) -> Result<u64> {
    u64 entries = 0;
    for (u64 shard = 0; shard < engine.layout.shards; ++shard) entries += live_count(engine, shard);
    return entries;
  });
}

Result<TypeInfo> Store::type() const {
  if (impl_ == nullptr) return closed();
  return impl_->run([](Handle& handle) {
    return handle.read_session(
        [](const Session& session) -> Result<TypeInfo> { return session.type; });
  });
}

Result<Stats> Store::stats(StatsDepth depth) const {
  if (impl_ == nullptr) return closed();
  return impl_->run([&](Handle& handle) { return handle.stats(depth); });
}

Result<VerifyReport> Store::verify(const VerifyOptions& options) const {
  if (impl_ == nullptr) return closed();
  return impl_->run([&](Handle& handle) { return handle.verify(options); });
}

Result<VerifyReport> Store::verify_file(const std::string& path, const VerifyOptions& options) {
  return verify_path(path, options);
}

Status Store::checkpoint() {
  if (impl_ == nullptr) return closed();
  return impl_->run([](Handle& handle) { return handle.checkpoint(); });
}
Status Store::wait_durable() {
  if (impl_ == nullptr) return closed();
  return impl_->run([](Handle& handle) { return handle.wait_durable(); });
}
Status Store::sync() { return checkpoint(); }
Status Store::close() { return impl_ == nullptr ? closed() : impl_->close(); }
bool Store::writable() const noexcept { return usable().ok() && impl_->writable(); }

}  // namespace hmap
