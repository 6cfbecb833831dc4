// Reading and checking the superblock: whether a file is a store, and one that this library knows.
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "format/hash.h"
#include "format/type.h"
#include "life/open.h"

namespace hmap {

using format::Superblock;

u32 superblock_checksum(Superblock superblock) {
  superblock.checksum = 0;
  return checksum(&superblock, sizeof superblock, 0);
}

std::array<u64, 3> superblock_places(const Layout& layout) {
  return {0, layout.spare_offset(0), layout.spare_offset(1)};
}

// Without a superblock nobody knows how long a root's area is; there are nine lengths.
std::optional<Superblock> find_spare(const ReadSuperblock& read, const BelieveSuperblock& believe) {
  for (u64 bits = 0; bits <= kShardBitsMax; ++bits) {
    for (u64 index = 0; index < 2; ++index) {
      const u64 end = format::kPageBytes + (index + 1) * root_bytes_for(bits);
      Superblock spare{};
      if (read(end - sizeof spare, spare) && spare.magic == format::kMagic &&
          spare.checksum == superblock_checksum(spare) && spare.shard_bits == bits &&
          believe(spare))
        return spare;
    }
  }
  return std::nullopt;
}

bool is_spare_of(const Superblock& superblock, Superblock spare) {
  if (spare.checksum != superblock_checksum(spare)) return false;
  std::memcpy(spare.uuid, superblock.uuid, sizeof spare.uuid);
  spare.checksum = superblock.checksum;
  return std::memcmp(&spare, &superblock, sizeof spare) == 0;
}

namespace {

// As ::pread(); a signal interrupts nothing.
ssize_t read_at(int fd, Superblock& to, u64 offset) {
  ssize_t got = 0;
  do {
    got = ::pread(fd, &to, sizeof to, static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  return got;
}

bool has_spare(int fd) {
  const auto read = [fd](u64 offset, Superblock& to) {
    return read_at(fd, to, offset) == static_cast<ssize_t>(sizeof to);
  };
  return find_spare(read, [](const Superblock&) { return true; }).has_value();
}

}  // namespace

Result<Superblock> read_superblock(int fd, bool writable) {
  Superblock superblock{};
  const ssize_t got = read_at(fd, superblock, 0);
  if (got < 0)
    return Status(errno == EIO ? Code::kIoError : Code::kSystem, "reading the superblock", 0,
                  errno);
  const auto read = static_cast<std::size_t>(got);
  if (read < sizeof superblock.magic || superblock.magic != format::kMagic) {
    if (has_spare(fd))
      return Engine::corrupt("superblock written over; a spare of it is intact", 0);
    return Status(Code::kNotAStore, "the file does not begin like an hmap store");
  }
  if (read < sizeof superblock) {
    return Status(Code::kTruncated, "the file ends inside its superblock", read);
  }
  if (superblock.version != format::kVersion) {
    return Status(Code::kWrongVersion, "the store has a format version this library cannot read");
  }
  if (superblock.checksum != superblock_checksum(superblock)) {
    return Engine::corrupt("superblock with a wrong checksum", 0);
  }
  if (!features_are_known(superblock)) {
    return Status(Code::kWrongVersion, "the store uses features this library does not know");
  }
  if (!type_is_possible(superblock)) {
    return Engine::corrupt("superblock: the type of keys and values contradicts itself",
                           offsetof(Superblock, key_bytes));
  }
  if (writable && superblock.features_read_only != 0) {
    return Status(Code::kWrongVersion,
                  "the store uses features this library can only read; open it read-only");
  }
  return superblock;
}

}  // namespace hmap
