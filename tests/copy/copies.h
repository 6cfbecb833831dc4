// A store with something in it, and whether another one is the same.
#ifndef HMAP_TESTS_COPY_COPIES_H_
#define HMAP_TESTS_COPY_COPIES_H_

#include <filesystem>
#include <iterator>
#include <string>

#include "seeds.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"
#include "verify_support.h"

namespace hmap::test {

inline std::size_t files_in(const TempDir& dir) {
  const std::filesystem::directory_iterator files(dir.path());
  return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

// A store of random entries, small and large, some of them replaced and erased.
inline Contents fill(Store& store, int entries, std::uint64_t seed) {
  Random random(seed);
  const auto keys = static_cast<std::uint64_t>(entries);
  Contents model;
  for (int i = 0; i < entries; ++i) {
    const std::string key = i == 0 ? "" : "key " + std::to_string(random.below(2 * keys));
    const std::string value =
        value_of(random.next(), random.below(100) < 97 ? random.below(150) : random.below(30'000));
    EXPECT_OK(store.put(key, value));
    model[key] = value;
  }
  for (int i = 0; i < entries / 3; ++i) {
    const std::string key = "key " + std::to_string(random.below(2 * keys));
    EXPECT_EQ(model.erase(key) != 0, store.erase(key).value());
  }
  return model;
}

inline void expect_store(const std::string& path, const Contents& model) {
  EXPECT_FINDS_NOTHING(Store::verify_file(path));
  Result<Store> store = Store::open(path, quiet_options());
  ASSERT_OK(store);
  EXPECT_EQ(contents(*store), model);
  EXPECT_EQ(store->size().value(), model.size());
  EXPECT_FINDS_NOTHING(store->verify());
  // It can be written like any other.
  ASSERT_OK(store->put("after", "wards"));
  EXPECT_VALUE(*store, "after", "wards");
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_COPY_COPIES_H_
