// The windows of small stores stay mapped from one opening to the next. Programs that open a
// million images of one file spend half their time on page tables else, the more the less the
// machine is their own; what is mapped is the same file, byte for byte.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "memory_file.h"

namespace hmap::test {
namespace {

// Less is no window, or none that is worth it.
constexpr std::size_t kBytesMin = std::size_t{1} << 20;

struct Kept {
  void* at = nullptr;
  std::size_t bytes = 0;
  int protection = 0;
  ino_t inode = 0;  // of a file that lives as long as it is mapped
  dev_t device = 0;
  bool is_used = false;

  [[nodiscard]] bool is_the_same(const Kept& other) const {
    return bytes == other.bytes && protection == other.protection && inode == other.inode &&
           device == other.device;
  }
};

std::mutex mutex;
std::array<Kept, 8> windows;
std::size_t oldest = 0;  // the one to make place first

void* really_map(void* at, std::size_t bytes, int protection, int flags, int fd, off_t offset) {
  return reinterpret_cast<void*>(
      ::syscall(SYS_mmap, at, bytes, protection, flags, fd, offset));  // NOLINT
}

// A place for one more, with nothing in it; null: all are in use.
Kept* free_place() {
  for (std::size_t i = 0; i < windows.size(); ++i) {
    Kept& window = windows[oldest];
    oldest = (oldest + 1) % windows.size();
    if (window.is_used) continue;
    if (window.at != nullptr) ::syscall(SYS_munmap, window.at, window.bytes);
    window = Kept{};
    return &window;
  }
  return nullptr;
}

void* take_window(std::size_t bytes, int protection, int flags, int fd) {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return MAP_FAILED;
  Kept wanted{nullptr, bytes, protection, facts.st_ino, facts.st_dev, true};
  const std::lock_guard lock(mutex);
  for (Kept& window : windows) {
    if (window.at == nullptr || window.is_used || !window.is_the_same(wanted)) continue;
    window.is_used = true;
    return window.at;
  }
  wanted.at = really_map(nullptr, bytes, protection, flags, fd, 0);
  Kept* place = wanted.at == MAP_FAILED ? nullptr : free_place();
  if (place != nullptr) *place = wanted;
  return wanted.at;
}

bool keep_window(const void* at, std::size_t bytes) {
  const std::lock_guard lock(mutex);
  for (Kept& window : windows) {
    if (window.at != at || window.bytes != bytes || !window.is_used) continue;
    window.is_used = false;
    return true;
  }
  return false;
}

bool has_window(const struct stat& file) {
  const std::lock_guard lock(mutex);
  for (const Kept& window : windows) {
    if (window.at != nullptr && window.inode == file.st_ino && window.device == file.st_dev)
      return true;
  }
  return false;
}

int write_zeros(int fd, off_t from, off_t to) {
  static constexpr char kZeros[16'384] = {};
  while (from < to) {
    const auto part = std::min(static_cast<std::size_t>(to - from), sizeof kZeros);
    const ssize_t written = ::pwrite(fd, kZeros, part, from);
    if (written <= 0) return -1;
    from += written;
  }
  return 0;
}

}  // namespace

// The linker takes these definitions for calls from the library.
extern "C" {

void* mmap(void* at, std::size_t bytes, int protection, int flags, int fd, off_t offset) noexcept {
  const bool is_window = at == nullptr && bytes >= kBytesMin && bytes <= MemoryFile::kWindow &&
                         (flags & ~MAP_NORESERVE) == MAP_SHARED && offset == 0 && fd >= 0;
  return is_window ? take_window(bytes, protection, flags, fd)
                   : really_map(at, bytes, protection, flags, fd, offset);
}

int munmap(void* at, std::size_t bytes) noexcept {
  if (at != nullptr && keep_window(at, bytes)) return 0;
  return static_cast<int>(::syscall(SYS_munmap, at, bytes));
}

int fallocate(int fd, int mode, off_t offset, off_t bytes) {
  struct stat file {};
  const bool punches = (mode & FALLOC_FL_PUNCH_HOLE) != 0 && offset >= 0 && bytes > 0;
  if (!punches || ::fstat(fd, &file) != 0 || !has_window(file))
    return static_cast<int>(::syscall(SYS_fallocate, fd, mode, offset, bytes));
  return write_zeros(fd, offset, std::min(offset + bytes, file.st_size));
}
}

}  // namespace hmap::test
