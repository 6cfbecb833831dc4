// Making, checking, reading and writing the file of a commit log.
#include "system/log_file.h"

#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "format/hash.h"
#include "system/naming.h"
#include "system/seam.h"
#include "system/size_limit.h"

namespace hmap {
namespace {

using format::LogHeader;
using format::LogOp;
using format::LogRecord;

constexpr std::size_t kFirstReadBytes = 512;
static_assert(kFirstReadBytes <= format::kLogAreaMin);

u32 header_checksum(LogHeader header) {
  header.checksum = 0;
  return checksum(&header, sizeof header, 0);
}

// 0 or an errno. pwrite() of all bytes.
int write_all(int fd, const char* from, u64 bytes, u64 at) {
  FileSizeSignal signals(has_size_limit() ? FileSizeSignal::Cause::kLimit
                                          : FileSizeSignal::Cause::kNone);
  // Bound: each round writes at least one byte, or ends it.
  while (bytes > 0) {
    const ssize_t written =
        uninterrupted(signals, [&] { return ::pwrite(fd, from, bytes, static_cast<off_t>(at)); });
    if (written <= 0) return written < 0 ? errno : EIO;
    from += written;
    at += static_cast<u64>(written);
    bytes -= static_cast<u64>(written);
  }
  return 0;
}

// 0, an errno, or ENODATA at the end of the file.
int read_all(int fd, char* to, u64 bytes, u64 at) {
  while (bytes > 0) {
    const ssize_t got = ::pread(fd, to, bytes, static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got < 0 ? errno : ENODATA;
    to += got;
    at += static_cast<u64>(got);
    bytes -= static_cast<u64>(got);
  }
  return 0;
}

Status write_error(int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return {full ? Code::kNoSpace : Code::kIoError, "cannot write to the commit log", 0, error};
}

u32 record_checksum(const std::string& record, u64 store_seed, u64 lsn) {
  return checksum(record.data(), record.size(), store_seed ^ lsn);
}

// Whether the numbers of a record agree with each other.
bool is_possible(const LogRecord& head, u64 lsn, u64 area_bytes) {
  const bool is_clear = head.op == static_cast<u8>(LogOp::kClear);
  const u64 body = u64{head.key_bytes} + (is_clear ? 0 : head.value_bytes);
  const bool has_body = !is_clear && head.op != static_cast<u8>(LogOp::kMarker);
  return head.lsn == lsn && (has_body || body == 0) && head.op >= static_cast<u8>(LogOp::kPut) &&
         head.op <= static_cast<u8>(LogOp::kBatch) &&
         (head.flags == 0 || head.op == static_cast<u8>(LogOp::kPut)) &&
         head.bytes == round_up(sizeof head + body, format::kLogUnit) &&
         head.bytes <= area_bytes / format::kLogShare;
}

}  // namespace

Result<std::string> LogFile::path_of(int store_fd) {
  // The name behind the descriptor, so that all who came through symbolic links agree.
  std::string path(PATH_MAX, '\0');
  const ssize_t bytes = ::readlink(proc_path(store_fd).data(), path.data(), path.size());
  if (bytes < 0) return Status(Code::kSystem, "cannot ask for the store's name", 0, errno);
  path.resize(static_cast<std::size_t>(bytes));
  struct stat facts {};
  if (::fstat(store_fd, &facts) != 0) return Status(Code::kSystem, "cannot stat", 0, errno);
  // Asked behind: a file without a name has one there that nobody gave it, "NAME (deleted)".
  if (facts.st_nlink == 0)
    return Status(Code::kReplaced, "the store has lost its name, and with it its commit log");
  return path + "-wal";
}

Result<std::unique_ptr<LogFile>> LogFile::open(const std::string& path,
                                               const format::Superblock& store, bool writable) {
  return open_checked(path, store.uuid, store.store_seed, writable);
}

Result<std::unique_ptr<LogFile>> LogFile::open_by_seed(const std::string& path, const u8* uuid,
                                                       u64 store_seed) {
  return open_checked(path, uuid, store_seed, false);
}

Result<std::unique_ptr<LogFile>> LogFile::open_checked(const std::string& path, const u8* uuid,
                                                       u64 store_seed, bool writable) {
  Result<Fd> fd = open_file(path, writable);
  if (!fd && fd.error().code() == Code::kNotFound) {
    return Status(Code::kBadLog, "the commit log of the store is missing", 0, ENOENT);
  }
  if (!fd && fd.error().code() == Code::kNotAStore) {
    return Status(Code::kBadLog, "the commit log is not a regular file");
  }
  if (!fd) return fd.error();
  LogHeader header{};
  const int error = read_all(fd->get(), reinterpret_cast<char*>(&header), sizeof header, 0);
  if (error != 0 && error != ENODATA) {
    return Status(Code::kIoError, "cannot read the commit log", 0, error);
  }
  if (error != 0 || header.magic != format::kLogMagic || header.checksum != header_checksum(header))
    return Status(Code::kBadLog, "the commit log's header is damaged, or the file is no log");
  if (header.version != format::kLogVersion) {
    return Status(Code::kWrongVersion, "the commit log has a version this library cannot read");
  }
  if (uuid != nullptr && std::memcmp(header.uuid, uuid, sizeof header.uuid) != 0) {
    return Status(Code::kBadLog, "the commit log belongs to another store");
  }
  struct stat facts {};
  if (::fstat(fd->get(), &facts) != 0) return Status(Code::kSystem, "cannot stat", 0, errno);
  const bool sane = header.area_bytes >= format::kLogAreaMin &&
                    header.area_bytes <= format::kLogAreaMax && header.area_bytes % 4096 == 0;
  if (!sane || static_cast<u64>(facts.st_size) < format::kLogAreaAt + header.area_bytes) {
    return Status(Code::kBadLog, "the commit log was cut short");
  }
  std::unique_ptr<LogFile> log(new LogFile);
  log->fd_ = *std::move(fd);
  log->area_bytes_ = header.area_bytes;
  log->store_seed_ = store_seed;
  log->inode_ = facts.st_ino;
  return log;
}

Status LogFile::create(const std::string& path, const format::Superblock& store, u64 area_bytes,
                       u32 mode) {
  Result<NewFile> file = create_file(path, 0600);
  if (!file) return file.error();
  // Not what the umask of this process leaves of them. Where it is refused, only others are
  // refused.
  static_cast<void>(::fchmod(file->fd.get(), mode & 0777));
  LogHeader header{};
  header.magic = format::kLogMagic;
  header.version = format::kLogVersion;
  std::memcpy(header.uuid, store.uuid, sizeof header.uuid);
  header.area_bytes = area_bytes;
  header.checksum = header_checksum(header);
  std::string page(format::kLogAreaAt, '\0');
  std::memcpy(page.data(), &header, sizeof header);
  // Crash anywhere before the file has its name: there is no log.
  for (u64 at = 0; at < format::kLogAreaAt + area_bytes; at += page.size()) {
    if (const int error = write_all(file->fd.get(), page.data(), page.size(), at))
      return write_error(error);
    if (at == 0) page.assign(page.size(), '\0');
  }
  // Order: its bytes before its name, which a flush by anybody else on the file system may make
  // durable at once. Crash: as above.
  seam::announce(seam::Event::kFlushLog, nullptr, 0);
  if (::fsync(file->fd.get()) != 0)
    return {Code::kIoError, "cannot flush the new commit log", 0, errno};
  return name_file(*file, path);
}

void LogFile::compose(LogOp op, std::string_view key, const StoredValue& value, u64 shard,
                      std::string& buffer) {
  LogRecord head{};
  head.bytes =
      static_cast<u32>(round_up(sizeof head + key.size() + value.bytes.size(), format::kLogUnit));
  head.op = static_cast<u8>(op);
  head.flags = static_cast<u8>(value.flags);
  head.key_bytes = static_cast<u16>(key.size());
  head.value_bytes = static_cast<u32>(op == LogOp::kClear ? shard : value.bytes.size());
  buffer.assign(reinterpret_cast<const char*>(&head), sizeof head);
  buffer.append(key).append(value.bytes).resize(head.bytes, '\0');
}

Status LogFile::write(u64 lsn, std::string& buffer) const {
  std::memcpy(buffer.data() + offsetof(LogRecord, lsn), &lsn, sizeof lsn);
  const u32 sum = record_checksum(buffer, store_seed_, lsn);
  std::memcpy(buffer.data() + offsetof(LogRecord, checksum), &sum, sizeof sum);
  return write_bytes(lsn, buffer.data(), buffer.size());
}

Status LogFile::blank(u64 lsn) const {
  const LogRecord zero{};
  return write_bytes(lsn, reinterpret_cast<const char*>(&zero), sizeof zero);
}

Result<std::optional<LogEntry>> LogFile::read(u64 lsn) const {
  // Most records are that short, and read at once.
  std::string record(kFirstReadBytes, '\0');
  if (Status s = read_bytes(lsn, record.data(), record.size()); !s.ok()) return s;
  LogRecord head{};
  std::memcpy(&head, record.data(), sizeof head);
  if (!is_possible(head, lsn, area_bytes_)) return std::optional<LogEntry>();
  const u64 known = std::min<u64>(head.bytes, record.size());
  record.resize(head.bytes);
  Status s = read_bytes(lsn + known, record.data() + known, head.bytes - known);
  if (!s.ok()) return s;
  std::memset(record.data() + offsetof(LogRecord, checksum), 0, sizeof head.checksum);
  if (record_checksum(record, store_seed_, lsn) != head.checksum) return std::optional<LogEntry>();
  LogEntry entry;
  entry.op = static_cast<LogOp>(head.op);
  entry.end = lsn + head.bytes;
  if (entry.op == LogOp::kClear) {
    entry.shard = head.value_bytes;
  } else {
    entry.key = record.substr(sizeof head, head.key_bytes);
    entry.value = record.substr(sizeof head + head.key_bytes, head.value_bytes);
    entry.flags = head.flags;
  }
  return std::optional<LogEntry>(std::move(entry));
}

Result<std::optional<LogEntry>> LogFile::next(u64 lsn) const {
  Result<std::optional<LogEntry>> entry = read(lsn);
  if (entry && entry->has_value() && (*entry)->op == LogOp::kMarker) entry->reset();
  return entry;
}

Result<u64> LogFile::last_position(u64 from) const {
  constexpr u64 kPieceBytes = u64{64} << 10;
  // Whatever else stands in the file: what the log begins with after this stays a position.
  constexpr u64 kEnd = u64{1} << 62;
  u64 last = from;
  std::string piece;
  for (u64 at = 0; at < area_bytes_; at += kPieceBytes) {
    const u64 bytes = std::min(kPieceBytes, area_bytes_ - at);
    piece.resize(bytes + sizeof(LogRecord));
    if (Status s = read_bytes(at, piece.data(), piece.size()); !s.ok()) return s;
    for (u64 i = 0; i < bytes; i += format::kLogUnit) {
      LogRecord head{};
      std::memcpy(&head, piece.data() + i, sizeof head);
      if (head.lsn > last && head.lsn < kEnd && is_possible(head, head.lsn, area_bytes_) &&
          head.lsn % area_bytes_ == at + i)
        last = head.lsn;
    }
  }
  return last;
}

Status LogFile::flush() {
  const std::lock_guard lock(flushing_);
  seam::announce(seam::Event::kFlushLog, nullptr, 0);
  while (flushed_.ok() && ::fdatasync(fd_.get()) != 0) {
    // Whatever else: pages may be marked clean that are not on the disk. Never asked again.
    if (errno != EINTR) flushed_ = {Code::kIoError, "cannot flush the commit log", 0, errno};
  }
  return flushed_;
}

Status LogFile::write_bytes(u64 position, const char* from, u64 bytes) const {
  seam::announce_at(seam::Event::kWriteLog, position, bytes);
  const u64 at = position % area_bytes_;
  const u64 first = std::min(bytes, area_bytes_ - at);
  int error = write_all(fd_.get(), from, first, format::kLogAreaAt + at);
  if (error == 0 && first < bytes)
    error = write_all(fd_.get(), from + first, bytes - first, format::kLogAreaAt);
  return error == 0 ? Status() : write_error(error);
}

Status LogFile::read_bytes(u64 position, char* to, u64 bytes) const {
  const u64 at = position % area_bytes_;
  const u64 first = std::min(bytes, area_bytes_ - at);
  int error = read_all(fd_.get(), to, first, format::kLogAreaAt + at);
  if (error == 0) error = read_all(fd_.get(), to + first, bytes - first, format::kLogAreaAt);
  return error == 0 ? Status() : Status(Code::kIoError, "cannot read the commit log", 0, error);
}

}  // namespace hmap
