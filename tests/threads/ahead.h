// A store large enough for a thread to have memory ready before it is needed.
#ifndef HMAP_TESTS_THREADS_AHEAD_H_
#define HMAP_TESTS_THREADS_AHEAD_H_

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "child.h"
#include "store/store_access.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"
#include "verify_support.h"

namespace hmap::test {

inline constexpr std::size_t kLong = 16'000;
// Enough for zones to be kept ahead: more than 64 MiB.
inline constexpr std::uint64_t kMany = 5'000;

class AheadOfNeed : public ::testing::Test {
 protected:
  static Options options() {
    Options options;
    options.durability = Durability::kNone;
    options.shard_bits = 0;
    return options;
  }
  static Status put_some(Store& store, std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i) {
      if (Status s = store.put(key_of(i), value_of(i, kLong)); !s.ok()) return s;
    }
    return {};
  }
  static void expect_some(const Store& store, std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; i += 97)
      EXPECT_VALUE(store, key_of(i), value_of(i, kLong));
  }
  // Asks until the answer is yes; a watchdog ends it.
  void wait_until(const std::function<bool(const Engine& engine)>& fn) const {
    while (!StoreAccess::read(*store_, [&](const Session& s) -> Result<bool> {
              return fn(s.engine);
            }).value())
      std::this_thread::sleep_for(Milliseconds(1));
  }
  // Whether all pages of a part of the file are in memory. Nobody has touched them for this.
  static bool is_in_memory(const Engine& engine, u64 offset, u64 bytes) {
    std::byte* begin = engine.map->bytes(offset, bytes);
    if (begin == nullptr) return false;
    std::vector<unsigned char> pages((bytes + format::kPageBytes - 1) / format::kPageBytes);
    if (::mincore(begin, bytes, pages.data()) != 0) return false;
    return std::all_of(pages.begin(), pages.end(), [](unsigned char page) { return page & 1; });
  }
  std::uint64_t blocks_bytes() const {
    struct stat facts {};
    ::stat(path_.c_str(), &facts);
    return static_cast<std::uint64_t>(facts.st_blocks) * 512;
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  std::optional<Store> store_;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_THREADS_AHEAD_H_
