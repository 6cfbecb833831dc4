// Whether this process still has what was replaced.
#ifndef HMAP_TESTS_SUPPORT_OLD_FILES_H_
#define HMAP_TESTS_SUPPORT_OLD_FILES_H_

#include <fstream>
#include <string>

namespace hmap::test {

// Whether a file is mapped that bore the name and has none any more.
inline bool maps_old_ones(const std::string& path) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.ends_with(path + " (deleted)")) return true;
  }
  return false;
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_SUPPORT_OLD_FILES_H_
