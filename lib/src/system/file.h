// The store's file before it is mapped: finding, checking, creating it, and who it is.
#ifndef HMAP_SRC_SYSTEM_FILE_H_
#define HMAP_SRC_SYSTEM_FILE_H_

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hmap/result.h"
#include "hmap/status.h"

namespace hmap {

// An open file descriptor, closed at the end.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept;
  ~Fd() { reset(); }
  [[nodiscard]] int get() const noexcept { return fd_; }
  [[nodiscard]] int release() noexcept {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset() noexcept;

 private:
  int fd_ = -1;
};

// What makes a file this file: a copy or a restored backup differs in at least one.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::uint64_t birth_sec = 0;
  std::uint64_t birth_nsec = 0;
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};
Result<FileIdentity> identity(int fd);

// This boot's id, or the 16 bytes given in hexadecimal by the environment variable HMAP_BOOT_ID
// (tests fake a reboot with it).
Result<std::array<std::uint8_t, 16>> boot_id();

// Opens an existing regular file, O_CLOEXEC. Errors: kNotFound, kPermission, kReadOnly (medium),
// kNotAStore (not a regular file), kSystem.
Result<Fd> open_file(const std::string& path, bool writable);

// Makes an unnamed file in the directory of `path` (O_TMPFILE; a temporary name where the file
// system has none), with copy-on-write switched off where that exists. Errors: kNotFound (no such
// directory), kPermission, kReadOnly, kNoSpace, kSystem.
struct NewFile {
  Fd fd;
  std::string temporary_name;  // empty with O_TMPFILE
};
Result<NewFile> create_file(const std::string& path, std::uint32_t mode);

// Makes the empty file `to` one with the bytes of `from`, both in the same blocks until either is
// written to (FICLONE). Errors: kUnsupported where the file system shares no blocks, kNoSpace
// (disk, quota, RLIMIT_FSIZE), kIoError, kSystem.
Status share_blocks(int from, int to);

// Whether bytes that have a block are overwritten where they lie, so that a store to them never
// needs space: of the file systems known to do so always. (XFS does not after somebody took a
// reflink.)
bool overwrites_in_place(int fd) noexcept;

// Refuses file systems on which a shared mapping or locks do not work between processes: network
// file systems by their type, others by trying an OFD lock through two descriptions. kUnsupported.
Status check_file_system(int fd, const std::string& path);

// Pieces of a path: "." or what is before the last slash; what is behind it.
std::string directory_of(const std::string& path);
std::string name_of(const std::string& path);
// What leads there from any directory; `path` itself if the current one has no name any more.
// std::filesystem does the same, but opening a store would touch many of its pages.
std::string absolute_path(const std::string& path);
// A hidden name beside `path` that nobody uses yet: .NAME.0123456789abcdef.tmp, and what all such
// names begin with.
std::string temporary_path(const std::string& path);
std::string temporary_prefix(const std::string& path);

// "/proc/self/fd/N": a name for a file that has none.
using ProcPath = std::array<char, 32>;
ProcPath proc_path(int fd) noexcept;

// What an errno of open() and its kin means.
Status open_error(int error, const char* what) noexcept;

// n bytes of randomness from the system.
void fill_random(void* to, std::size_t bytes) noexcept;

}  // namespace hmap

#endif  // HMAP_SRC_SYSTEM_FILE_H_
