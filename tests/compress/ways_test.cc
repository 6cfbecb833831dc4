// Every call that reads or writes values, in a store that compresses them.
#include <gtest/gtest.h>

#include <array>
#include <optional>

#include "child.h"
#include "hmap/batch.h"
#include "hmap/compact.h"
#include "hmap/copy.h"
#include "hmap/snapshot.h"
#include "hmap/view.h"
#include "temp_file.h"
#include "texts.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

class Ways : public ::testing::Test {
 protected:
  TempDir dir_;
  std::string path_ = dir_.file("store");
  Options options_ = compressing(quiet_options(), texts_dictionary());
  Store store_ = Store::open(path_, options_).value();
};

TEST_F(Ways, InsertReplaceErase) {
  EXPECT_TRUE(store_.insert("a", text_of(1)).value());
  EXPECT_FALSE(store_.insert("a", text_of(2)).value());
  EXPECT_VALUE(store_, "a", text_of(1));
  EXPECT_TRUE(store_.replace("a", text_of(3)).value());
  EXPECT_FALSE(store_.replace("b", text_of(3)).value());
  EXPECT_VALUE(store_, "a", text_of(3));
  EXPECT_TRUE(store_.contains("a").value());
  EXPECT_TRUE(store_.erase("a").value());
  EXPECT_ABSENT(store_, "a");
}

TEST_F(Ways, ComparisonsSeeTheValueItself) {
  ASSERT_OK(store_.put("a", text_of(1)));
  EXPECT_FALSE(store_.compare_exchange("a", text_of(2), text_of(3)).value());
  EXPECT_TRUE(store_.compare_exchange("a", text_of(1), text_of(2)).value());
  EXPECT_TRUE(store_.compare_exchange("a", text_of(2), "short").value());
  EXPECT_TRUE(store_.compare_exchange("a", "short", text_of(4)).value());
  EXPECT_FALSE(store_.compare_exchange("a", "short", std::nullopt).value());
  EXPECT_TRUE(store_.compare_exchange("a", text_of(4), std::nullopt).value());
  EXPECT_ABSENT(store_, "a");
}

// The same value may lie in two forms: one put as it is, before the store was compacted, say.
TEST_F(Ways, UpdateAndAppend) {
  std::string expected;
  for (std::uint64_t i = 0; i < 40; ++i) {
    expected += text_of(i);
    EXPECT_EQ(store_.append("log", text_of(i)).value(), expected.size());
  }
  EXPECT_VALUE(store_, "log", expected);
  const auto shorten = [](std::string_view value) { return value.substr(0, value.size() / 2); };
  EXPECT_TRUE(store_.update("log", shorten).value());
  EXPECT_VALUE(store_, "log", expected.substr(0, expected.size() / 2));
}

