// The windows of small stores in memory stay mapped from one opening to the next. Suites that open
// a million images of one file spend half their time on page tables else, the more the less the
// machine is their own; what is mapped is the same file, byte for byte.
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

#include "memory_file.h"

namespace hmap::test {
namespace {

constexpr std::size_t kWindow = MemoryFile::kWindow;

struct Kept {
  void* at = nullptr;
  ino_t inode = 0;  // of a file that lives as long as it is mapped
  dev_t device = 0;
  bool is_used = false;
};

std::mutex mutex;
std::array<Kept, 8> windows;

void* really_map(void* at, std::size_t bytes, int protection, int flags, int fd, off_t offset) {
  return reinterpret_cast<void*>(
      ::syscall(SYS_mmap, at, bytes, protection, flags, fd, offset));  // NOLINT
}

// A place for one more, with nothing in it; null: all are in use.
Kept* free_place() {
  for (Kept& window : windows) {
    if (window.is_used) continue;
    if (window.at != nullptr) ::syscall(SYS_munmap, window.at, kWindow);
    window = Kept{};
    return &window;
  }
  return nullptr;
}

void* take_window(int fd) {
  struct stat facts {};
  if (::fstat(fd, &facts) != 0) return MAP_FAILED;
  const std::lock_guard lock(mutex);
  for (Kept& window : windows) {
    if (window.at == nullptr || window.is_used || window.inode != facts.st_ino ||
        window.device != facts.st_dev)
      continue;
    window.is_used = true;
    return window.at;
  }
  void* at = really_map(nullptr, kWindow, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  Kept* place = at == MAP_FAILED ? nullptr : free_place();
  if (place != nullptr) *place = {at, facts.st_ino, facts.st_dev, true};
  return at;
}

bool keep_window(const void* at) {
  const std::lock_guard lock(mutex);
  for (Kept& window : windows) {
    if (window.at != at || !window.is_used) continue;
    window.is_used = false;
    return true;
  }
  return false;
}

}  // namespace

// The linker takes these definitions for calls from the library.
extern "C" {

void* mmap(void* at, std::size_t bytes, int protection, int flags, int fd, off_t offset) noexcept {
  const bool is_window = at == nullptr && bytes == kWindow &&
                         (flags & ~MAP_NORESERVE) == MAP_SHARED &&
                         protection == (PROT_READ | PROT_WRITE) && offset == 0 && fd >= 0;
  return is_window ? take_window(fd) : really_map(at, bytes, protection, flags, fd, offset);
}

int munmap(void* at, std::size_t bytes) noexcept {
  if (bytes == kWindow && at != nullptr && keep_window(at)) return 0;
  return static_cast<int>(::syscall(SYS_munmap, at, bytes));
}
}

}  // namespace hmap::test
