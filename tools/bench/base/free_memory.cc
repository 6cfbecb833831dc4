#include "base/free_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "base/child.h"

namespace hmap::bench {
namespace {

std::uint64_t page_bytes() { return static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace

std::uint64_t free_memory() {
  return static_cast<std::uint64_t>(sysconf(_SC_AVPHYS_PAGES)) * page_bytes();
}

void touch_free_memory(std::uint64_t bytes) {
  const std::uint64_t length = std::min(bytes, free_memory() / 2);
  static_cast<void>(run_in_child([&] {
    void* memory =
        mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return Json();  // no limit to measuring, only to its fairness
    madvise(memory, length, MADV_HUGEPAGE);
    for (std::uint64_t at = 0; at < length; at += page_bytes())
      static_cast<volatile char*>(memory)[at] = 1;
    return Json();
  }));
}

}  // namespace hmap::bench
