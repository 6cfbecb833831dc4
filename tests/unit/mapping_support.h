// What the tests of the mapping share.
#ifndef HMAP_TESTS_UNIT_MAPPING_SUPPORT_H_
#define HMAP_TESTS_UNIT_MAPPING_SUPPORT_H_

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>

#include "system/mapping.h"

namespace hmap::unit {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;

inline std::unique_ptr<Mapping> map_or_die(int fd, Access access = Access::kReadWrite,
                                           std::uint64_t window = 64 * kMiB) {
  auto mapping = Mapping::map(fd, access, window);
  if (!mapping) {
    ADD_FAILURE() << mapping.error();
    std::abort();
  }
  return *std::move(mapping);
}

inline char byte_at(const Mapping& mapping, std::uint64_t offset) {
  return static_cast<char>(*mapping.bytes(offset, 1));
}

// Sets RLIMIT_FSIZE; SIGXFSZ stays as it is, which is deadly.
inline bool limit_file_size(std::uint64_t bytes) {
  const rlimit limit{bytes, RLIM_INFINITY};
  std::signal(SIGXFSZ, SIG_DFL);
  return ::setrlimit(RLIMIT_FSIZE, &limit) == 0;
}

}  // namespace hmap::unit

#endif  // HMAP_TESTS_UNIT_MAPPING_SUPPORT_H_
