// The file as memory.
//
// Effect wanted: any process reaches any byte of the file at an address that never moves, the file
// grows under it, and nothing that can be foreseen - a full disk, a quota, a limit - is a SIGBUS.
//
// One window is mapped, far larger than the file. Address space costs nothing [1 TiB: 6 us]; what
// lies beyond the end of the file faults until the file reaches there, and then is simply there, in
// every process. So each address handed out is checked against fstat's size, never one found in the
// file.
//
// A full disk strikes a store into a hole, so blocks are asked for before anything is stored:
// fallocate answers with an errno and leaves the file as it was. RLIMIT_FSIZE would kill the
// process with SIGXFSZ, which is therefore blocked meanwhile and eaten if it was ours.
//
// MADV_RANDOM: on ext4 since 6.16 and XFS the page cache is in folios of up to 2 MiB and a store
// dirties a whole one; random access keeps them at 4 KiB [write-back of sparse stores: 2-4 KiB each
// instead of 124]. Reads gain from large folios, so read-only maps are left alone.
//
// What remains: copy-on-write file systems need space to overwrite (populate() finds out early),
// and a device that fails or a stranger who truncates is SIGBUS (guard.h).
#include "system/mapping.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <boost/interprocess/exceptions.hpp>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <new>
#include <string_view>

#include "format/offset.h"
#include "format/sanitizers.h"
#include "system/file.h"
#include "system/seam.h"
#include "system/size_limit.h"

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23  // Linux 5.14
#endif

namespace hmap {
namespace {

namespace ipc = boost::interprocess;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
#ifdef HMAP_SANITIZED
constexpr std::uint64_t kDefaultWindow = 16 * kGiB;  // they refuse 1 TiB
#else
constexpr std::uint64_t kDefaultWindow = 1024 * kGiB;
#endif
constexpr std::uint64_t kSmallestWindow = kGiB;
// What Boost wants to map: our own, already checked descriptor.
class Mappable {
 public:
  Mappable(int fd, ipc::mode_t mode) noexcept : fd_(fd), mode_(mode) {}
  [[nodiscard]] ipc::mapping_handle_t get_mapping_handle() const noexcept {
    ipc::mapping_handle_t handle{};
    handle.handle = fd_;
    handle.is_xsi = false;
    return handle;
  }
  [[nodiscard]] ipc::mode_t get_mode() const noexcept { return mode_; }

 private:
  int fd_;
  ipc::mode_t mode_;
};

std::uint64_t page_bytes() noexcept { return ipc::mapped_region::get_page_size(); }

// 0 or an errno.
int map_region(int fd, ipc::mode_t mode, std::uint64_t bytes, ipc::mapped_region& region) noexcept {
  try {
    ipc::mapped_region mapped(Mappable(fd, mode), mode, 0, bytes, nullptr, MAP_NORESERVE);
    region.swap(mapped);
    return 0;
  } catch (const ipc::interprocess_exception& failure) {
    return failure.get_native_error() != 0 ? failure.get_native_error() : EINVAL;
  } catch (...) {
    return ENOMEM;
  }
}

Result<std::uint64_t> wanted_window(std::uint64_t window_bytes) noexcept {
  if (window_bytes != 0) return window_bytes;
  const char* given = ::secure_getenv("HMAP_WINDOW_BYTES");
  if (given == nullptr) return kDefaultWindow;
  const std::string_view text(given);
  std::uint64_t bytes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), bytes);
  if (error != std::errc{} || end != text.data() + text.size() || bytes == 0) {
    return Status(Code::kInvalidArgument, "HMAP_WINDOW_BYTES is not a number of bytes");
  }
  return bytes;
}

Status space_error(int error) noexcept {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {Code::kNoSpace, "no space for more of the file", 0, error};
    case EIO:
      return {Code::kIoError, "the device failed while space was allocated", 0, error};
    default:
      return {Code::kSystem, "cannot allocate space", 0, error};
  }
}

