// Reading and checking the superblock: whether a file is a store, and one that this library knows.
#include <unistd.h>

#include <cerrno>

#include "format/hash.h"
#include "format/type.h"
#include "life/open.h"

namespace hmap {

using format::Superblock;

u32 superblock_checksum(Superblock superblock) {
  superblock.checksum = 0;
  return checksum(&superblock, sizeof superblock, 0);
}

Result<Superblock> read_superblock(int fd, bool writable) {
  Superblock superblock{};
  ssize_t got = 0;
  do {
    got = ::pread(fd, &superblock, sizeof superblock, 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0)
    return Status(errno == EIO ? Code::kIoError : Code::kSystem, "reading the superblock", 0,
                  errno);
  const auto read = static_cast<std::size_t>(got);
  if (read < sizeof superblock.magic || superblock.magic != format::kMagic) {
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
  if (superblock.features_refuse != 0 || superblock.key_kind > format::kKindFixed ||
      superblock.elem_kind > format::kKindFixed) {
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
