// Where the library has mapped a file: from an address that it announced to an offset in the file.
#ifndef HMAP_TESTS_SUPPORT_WINDOW_H_
#define HMAP_TESTS_SUPPORT_WINDOW_H_

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <string>

namespace hmap::test {

// Where the file's byte 0 is mapped in the region that holds the address.
inline std::uintptr_t window_around(std::uintptr_t address) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::uintptr_t begin = 0;
    std::uintptr_t end = 0;
    std::uintptr_t offset = 0;
    if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " %*s %" SCNxPTR, &begin, &end,
                    &offset) != 3) {
      continue;
    }
    if (address >= begin && address < end) return begin - offset;
  }
  throw std::runtime_error("a store outside every mapping was announced");
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_SUPPORT_WINDOW_H_