// 0 or an errno. Small writes: large ones would make large folios.
int write_zeros(FileSizeSignal& signals, int fd, std::uint64_t from, std::uint64_t to) noexcept {
  static constexpr char kZeros[4096] = {};
  while (from < to) {
    const std::uint64_t rest = sizeof kZeros - from % sizeof kZeros;
    const std::size_t bytes = std::min(rest, to - from);
    const ssize_t written = uninterrupted(
        signals, [&] { return ::pwrite(fd, kZeros, bytes, static_cast<off_t>(from)); });
    if (written < 0) return errno;
    if (written == 0) return EIO;
    from += static_cast<std::uint64_t>(written);
  }
  return 0;
}

// For file systems without fallocate: zeros into what reads as zero, which is holes and what lies
// beyond the end; never over data. Nobody stores to a range that is not allocated yet, so nothing
// is overwritten in between either. Returns 0 or an errno; on failure the file may have grown.
int fill_holes(FileSizeSignal& signals, int fd, std::uint64_t from, std::uint64_t to) noexcept {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return errno;
  const auto size = static_cast<std::uint64_t>(info.st_size);
  // Bound: `from` rises by at least one byte each round.
  while (from < std::min(size, to)) {
    const off_t hole = ::lseek(fd, static_cast<off_t>(from), SEEK_HOLE);
    if (hole < 0 && errno == EINVAL) break;  // knows no holes: all of it is there
    if (hole < 0) return errno;
    if (static_cast<std::uint64_t>(hole) >= std::min(size, to)) break;
    const off_t data = ::lseek(fd, hole, SEEK_DATA);
    if (data < 0 && errno != ENXIO) return errno;
    const std::uint64_t end = data < 0 ? size : static_cast<std::uint64_t>(data);
    const auto begin = static_cast<std::uint64_t>(hole);
    if (const int error = write_zeros(signals, fd, begin, std::min(end, to))) return error;
    from = end;
  }
  return write_zeros(signals, fd, std::max(size, from), to);
}

}  // namespace

Result<std::unique_ptr<Mapping>> Mapping::map(int fd, Access access, std::uint64_t window_bytes) {
  struct stat info {};
  if (::fstat(fd, &info) != 0) return Status(Code::kSystem, "cannot stat the file", 0, errno);
  const std::uint64_t needed =
      round_up(std::max<std::uint64_t>(static_cast<std::uint64_t>(info.st_size), 1), page_bytes());

  std::uint64_t window = needed;
  ipc::mode_t mode = ipc::copy_on_write;
  if (access != Access::kPrivate) {
    const auto wanted = wanted_window(window_bytes);
    if (!wanted) return wanted.error();
    if (*wanted > static_cast<std::uint64_t>(PTRDIFF_MAX) - page_bytes()) {
      return Status(Code::kInvalidArgument, "the window is larger than any address space");
    }
    window = std::max(round_up(*wanted, page_bytes()), needed);
    mode = access == Access::kReadWrite ? ipc::read_write : ipc::read_only;
  }

  std::unique_ptr<Mapping> mapping(new (std::nothrow) Mapping(fd, access));
  if (mapping == nullptr) return Status(Code::kNoAddressSpace, "no memory", 0, ENOMEM);
  int error = map_region(fd, mode, window, mapping->region_);
  // EOVERFLOW: the window exceeds the largest file of this file system. EINVAL: valgrind.
  while (error == ENOMEM || error == EOVERFLOW || error == EINVAL) {
    if (access == Access::kPrivate || window / 2 < std::max(kSmallestWindow, needed)) {
      return Status(Code::kNoAddressSpace, "no window of address space", 0, error);
    }
    window = round_up(window / 2, page_bytes());
    error = map_region(fd, mode, window, mapping->region_);
  }
  if (error != 0) return Status(Code::kSystem, "cannot map the file", 0, error);

  mapping->base_ = static_cast<std::byte*>(mapping->region_.get_address());
  mapping->window_bytes_ = window;
  if (access == Access::kReadWrite) {
    // Advice: where it is not taken, write-back costs more.
    static_cast<void>(mapping->region_.advise(ipc::mapped_region::advice_random));
    mapping->overwrites_in_place_ = overwrites_in_place(fd);
  }
  mapping->refresh();
  return mapping;
}

