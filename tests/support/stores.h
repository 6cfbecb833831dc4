// Stores for tests: options, assertions on Status and Result, contents as a map.
#ifndef HMAP_TESTS_SUPPORT_STORES_H_
#define HMAP_TESTS_SUPPORT_STORES_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "fixed_type.h"
#include "hmap/store.h"

namespace hmap {

inline void PrintTo(Code code, std::ostream* out) { *out << name(code); }

namespace test {

inline const Status& status_of(const Status& status) { return status; }
template <typename T>
Status status_of(const Result<T>& result) {
  return result.error();
}

template <typename T>
::testing::AssertionResult is_ok(const char* text, const T& seen) {
  const Status status = status_of(seen);
  if (status.ok()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << text << ": " << status;
}
template <typename T>
::testing::AssertionResult has_code(const char*, const char* text, Code code, const T& seen) {
  const Status status = status_of(seen);
  if (status.code() == code) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << text << ": expected " << name(code) << ", got "
                                       << (status.ok() ? "success" : status.message());
}

// A store of about 96 KiB that grows, overflows and copies blocks after a few entries: one shard,
// exactly Go's map.
inline Options small_options() {
  Options options;
  options.geometry.block_bytes = 512;
  options.geometry.extent_bytes = 4096;
  options.geometry.slots = 8;
  options.geometry.intent_words = 64;
  options.shard_bits = 0;
  options.size_limit = std::uint64_t{256} << 20;  // a store that grows for ever fails its test
  return options;
}

// The same without automatic checkpoints: nothing happens in the background.
inline Options quiet_options() {
  Options options = small_options();
  options.durability = Durability::kNone;
  return options;
}

inline Options with_mode(Options options, Mode mode) {
  options.mode = mode;
  return options;
}

using Contents = std::map<std::string, std::string>;

// All entries by iteration; fails the test on an error or a key that comes twice.
inline Contents contents(const Store& store) {
  Contents found;
  Result<Cursor> cursor = store.cursor();
  EXPECT_TRUE(cursor.has_value()) << cursor.error();
  if (!cursor) return found;
  while (true) {
    Result<std::optional<Entry>> entry = cursor->next();
    EXPECT_TRUE(entry.has_value()) << entry.error();
    if (!entry || !entry->has_value()) return found;
    const bool fresh = found.emplace((*entry)->key, (*entry)->value).second;
    EXPECT_TRUE(fresh) << "key handed out twice: " << (*entry)->key;
  }
}

// What get() answers; fails the test on an error.
inline std::optional<std::string> value_in(const Store& store, std::string_view key) {
  Result<std::optional<std::string>> value = store.get(key);
  EXPECT_TRUE(value.has_value()) << value.error();
  return value ? *std::move(value) : std::nullopt;
}

// Makes later opens in this process (and its children) believe in another boot.
inline void fake_reboot(unsigned number) {
  char id[33];
  std::snprintf(id, sizeof id, "%032x", number + 1);
  setenv("HMAP_BOOT_ID", id, 1);
}
inline void real_boot() { unsetenv("HMAP_BOOT_ID"); }

}  // namespace test
}  // namespace hmap

// For anything that is a Status or a Result.
#define EXPECT_OK(expression) EXPECT_PRED_FORMAT1(::hmap::test::is_ok, expression)
#define ASSERT_OK(expression) ASSERT_PRED_FORMAT1(::hmap::test::is_ok, expression)
#define EXPECT_CODE(code, expression) EXPECT_PRED_FORMAT2(::hmap::test::has_code, code, expression)
#define ASSERT_CODE(code, expression) ASSERT_PRED_FORMAT2(::hmap::test::has_code, code, expression)

// The value of a key: EXPECT_VALUE(store, "key", "value"), EXPECT_ABSENT(store, "key").
#define EXPECT_VALUE(store, key, expected) \
  EXPECT_EQ(std::optional<std::string>(expected), ::hmap::test::value_in((store), (key)))
#define EXPECT_ABSENT(store, key) EXPECT_EQ(std::nullopt, ::hmap::test::value_in((store), (key)))

#endif  // HMAP_TESTS_SUPPORT_STORES_H_
