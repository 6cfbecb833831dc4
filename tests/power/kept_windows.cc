// The windows of small stores stay mapped from one opening to the next. Programs that open a
// million images of one file spend half their time on page tables else, the more the less the
// machine is their own; what is mapped is the same file, byte for byte.
#include "kept_windows.h"

#include <fcntl.h>
#include <sanitizer/asan_interface.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "memory_file.h"

namespace hmap::test {
namespace {

// Less is no window, or none that is worth it.
constexpr std::size_t kBytesMin = std::size_t{1} << 20;

// Windows lie side by side, so that all that are kept for files long gone go in one call: what
// unmapping costs is the flush of the page tables, whatever is flushed.
constexpr std::size_t kPlaces = 64;

struct Kept {
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
std::array<Kept, kPlaces> windows;  // no bytes: nothing is mapped there
char* windows_at = nullptr;

void* really_map(void* at, std::size_t bytes, int protection, int flags, int fd, off_t offset) {
  return reinterpret_cast<void*>(
      ::syscall(SYS_mmap, at, bytes, protection, flags, fd, offset));  // NOLINT
}

char* place(std::size_t i) { return windows_at + i * MemoryFile::kWindow; }

// Null: there are none.
char* map_nothing(char* at, std::size_t places, int flags) {
  void* there = really_map(at, places * MemoryFile::kWindow, PROT_NONE,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
  return there == MAP_FAILED ? nullptr : static_cast<char*>(there);
}

void forget_unused() {
  for (std::size_t i = 0; i < kPlaces; ++i) {
    std::size_t end = i;
    while (end < kPlaces && !windows[end].is_used) windows[end++] = Kept{};
    if (end != i && map_nothing(place(i), end - i, MAP_FIXED) == nullptr) std::abort();
    i = end;
  }
}

// kPlaces: all are in use.
std::size_t free_place() {
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < kPlaces; ++i) {
      if (windows[i].bytes == 0) return i;
    }
    forget_unused();
  }
  return kPlaces;
}

void* take_window(std::size_t bytes, int protection, int flags, int fd) {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return MAP_FAILED;
  const Kept wanted{bytes, protection, facts.st_ino, facts.st_dev, true};
  const std::lock_guard lock(mutex);
  for (std::size_t i = 0; i < kPlaces; ++i) {
    if (windows[i].is_used || !windows[i].is_the_same(wanted)) continue;
    windows[i].is_used = true;
    return place(i);
  }
  if (windows_at == nullptr) windows_at = map_nothing(nullptr, kPlaces, 0);
  const std::size_t i = windows_at == nullptr ? kPlaces : free_place();
  if (i == kPlaces) return really_map(nullptr, bytes, protection, flags, fd, 0);
  void* at = really_map(place(i), bytes, protection, flags | MAP_FIXED, fd, 0);
  if (at != MAP_FAILED) windows[i] = wanted;
  return at;
}

bool keep_window(const void* at, std::size_t bytes) {
  const std::lock_guard lock(mutex);
  for (std::size_t i = 0; i < kPlaces; ++i) {
    if (place(i) != at || windows[i].bytes != bytes || !windows[i].is_used) continue;
    windows[i].is_used = false;
    return true;
  }
  return false;
}

// Private mappings are copies, in memory of our own. The address sanitizer sees who reads behind
// one, or when it is gone.
class PrivateCopies {
 public:
  static constexpr std::size_t kBytesMax = kBytesMin;

  // Null: not of this file.
  void* take(std::size_t bytes, int fd) {
    for (Copy& copy : copies_) {
      if (copy.bytes != 0 || !is_there(copy)) continue;
      ASAN_UNPOISON_MEMORY_REGION(copy.at, bytes);
      const ssize_t there = ::pread(fd, copy.at, bytes, 0);
      if (there < 0) return nullptr;
      std::memset(copy.at + there, 0, bytes - static_cast<std::size_t>(there));
      ASAN_POISON_MEMORY_REGION(copy.at + bytes, kBytesMax + kGap - bytes);
      copy.bytes = bytes;
      return copy.at;
    }
    return nullptr;
  }
  bool give_back(const void* at, std::size_t bytes) {
    for (Copy& copy : copies_) {
      if (copy.at != at || copy.bytes != bytes) continue;
      ASAN_POISON_MEMORY_REGION(copy.at, bytes);
      copy.bytes = 0;
      return true;
    }
    return false;
  }

 private:
  static constexpr std::size_t kGap = 65'536;
  struct Copy {
    char* at = nullptr;
    std::size_t bytes = 0;  // 0: not in use
  };
  static bool is_there(Copy& copy) {
    if (copy.at != nullptr) return true;
    void* at = really_map(nullptr, kBytesMax + kGap, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at != MAP_FAILED) copy.at = static_cast<char*>(at);
    return at != MAP_FAILED;
  }
  std::array<Copy, 4> copies_;
};

PrivateCopies private_copies;
bool copies_privately = true;

bool give_back_private(const void* at, std::size_t bytes) {
  const std::lock_guard lock(mutex);
  return private_copies.give_back(at, bytes);
}

void* take_private(std::size_t bytes, int protection, int flags, int fd) {
  const std::lock_guard lock(mutex);
  void* copy = copies_privately ? private_copies.take(bytes, fd) : nullptr;
  return copy != nullptr ? copy : really_map(nullptr, bytes, protection, flags, fd, 0);
}

bool has_window(const struct stat& file) {
  const std::lock_guard lock(mutex);
  return std::any_of(windows.begin(), windows.end(), [&](const Kept& window) {
    return window.bytes != 0 && window.inode == file.st_ino && window.device == file.st_dev;
  });
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

void map_privately_for_real() { copies_privately = false; }

// The linker takes these definitions for calls from the library.
extern "C" {

void* mmap(void* at, std::size_t bytes, int protection, int flags, int fd, off_t offset) noexcept {
  const int kind = flags & ~MAP_NORESERVE;
  const bool is_whole = at == nullptr && offset == 0 && fd >= 0;
  if (is_whole && kind == MAP_SHARED && bytes >= kBytesMin && bytes <= MemoryFile::kWindow)
    return take_window(bytes, protection, flags, fd);
  if (is_whole && kind == MAP_PRIVATE && bytes <= PrivateCopies::kBytesMax)
    return take_private(bytes, protection, flags, fd);
  return really_map(at, bytes, protection, flags, fd, offset);
}

int munmap(void* at, std::size_t bytes) noexcept {
  if (at != nullptr && keep_window(at, bytes)) return 0;
  if (at != nullptr && give_back_private(at, bytes)) return 0;
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