std::uint64_t Mapping::refresh() const noexcept {
  struct stat info {};
  if (::fstat(fd_, &info) != 0) return file_bytes();
  // What lies beyond the window has no address here.
  const std::uint64_t bytes = std::min(static_cast<std::uint64_t>(info.st_size), window_bytes_);
  // An older answer may overwrite a newer one; whoever needs the newer one comes here again.
  set_file_bytes(bytes);
  return bytes;
}

void Mapping::set_file_bytes(std::uint64_t bytes) const noexcept {
  file_bytes_.store(bytes, std::memory_order_relaxed);
  few_end_.store(bytes > kFew ? bytes - kFew : 0, std::memory_order_relaxed);
}

bool Mapping::has_name() const noexcept {
  struct stat info {};
  return ::fstat(fd_, &info) != 0 || info.st_nlink != 0;
}

std::byte* Mapping::bytes_after_refresh(std::uint64_t offset, std::uint64_t bytes) const noexcept {
  const std::uint64_t limit = refresh();
  if (offset <= limit && bytes <= limit - offset) return base_ + offset;
  return nullptr;
}

Status Mapping::allocate(std::uint64_t offset, std::uint64_t bytes) {
  const Status at_once = allocate_at_once(offset, bytes);
  if (at_once.code() != Code::kUnsupported) return at_once;
  FileSizeSignal signals;
  const std::uint64_t end = offset + bytes;
  if (const int error = fill_holes(signals, fd_, offset, end)) return space_error(error);
  note_length(end);
  return {};
}

Status Mapping::allocate_at_once(std::uint64_t offset, std::uint64_t bytes) {
  if (access_ != Access::kReadWrite) return {Code::kReadOnly, "the mapping is not writable"};
  if (offset > window_bytes_ || bytes > window_bytes_ - offset) {
    return {Code::kNoSpace, "the file would exceed its window of address space", 0, EFBIG};
  }
  if (bytes == 0) return {};
  seam::announce_at(seam::Event::kAllocate, offset, bytes);
  const std::uint64_t end = offset + bytes;
  int error = 0;
  {
    // No file gets shorter: up to here a limit says nothing.
    FileSizeSignal signals(end > file_bytes() && has_size_limit() ? FileSizeSignal::Cause::kLimit
                                                                  : FileSizeSignal::Cause::kNone);
    const int result = uninterrupted(signals, [&] {
      return ::fallocate(fd_, 0, static_cast<off_t>(offset), static_cast<off_t>(bytes));
    });
    if (result != 0) error = errno;
  }
  if (error == EOPNOTSUPP || error == ENOSYS)
    return {Code::kUnsupported, "the file system allocates nothing", 0, error};
  if (error != 0) return space_error(error);
  note_length(end);
  return {};
}

// As in refresh(); who extends files beside us makes them longer still.
void Mapping::note_length(std::uint64_t end) noexcept {
  if (end > file_bytes()) set_file_bytes(end);
}

Status Mapping::punch(std::uint64_t offset, std::uint64_t bytes) {
  if (access_ != Access::kReadWrite) return {Code::kReadOnly, "the mapping is not writable"};
  if (bytes == 0) return {};
  if (offset < ahead_end_.load(std::memory_order_relaxed) &&
      ahead_begin_.load(std::memory_order_relaxed) < offset + bytes) {
    ahead_end_.store(0, std::memory_order_relaxed);
  }
  seam::announce_at(seam::Event::kPunch, offset, bytes);
  FileSizeSignal signals(FileSizeSignal::Cause::kNone);
  const int result = uninterrupted(signals, [&] {
    return ::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                       static_cast<off_t>(bytes));
  });
  if (result == 0) return {};
  if (errno == EOPNOTSUPP || errno == ENOSYS) {
    return {Code::kUnsupported, "the file system punches no holes", 0, errno};
  }
  return space_error(errno);
}

Status Mapping::make_zero(std::uint64_t offset, std::uint64_t bytes) {
  const Status punched = punch(offset, bytes);
  if (punched.ok()) return allocate(offset, bytes);
  if (punched.code() != Code::kUnsupported) return punched;
  // What lies beyond the present end reads as zero once it is there.
  const std::uint64_t old_bytes = refresh();
  if (const Status status = allocate(offset, bytes); !status.ok()) return status;
  if (offset >= old_bytes) return {};
  const std::uint64_t old_part = std::min(bytes, old_bytes - offset);
  if (const Status status = populate(offset, old_part); !status.ok()) return status;
  seam::zero(base_ + offset, old_part);
  return {};
}

