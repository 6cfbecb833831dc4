// Stores made before short records had CRC-32C: read and written as they always were.
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <map>
#include <string>

#include "format/superblock_format.h"
#include "hmap/compact.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

using Entries = std::map<std::string, std::string>;

Entries entries_of(const Store& store) {
  Entries entries;
  for (const auto& [key, value] : store) entries.emplace(key, value);
  return entries;
}

format::u64 features_of(const std::string& path) {
  format::Superblock superblock;
  const std::string bytes = read_file(path);
  std::memcpy(&superblock, bytes.data(), sizeof superblock);
  return superblock.features_refuse;
}

// Short and long records, erased, replaced, and moved by growths; the map says what is there then.
void change(Store& store, Entries& entries) {
  const auto put = [&](const std::string& key, const std::string& value) {
    EXPECT_OK(store.put(key, value));
    entries[key] = value;
  };
  for (std::uint64_t i = 0; i < 400; ++i) put("new " + std::to_string(i), value_of(i, i));
  for (int i = 0; i < 400; i += 3) {
    EXPECT_OK(store.erase("new " + std::to_string(i)));
    entries.erase("new " + std::to_string(i));
  }
  for (int i = 1; i < 400; i += 3) put("new " + std::to_string(i), "replaced");
}

void expect_has(const std::string& path, const Entries& entries) {
  EXPECT_FINDS_NOTHING(Store::verify_file(path));
  Result<Store> store = Store::open(path);
  ASSERT_OK(store);
  EXPECT_EQ(entries, entries_of(*store));
  for (const auto& [key, value] : entries) EXPECT_VALUE(*store, key, value);
  EXPECT_FINDS_NOTHING(store->verify());
}

TEST(Older, StoresAreWrittenAndReadOn) {
  for (const char* name :
       {"one_older_entry", "overflow_chain", "half_evacuated", "large_record", "shards"}) {
    SCOPED_TRACE(name);
    const TempDir dir(TempDir::Where::kMemory);
    const std::string path = dir.file("older");
    std::filesystem::copy_file(std::string(HMAP_GOLDEN "/") + name + ".hmap", path);
    ASSERT_EQ(0U, features_of(path));
    Store store = Store::open(path).value();
    Entries entries = entries_of(store);
    EXPECT_FALSE(entries.empty());
    change(store, entries);
    EXPECT_OK(store.close());
    EXPECT_EQ(0U, features_of(path)) << "the bytes of a superblock never change";
    expect_has(path, entries);

    EXPECT_OK(compact(path));
    EXPECT_EQ(format::kFeatureCrc, features_of(path)) << "the compacted one is a new store";
    expect_has(path, entries);
  }
}

}  // namespace
}  // namespace hmap::test
