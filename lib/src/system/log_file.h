// The file of a commit log: made, opened, read and written by position. Nothing here is shared but
// the file; who may write where is log.h's.
#ifndef HMAP_SRC_SYSTEM_LOG_FILE_H_
#define HMAP_SRC_SYSTEM_LOG_FILE_H_

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "format/layout.h"
#include "format/log_format.h"
#include "system/codec.h"
#include "system/file.h"

namespace hmap {

// A record as it was found in the log.
struct LogEntry {
  format::LogOp op{};
  u64 end = 0;  // position behind it
  std::string key;
  std::string value;
  u16 flags = 0;  // of the value, as a record's
  u64 shard = 0;  // kClear
};

class LogFile {
 public:
  // The log of the store open as `store_fd`, which bears its name and "-wal" behind that. Errors:
  // kReplaced (it has no name any more), kSystem.
  static Result<std::string> path_of(int store_fd);

  // Errors: kBadLog (missing, damaged, cut short, of another store), kPermission, kSystem.
  static Result<std::unique_ptr<LogFile>> open(const std::string& path,
                                               const format::Superblock& store, bool writable);
  // For reading. Null instead of the uuid: it is not known, and the seed tells whose records those
  // in the log are. Errors: those of open().
  static Result<std::unique_ptr<LogFile>> open_by_seed(const std::string& path, const u8* uuid,
                                                       u64 store_seed);

  // A new log, zero and durable under its name. Every block is written once: those that are only
  // allocated would cost a journal commit at their first flush. Errors: kExists, kNoSpace,
  // kPermission, kIoError, kSystem.
  // `mode`: the store's permissions, which its log gets, too.
  static Status create(const std::string& path, const format::Superblock& store, u64 area_bytes,
                       u32 mode);

  [[nodiscard]] u64 area_bytes() const { return area_bytes_; }
  [[nodiscard]] u64 inode() const { return inode_; }

  // Puts a record for position `lsn` together in `buffer`, all but what depends on the position.
  static void compose(format::LogOp op, std::string_view key, const StoredValue& value, u64 shard,
                      std::string& buffer);
  // Completes it for the position and writes it. kIoError, kNoSpace: bytes behind the position may
  // have changed.
  Status write(u64 lsn, std::string& buffer) const;
  // Makes sure that no record is found at the position.
  Status blank(u64 lsn) const;

  // The record at the position, if there is an intact one of this very lap. Errors: kIoError.
  Result<std::optional<LogEntry>> read(u64 lsn) const;
  // The same for a row of records that count (F-61): a marker ends it, because what comes behind
  // one that no root contains was acknowledged to nobody.
  Result<std::optional<LogEntry>> next(u64 lsn) const;

  // The last position after `from` that a record in the file seems to begin at, whatever its
  // checksum says; `from` if there is none. Cost: reads the file. Errors: kIoError.
  Result<u64> last_position(u64 from) const;

  // Errors: kIoError; what was written may be lost then, and so every later flush fails, too, of
  // whichever thread. Two at a time happen one after the other: the kernel tells an error once for
  // each descriptor, and the one who is not told would take his commits for durable.
  Status flush();

 private:
  LogFile() = default;
  static Result<std::unique_ptr<LogFile>> open_checked(const std::string& path, const u8* uuid,
                                                       u64 store_seed, bool writable);
  Status write_bytes(u64 position, const char* from, u64 bytes) const;
  Status read_bytes(u64 position, char* to, u64 bytes) const;

  Fd fd_;
  u64 area_bytes_ = 0;
  u64 store_seed_ = 0;
  u64 inode_ = 0;
  std::mutex flushing_;
  Status flushed_;  // by the last flush; an error stays
};

}  // namespace hmap

#endif  // HMAP_SRC_SYSTEM_LOG_FILE_H_
