// Filling, finishing and naming a new store.
#include "copies/fresh_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "life/checkpoint.h"
#include "store/store_access.h"
#include "system/naming.h"

namespace hmap {
namespace {

using format::Root;

Status io_error(const char* what) {
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT;
  return {full ? Code::kNoSpace : Code::kIoError, what, 0, error};
}

// A new file of our own: nobody else knows it, so a short read or write is an error.
Status read_at(int fd, void* to, std::size_t bytes, u64 offset) {
  const ssize_t got = ::pread(fd, to, bytes, static_cast<off_t>(offset));
  if (got == static_cast<ssize_t>(bytes)) return {};
  return io_error("cannot read the new file");
}
Status write_at(int fd, const void* from, std::size_t bytes, u64 offset) {
  const ssize_t written = ::pwrite(fd, from, bytes, static_cast<off_t>(offset));
  if (written == static_cast<ssize_t>(bytes)) return {};
  return io_error("cannot write the new file");
}

// The newest root, and how many entries its headers count. No log belongs to either root any more.
struct Newest {
  Root root{};
  u64 entries = 0;
};
Result<Newest> settle_roots(int fd, const Layout& layout, u64 store_seed) {
  Newest newest;
  std::vector<format::ShardHeader> headers(layout.shards);
  for (u64 i = 0; i < 2; ++i) {
    const u64 at = layout.root_offset(i);
    Root root{};
    if (Status s = read_at(fd, &root, sizeof root, at); !s.ok()) return s;
    if (!root_is_intact(root, store_seed)) continue;
    if (root.log_sequence != 0) {
      root.log_sequence = 0;
      root.checksum = root_checksum(root, store_seed);
      if (Status s = write_at(fd, &root, sizeof root, at); !s.ok()) return s;
    }
    if (root.generation <= newest.root.generation) continue;
    newest = {root, 0};
    const u64 bytes = headers.size() * sizeof headers[0];
    if (Status s = read_at(fd, headers.data(), bytes, at + sizeof root); !s.ok()) return s;
    for (const format::ShardHeader& header : headers) newest.entries += header.count;
  }
  if (newest.root.generation == 0)
    return Engine::corrupt("the new store has no root", layout.root_offset(0));
  return newest;
}

}  // namespace

Options options_like(const Layout* source, const Codec* codec, const Options& wish) {
  Options options = wish;
  options.mode = Mode::kOpen;
  options.durability = Durability::kNone;
  options.discard_live_state = false;
  options.any_type = false;
  if (source == nullptr) return options;
  if (options.shard_bits < 0) options.shard_bits = static_cast<int>(source->shard_bits);
  Geometry& geometry = options.geometry;
  if (geometry.block_bytes == 0 && geometry.extent_bytes == 0) {
    geometry.block_bytes = static_cast<u32>(source->block_bytes);
    geometry.extent_bytes = static_cast<u32>(source->extent_bytes);
  }
  if (geometry.slots == 0) geometry.slots = static_cast<u32>(source->slots);
  if (options.compression == Compression::kStore && source->compression != format::kCompressionNone)
    options.compression = Compression::kLz4;
  if (options.compression == Compression::kLz4 && options.dictionary.empty())
    options.dictionary = codec->dictionary();
  if (geometry.intent_words == 0) geometry.intent_words = static_cast<u32>(source->intent_words);
  return options;
}

Result<Options> options_like(const Store& source, const Options& wish) {
  return StoreAccess::read(source, [&wish](const Session& session) -> Result<Options> {
    const Engine& engine = session.engine;
    Options options = options_like(&engine.layout, engine.codec.get(), wish);
    options.type = session.type;
    return options;
  });
}

Status refuse_existing(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0) return {};
  return {Code::kExists, "there is a file where the new store is to be"};
}