Status Mapping::populate(std::uint64_t offset, std::uint64_t bytes) {
  if (bytes == 0) return {};
  if (offset > window_bytes_ || bytes > window_bytes_ - offset) {
    return {Code::kNoSpace, "the range lies outside the window", 0, EFAULT};
  }
  if (offset >= ahead_begin_.load(std::memory_order_relaxed) &&
      offset + bytes <= ahead_end_.load(std::memory_order_relaxed)) {
    return {};
  }
  const std::uint64_t begin = offset / page_bytes() * page_bytes();
  const std::uint64_t end = round_up(offset + bytes, page_bytes());
  int result = 0;
  for (int i = 0; i < kTries; ++i) {
    result = ::madvise(base_ + begin, end - begin, MADV_POPULATE_WRITE);
    if (result == 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  // EINVAL: a kernel before 5.14. Touching by hand would be the very SIGBUS that is to be avoided.
  if (result == 0 || errno == EINVAL) return {};
  // Where a store would be SIGBUS the answer is EFAULT, whatever the reason.
  if (errno == EFAULT) return {Code::kNoSpace, "no space behind the pages", 0, errno};
  if (errno == EHWPOISON) return {Code::kIoError, "the memory failed", 0, errno};
  return {Code::kSystem, "cannot bring pages into memory", 0, errno};
}

Status Mapping::populate_ahead(std::uint64_t offset, std::uint64_t bytes) {
  const Status status = populate(offset, bytes);
  if (!status.ok() || !overwrites_in_place_) return status;
  if (ahead_end_.load(std::memory_order_relaxed) != offset) {
    ahead_end_.store(0, std::memory_order_relaxed);
    ahead_begin_.store(offset, std::memory_order_relaxed);
  }
  ahead_end_.store(offset + bytes, std::memory_order_relaxed);
  return {};
}

void Mapping::advise_huge(std::uint64_t offset, std::uint64_t bytes) noexcept {
  if (offset + bytes <= window_bytes_) ::madvise(base_ + offset, bytes, MADV_HUGEPAGE);
}

Status Mapping::flush() {
  seam::announce(seam::Event::kFlush, nullptr, 0);
  FileSizeSignal signals(FileSizeSignal::Cause::kNone);
  if (uninterrupted(signals, [&] { return ::fdatasync(fd_); }) == 0) return {};
  // Whatever the errno: pages may be marked clean that are not on the disk. Never asked again.
  return {Code::kIoError, "cannot flush the file", 0, errno};
}

Status Mapping::write_durable(std::uint64_t offset, const void* data, std::size_t bytes) {
  seam::announce_at(seam::Event::kWriteRoot, offset, bytes);
  FileSizeSignal signals;
  const auto* from = static_cast<const char*>(data);
  bool flush_after = false;  // where there is no RWF_DSYNC
  // Bound: each round writes at least one byte, or gives up, or (once) gives up RWF_DSYNC.
  while (bytes > 0) {
    const auto at = static_cast<off_t>(offset);
    iovec part{const_cast<char*>(from), bytes};
    const ssize_t written = uninterrupted(signals, [&] {
      return flush_after ? ::pwrite(fd_, from, bytes, at)
                         : ::pwritev2(fd_, &part, 1, at, RWF_DSYNC);
    });
    if (written < 0 && !flush_after &&
        (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL)) {
      flush_after = true;
      continue;
    }
    if (written <= 0) {
      return {Code::kIoError, "cannot write to the file", 0, written < 0 ? errno : EIO};
    }
    from += written;
    offset += static_cast<std::uint64_t>(written);
    bytes -= static_cast<std::size_t>(written);
  }
  if (flush_after && uninterrupted(signals, [&] { return ::fdatasync(fd_); }) != 0) {
    return {Code::kIoError, "cannot flush the file", 0, errno};
  }
  return {};
}

}  // namespace hmap