TEST_F(Ways, ManyAtOnce) {
  std::vector<std::string> keys;
  for (std::uint64_t i = 0; i < 100; ++i) {
    keys.push_back(key_of(i));
    if (i % 3 == 0) continue;
    ASSERT_OK(store_.put(keys.back(), i % 2 ? text_of(i) : long_text(i, 9'000)));
  }
  std::vector<std::optional<std::string>> values(keys.size());
  EXPECT_EQ(store_.multi_get(views_of(keys), values).value(), 66U);
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(values[i], value_in(store_, keys[i]));
  std::array<bool, 100> present{};
  EXPECT_EQ(store_.multi_contains(views_of(keys), present).value(), 66U);
}

TEST_F(Ways, ViewsShowTheValueItself) {
  for (const std::string& value : {text_of(1), long_text(2, 100'000), std::string("short")}) {
    ASSERT_OK(store_.put("a", value));
    View view = *store_.find("a").value();
    EXPECT_EQ(view.key(), "a");
    EXPECT_EQ(view.value(), value);
    View other = std::move(view);
    EXPECT_EQ(view.value(), "");
    ASSERT_OK(store_.put("a", "something else"));
    ASSERT_OK(store_.checkpoint());
    EXPECT_EQ(other.value(), value);
  }
}

TEST_F(Ways, SnapshotsAndCursors) {
  Contents before;
  for (std::uint64_t i = 0; i < 300; ++i) {
    before[key_of(i)] = i % 50 == 0 ? long_text(i, 400'000) : text_of(i);
    ASSERT_OK(store_.put(key_of(i), before[key_of(i)]));
  }
  const Snapshot snapshot = store_.snapshot().value();
  for (std::uint64_t i = 0; i < 300; i += 2) ASSERT_OK(store_.put(key_of(i), text_of(i + 1'000)));
  EXPECT_EQ(snapshot.get(key_of(0)).value(), before[key_of(0)]);
  EXPECT_EQ(snapshot.get(key_of(2)).value(), before[key_of(2)]);
  Contents seen;
  Cursor cursor = snapshot.cursor().value();
  for (auto entry = cursor.next().value(); entry; entry = cursor.next().value())
    seen.emplace(entry->key, entry->value);
  EXPECT_EQ(seen, before);
}

TEST_F(Ways, Batches) {
  Batch batch;
  for (std::uint64_t i = 0; i < 50; ++i) batch.put(key_of(i), text_of(i));
  batch.put("noise", value_of(1, 200));
  batch.erase(key_of(7));
  ASSERT_OK(store_.apply(batch));
  for (std::uint64_t i = 0; i < 50; ++i) {
    if (i == 7) continue;
    EXPECT_VALUE(store_, key_of(i), text_of(i));
  }
  EXPECT_ABSENT(store_, key_of(7));
  EXPECT_VALUE(store_, "noise", value_of(1, 200));
  EXPECT_FINDS_NOTHING(store_.verify());
}

TEST_F(Ways, OtherProcessesAndReadOnlyHandles) {
  ASSERT_OK(store_.put("a", text_of(1)));
  const Store reader = Store::open(path_, with_mode({}, Mode::kReadOnly)).value();
  EXPECT_VALUE(reader, "a", text_of(1));
  EXPECT_CHILD_PASSES(run_in_child([&] {
    Store other = Store::open(path_, quiet_options()).value();
    EXPECT_VALUE(other, "a", text_of(1));
    EXPECT_OK(other.put("b", text_of(2)));
  }));
  EXPECT_VALUE(store_, "b", text_of(2));
  EXPECT_VALUE(reader, "b", text_of(2));
}

// A log that a power cut left holds the values as their records would.
TEST_F(Ways, TheCommitLog) {
  const TempDir dir(TempDir::Where::kMemory);
  Options options = compressing(small_options(), texts_dictionary());
  options.durability = Durability::kCommit;
  options.log_bytes = 65'536;
  options.checkpoint_interval = std::chrono::hours(1);
  Contents model;
  {
    Store store = Store::open(dir.file("store"), options).value();
    for (std::uint64_t i = 0; i < 50; ++i) {
      model[key_of(i)] = i % 5 == 0 ? value_of(i, 50) : text_of(i);
      ASSERT_OK(store.put(key_of(i), model[key_of(i)]));
    }
    Batch batch;
    for (std::uint64_t i = 50; i < 60; ++i) {
      model[key_of(i)] = text_of(i);
      batch.put(key_of(i), text_of(i));
    }
    ASSERT_OK(store.apply(batch));
    std::filesystem::copy_file(dir.file("store"), dir.file("cut"));
    std::filesystem::copy_file(dir.file("store-wal"), dir.file("cut-wal"));
  }
  Store store = Store::open(dir.file("cut"), options).value();
  EXPECT_EQ(store.stats()->log_replayed, 51U);
  EXPECT_EQ(contents(store), model);
  EXPECT_FINDS_NOTHING(store.verify());
}

TEST_F(Ways, CopiesAndCompactionsKeepOrChangeIt) {
  Contents model;
  for (std::uint64_t i = 0; i < 2'000; ++i) {
    model[key_of(i)] = text_of(i);
    ASSERT_OK(store_.put(key_of(i), text_of(i)));
  }
  ASSERT_OK(copy(store_, dir_.file("copy")));
  ASSERT_OK(store_.close());
  const auto stats_of = [&](const std::string& path) {
    const Store store = Store::open(path, quiet_options()).value();
    EXPECT_EQ(contents(store), model);
    return store.stats(StatsDepth::kChains).value();
  };
  EXPECT_EQ(stats_of(dir_.file("copy")).compressed_values, 2'000U);
  CompactOptions plain;
  plain.store.compression = Compression::kNone;
  ASSERT_OK(compact(path_, plain));
  EXPECT_EQ(stats_of(path_).compression, Compression::kNone);
  EXPECT_EQ(stats_of(path_).dictionary_bytes, 0U);
  ASSERT_OK(compact(path_));
  EXPECT_EQ(stats_of(path_).compression, Compression::kNone);
  CompactOptions with;
  with.store = compressing({}, texts_dictionary().substr(0, 300));
  ASSERT_OK(compact(path_, with));
  EXPECT_EQ(stats_of(path_).compressed_values, 2'000U);
  EXPECT_EQ(stats_of(path_).dictionary_bytes, 300U);
  ASSERT_OK(compact(path_));
  EXPECT_EQ(stats_of(path_).dictionary_bytes, 300U);
}

}  // namespace
}  // namespace hmap::test
