// The store's file before it is mapped.
#include "system/file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>

#include "format/runtime_format.h"
#include "system/seam.h"

namespace hmap {
namespace {

// Types of file systems by statfs; linux/magic.h does not have them all.
constexpr std::uint64_t kExt = 0xef53;  // ext2, ext3, ext4
constexpr std::uint64_t kTmpfs = 0x01021994;
constexpr std::uint64_t kBtrfs = 0x9123683e;
constexpr std::uint64_t kFuse = 0x65735546;  // fuse and fuseblk
constexpr std::array<std::uint64_t, 15> kNetwork = {
    0x6969,      // NFS
    0x517b,      // SMB
    0xff534d42,  // CIFS
    0xfe534d42,  // SMB2
    0x01021997,  // 9P
    0x00c36400,  // Ceph
    0x5346414f,  // AFS (OpenAFS)
    0x6b414653,  // AFS (kernel)
    0x73757245,  // Coda
    0x564c,      // NCP
    0x0bd00bd0,  // Lustre
    0x47504653,  // GPFS
    0x01161970,  // GFS2
    0x7461636f,  // OCFS2
    0x786f4256,  // VirtualBox shared folder
};

constexpr int kNameTries = 100;

std::optional<std::uint8_t> hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<std::uint8_t>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<std::array<std::uint8_t, 16>> parse_id(std::string_view text) noexcept {
  std::array<std::uint8_t, 16> id{};
  std::size_t digits = 0;
  for (const char c : text) {
    if (c == '-') continue;
    const auto digit = hex_digit(c);
    if (!digit || digits == 2 * id.size()) return std::nullopt;
    id[digits / 2] = static_cast<std::uint8_t>(id[digits / 2] << 4 | *digit);
    ++digits;
  }
  if (digits != 2 * id.size()) return std::nullopt;
  return id;
}

// Nothing, and an errno, where the system does not say.
std::optional<std::uint64_t> file_system_of(int fd) noexcept {
  struct statfs system {};
  if (::fstatfs(fd, &system) != 0) return std::nullopt;
  // Some systems sign-extend the 32-bit type.
  return static_cast<std::uint64_t>(system.f_type) & 0xffffffff;
}

// Before the first byte is written: later the flag has no effect. A copy-on-write file system needs
// new blocks to overwrite old ones, so that a full disk would strike at a store (SIGBUS).
void switch_off_copy_on_write(int fd) noexcept {
  if (file_system_of(fd) != kBtrfs) return;
  int flags = 0;
  if (::ioctl(fd, FS_IOC_GETFLAGS, &flags) != 0) return;
  flags |= FS_NOCOW_FL;
  static_cast<void>(::ioctl(fd, FS_IOC_SETFLAGS, &flags));
}

// For file systems without O_TMPFILE.
Result<NewFile> create_named(const std::string& path, std::uint32_t mode) {
  // Bound: a second try is as likely as two equal 64-bit random numbers.
  for (int i = 0; i < kNameTries; ++i) {
    NewFile file;
    file.temporary_name = temporary_path(path);
    file.fd =
        Fd(::open(file.temporary_name.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY,
                  static_cast<mode_t>(mode)));
    if (file.fd.get() >= 0) return file;
    if (errno != EEXIST) return open_error(errno, "cannot create a file");
  }
  return Status(Code::kSystem, "no free temporary name", 0, EEXIST);
}

int set_test_lock(int fd, short type, std::uint64_t at) noexcept {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(at);
  lock.l_len = 1;
  return ::fcntl(fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

// Whether a lock through `first` is seen through `second`.
Status try_locks(int first, int second, bool writable) noexcept {
  // A byte of our own, far from those of runtime_format.h: others may be testing, too.
  std::uint32_t random = 0;
  fill_random(&random, sizeof random);
  const std::uint64_t at = format::kOpenByteAt + (std::uint64_t{1} << 40) + random;
  if (const int error = set_test_lock(first, writable ? F_WRLCK : F_RDLCK, at)) {
    return {Code::kUnsupported, "the file system has no open-file-description locks", 0, error};
  }
  struct flock probe {};
  probe.l_type = F_WRLCK;  // asking needs no permission to write
  probe.l_whence = SEEK_SET;
  probe.l_start = static_cast<off_t>(at);
  probe.l_len = 1;
  const bool asked = ::fcntl(second, F_OFD_GETLK, &probe) == 0;
  set_test_lock(first, F_UNLCK, at);
  if (!asked || probe.l_type == F_UNLCK) {
    return {Code::kUnsupported, "locks do not exclude each other on this file system"};
  }
  return {};
}

}  // namespace

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

ProcPath proc_path(int fd) noexcept {
  constexpr std::string_view kFolder = "/proc/self/fd/";
  ProcPath path{};
  const auto digits = std::copy(kFolder.begin(), kFolder.end(), path.begin());
  std::to_chars(digits, path.end(), fd);  // opening a store would touch printf's pages else
  return path;
}

std::string absolute_path(const std::string& path) {
  if (path.starts_with('/')) return path;
  char folder[PATH_MAX];
  if (::getcwd(folder, sizeof folder) == nullptr) return path;
  return std::string(folder) + "/" + path;
}

Status open_error(int error, const char* what) noexcept {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return {Code::kNotFound, what, 0, error};
    case EACCES:
    case EPERM:
      return {Code::kPermission, what, 0, error};
    case EROFS:
      return {Code::kReadOnly, what, 0, error};
    case ENOSPC:
    case EDQUOT:
      return {Code::kNoSpace, what, 0, error};
    case EEXIST:
      return {Code::kExists, what, 0, error};
    case EIO:
      return {Code::kIoError, what, 0, error};
    default:
      return {Code::kSystem, what, 0, error};
  }
}

std::string temporary_prefix(const std::string& path) {
  // So that the whole is no longer than a name may be.
  constexpr std::size_t kNameBytes = 200;
  return "." + name_of(path).substr(0, kNameBytes) + ".";
}

std::string temporary_path(const std::string& path) {
  std::uint64_t random = 0;
  fill_random(&random, sizeof random);
  std::array<char, 32> suffix{};
  std::snprintf(suffix.data(), suffix.size(), "%016llx.tmp",
                static_cast<unsigned long long>(random));
  return directory_of(path) + "/" + temporary_prefix(path) + suffix.data();
}

Fd& Fd::operator=(Fd&& other) noexcept {
  const int fd = other.release();
  reset();
  fd_ = fd;
  return *this;
}

void Fd::reset() noexcept {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

Result<FileIdentity> identity(int fd) {
  struct statx info {};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &info) != 0) {
    return Status(Code::kSystem, "cannot identify the file", 0, errno);
  }
  FileIdentity id;
  id.device = makedev(info.stx_dev_major, info.stx_dev_minor);
  id.inode = info.stx_ino;
  if ((info.stx_mask & STATX_BTIME) != 0) {
    id.birth_sec = static_cast<std::uint64_t>(info.stx_btime.tv_sec);
    id.birth_nsec = info.stx_btime.tv_nsec;
  }
  return id;
}

Result<std::array<std::uint8_t, 16>> boot_id() {
  if (const char* given = ::secure_getenv("HMAP_BOOT_ID")) {
    if (const auto id = parse_id(given)) return *id;
    return Status(Code::kInvalidArgument, "HMAP_BOOT_ID is not 32 hexadecimal digits");
  }
  const Fd fd(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return Status(Code::kSystem, "cannot open the boot id", 0, errno);
  std::array<char, 36> text{};
  const ssize_t bytes = ::read(fd.get(), text.data(), text.size());
  if (bytes < 0) return Status(Code::kSystem, "cannot read the boot id", 0, errno);
  const auto id = parse_id({text.data(), static_cast<std::size_t>(bytes)});
  if (!id) return Status(Code::kSystem, "the system's boot id is malformed");
  return *id;
}

Result<Fd> open_file(const std::string& path, bool writable) {
  if (path.find('\0') != std::string::npos) {
    return Status(Code::kInvalidArgument, "a path contains a zero byte");
  }
  const int flags = (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY;
  // O_NONBLOCK: a pipe or a device must not make us wait before we know what it is.
  Fd fd(::open(path.c_str(), flags | O_NONBLOCK));
  // A file lease (a file server's) is being recalled: now waiting is right.
  if (fd.get() < 0 && errno == EWOULDBLOCK) fd = Fd(::open(path.c_str(), flags));
  if (fd.get() < 0) {
    const int error = errno;
    if (error == EISDIR || error == ENXIO || error == ENODEV) {
      return Status(Code::kNotAStore, "not a regular file", 0, error);
    }
    return open_error(error, "cannot open the file");
  }
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return Status(Code::kSystem, "cannot stat", 0, errno);
  if (!S_ISREG(info.st_mode)) return Status(Code::kNotAStore, "not a regular file");
  return fd;
}

Result<NewFile> create_file(const std::string& path, std::uint32_t mode) {
  if (name_of(path).empty() || path.find('\0') != std::string::npos) {
    return Status(Code::kInvalidArgument, "the path names no file");
  }
  NewFile file;
  file.fd = Fd(::open(directory_of(path).c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC,
                      static_cast<mode_t>(mode)));
  if (file.fd.get() < 0) {
    const int error = errno;
    // EISDIR and EINVAL: kernels and file systems that do not know the flag.
    if (error != EOPNOTSUPP && error != EISDIR && error != EINVAL) {
      return open_error(error, "cannot create a file in the directory");
    }
    auto named = create_named(path, mode);
    if (!named) return named;
    file = *std::move(named);
  }
  switch_off_copy_on_write(file.fd.get());
  return file;
}

Status share_blocks(int from, int to) {
  struct stat file {};
  rlimit limit{};
  if (::fstat(from, &file) != 0 || ::getrlimit(RLIMIT_FSIZE, &limit) != 0)
    return {Code::kSystem, "cannot stat", 0, errno};
  // The kernel's answer would be a signal.
  if (limit.rlim_cur < static_cast<rlim_t>(file.st_size))
    return {Code::kNoSpace, "the file would exceed RLIMIT_FSIZE", 0, EFBIG};
  if (::ioctl(to, FICLONE, from) == 0) return {};
  switch (const int error = errno) {
    case EOPNOTSUPP:
    case ENOTTY:
    case ENOSYS:
    case EINVAL:
    case EXDEV:
      return {Code::kUnsupported, "files share no blocks here (no reflink)", 0, error};
    default:
      return open_error(error, "cannot share the blocks of the file");
  }
}

bool overwrites_in_place(int fd) noexcept {
  const std::uint64_t type = file_system_of(fd).value_or(0);
  return type == kExt || type == kTmpfs;
}

Status check_file_system(int fd, const std::string& /*path*/) {
  struct stat info {};
  const std::optional<std::uint64_t> type = file_system_of(fd);
  if (!type || ::fstat(fd, &info) != 0) {
    return {Code::kSystem, "cannot ask for the file system", 0, errno};
  }
  if (std::find(kNetwork.begin(), kNetwork.end(), *type) != kNetwork.end()) {
    return {Code::kUnsupported, "a store cannot be shared on a network file system"};
  }
  // fuseblk shows its block device's number: a local disk, so let the locks decide.
  if (type == kFuse && major(info.st_dev) == 0) {
    return {Code::kUnsupported, "a store cannot be shared on a FUSE file system"};
  }
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0) return {Code::kSystem, "cannot ask for the file's access mode", 0, errno};
  const bool writable = (flags & O_ACCMODE) == O_RDWR;
  const ProcPath path = proc_path(fd);
  const Fd second(::open(path.data(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY));
  if (second.get() < 0) {
    const int error = errno;
    if (error == ENOENT) return {Code::kUnsupported, "/proc is not mounted", 0, error};
    return open_error(error, "cannot open the file again through /proc/self/fd");
  }
  return try_locks(fd, second.get(), writable);
}

void fill_random(void* to, std::size_t bytes) noexcept {
  auto* out = static_cast<unsigned char*>(to);
  std::size_t done = 0;
  // Bound: after the pool's first initialisation up to 256 bytes come at once, whatever the
  // signals.
  while (done < bytes) {
    const ssize_t got = ::getrandom(out + done, std::min<std::size_t>(bytes - done, 256), 0);
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      break;
    }
  }
  // No getrandom (a filter): not secret, but different. SplitMix64 of time, process and address.
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  auto state = static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'007 +
               static_cast<std::uint64_t>(now.tv_nsec) +
               (static_cast<std::uint64_t>(::getpid()) << 40) +
               reinterpret_cast<std::uintptr_t>(to);
  for (; done < bytes; ++done) {
    state += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = (state ^ state >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    out[done] = static_cast<unsigned char>(mixed >> 56);
  }
}

}  // namespace hmap