Status give_uuid(int fd, const std::array<std::uint8_t, 16>& uuid) {
  Result<format::Superblock> superblock = read_superblock(fd, true);
  if (!superblock) return superblock.error();
  std::memcpy(superblock->uuid, uuid.data(), sizeof superblock->uuid);
  superblock->checksum = superblock_checksum(*superblock);
  const Result<Layout> layout = Layout::from(*superblock);
  if (!layout) return layout.error();
  // Crash: the store has the one uuid or the other, and a spare the other.
  for (const u64 at : superblock_places(*layout)) {
    if (Status s = write_at(fd, &*superblock, sizeof *superblock, at); !s.ok()) return s;
  }
  return {};
}

Result<FreshStore> FreshStore::create(const std::string& path, const Options& options) {
  Result<NewFile> file = create_unnamed(path, options);
  if (!file) return file.error();
  FreshStore fresh(*std::move(file));
  Options open = options;
  open.mode = Mode::kOpen;
  Result<Store> store = Store::open(proc_path(fresh.fd()).data(), open);
  if (!store) return store.error();
  fresh.store_.emplace(*std::move(store));
  // What is reserved for a growth that will not come would be left over.
  Status s = StoreAccess::write(*fresh.store_, [](Session& session) -> Status {
    session.engine.reserves_growth = false;
    return {};
  });
  if (!s.ok()) return s;
  return fresh;
}

Result<FreshStore> FreshStore::share(int source, const std::string& path) {
  struct stat file {};
  if (::fstat(source, &file) != 0) return Status(Code::kSystem, "cannot stat", 0, errno);
  Result<NewFile> made = create_file(path, file.st_mode & 07777);
  if (!made) return made.error();
  FreshStore fresh(*std::move(made));
  if (Status s = share_blocks(source, fresh.fd()); !s.ok()) return s;
  return fresh;
}

FreshStore::~FreshStore() {
  if (store_) {
    // Not finished: then no checkpoint is needed of what goes away. Closed already: an error,
    // unseen.
    static_cast<void>(StoreAccess::write(*store_, [](Session& session) -> Status {
                        session.unwanted = true;
                        return {};
                      }).ok());
  }
  if (!file_.temporary_name.empty()) ::unlink(file_.temporary_name.c_str());
}

Status FreshStore::fill(Cursor cursor, const std::function<Status()>& step) {
  for (;;) {
    const Result<std::optional<Entry>> entry = cursor.next();
    if (!entry) return entry.error();
    if (!entry->has_value()) return {};
    const Result<bool> inserted = store_->insert((*entry)->key, (*entry)->value);
    if (!inserted) return inserted.error();
    if (Status s = step(); !s.ok()) return s;
  }
}

Status FreshStore::finish(const std::optional<std::array<std::uint8_t, 16>>& uuid) {
  if (store_) {
    if (Status s = store_->close(); !s.ok()) return s;
  }
  const Result<format::Superblock> superblock = read_superblock(fd(), true);
  if (!superblock) return superblock.error();
  const Result<Layout> layout = Layout::from(*superblock);
  if (!layout) return layout.error();
  const Result<Newest> newest = settle_roots(fd(), *layout, superblock->store_seed);
  if (!newest) return newest.error();
  contents_ = {newest->root.cut, newest->entries, layout->extent_offset(newest->root.extents_end)};
  const std::string zeros(layout->runtime_bytes, '\0');
  if (Status s = write_at(fd(), zeros.data(), zeros.size(), layout->runtime_offset); !s.ok())
    return s;
  if (uuid) {
    if (Status s = give_uuid(fd(), *uuid); !s.ok()) return s;
  }
  if (::ftruncate(fd(), static_cast<off_t>(contents_.file_bytes)) != 0)
    return io_error("cannot cut the new file to its size");
  seam::announce(seam::Event::kFlush, nullptr, 0);
  if (::fsync(fd()) != 0) return io_error("cannot flush the new file");
  return {};
}

Status FreshStore::take_name(const std::string& path) { return name_file(file_, path); }
Status FreshStore::replace(const std::string& path) { return replace_file(file_, path); }

}  // namespace hmap
