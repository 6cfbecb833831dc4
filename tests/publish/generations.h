// Stores of which every entry says which one it is.
#ifndef HMAP_TESTS_PUBLISH_GENERATIONS_H_
#define HMAP_TESTS_PUBLISH_GENERATIONS_H_

#include <sys/stat.h>

#include <string>

#include "hmap/publish.h"
#include "stores.h"
#include "temp_file.h"
#include "verify_support.h"

namespace hmap::test {

inline std::string key_of(int i) { return "key " + std::to_string(i); }

inline Contents generation(int number, int entries) {
  Contents model;
  for (int i = 0; i < entries; ++i)
    model[key_of(i)] = std::to_string(number) + std::string(static_cast<std::size_t>(i % 50), '.');
  return model;
}

// A closed store.
inline Contents build(const std::string& path, int number, int entries,
                      const Options& options = quiet_options()) {
  Contents model = generation(number, entries);
  Result<Store> store = Store::open(path, options);
  EXPECT_OK(store);
  for (const auto& [key, value] : model) EXPECT_OK(store->put(key, value));
  EXPECT_OK(store->close());
  return model;
}

inline ino_t inode(const std::string& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0) << path;
  return info.st_ino;
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_PUBLISH_GENERATIONS_H_
