// Arguments that break a documented rule, limits, handles that are closed.
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "child.h"
#include "stores.h"
#include "temp_file.h"

namespace hmap::test {
namespace {

struct BadOption {
  const char* what;
  std::function<void(Options&)> set;
};

const std::vector<BadOption>& bad_options() {
  static const std::vector<BadOption> kAll = {
      {"shard_bits 9", [](Options& o) { o.shard_bits = 9; }},
      {"shard_bits -2", [](Options& o) { o.shard_bits = -2; }},
      {"block 256", [](Options& o) { o.geometry.block_bytes = 256; }},
      {"block 1000", [](Options& o) { o.geometry.block_bytes = 1000; }},
      {"block 131072", [](Options& o) { o.geometry.block_bytes = 131'072; }},
      {"extent of 2 blocks", [](Options& o) { o.geometry.extent_bytes = 1024; }},
      {"extent no power of two", [](Options& o) { o.geometry.extent_bytes = 5000; }},
      {"256 slots", [](Options& o) { o.geometry.slots = 256; }},
      {"63 intent words", [](Options& o) { o.geometry.intent_words = 63; }},
      {"257 intent words", [](Options& o) { o.geometry.intent_words = 257; }},
      {"window no power of two", [](Options& o) { o.window_bytes = (1ULL << 30) + 4096; }},
      {"mode", [](Options& o) { o.mode = static_cast<Mode>(77); }},
      {"durability", [](Options& o) { o.durability = static_cast<Durability>(77); }},
      {"expected entries", [](Options& o) { o.expected_entries = ~0ULL; }},
      {"expected entries in one shard",
       [](Options& o) {
         o.expected_entries = 100'000'000'000;
         o.shard_bits = 0;
       }},
      {"checkpoint interval", [](Options& o) { o.checkpoint_interval = Milliseconds(-1); }},
  };
  return kAll;
}

TEST(Arguments, EachBadOptionIsInvalidAndCreatesNothing) {
  TempDir dir;
  for (const BadOption& bad : bad_options()) {
    Options options = quiet_options();
    bad.set(options);
    EXPECT_CODE(Code::kInvalidArgument, Store::open(dir.file("store"), options)) << bad.what;
    EXPECT_FALSE(std::filesystem::exists(dir.file("store"))) << bad.what;
  }
}

TEST(Arguments, AWindowTooSmallIsNotBlamedOnTheEntries) {
  TempDir dir;
  Options options = quiet_options();
  options.window_bytes = 4 << 10;
  const Result<Store> store = Store::open(dir.file("store"), options);
  ASSERT_CODE(Code::kInvalidArgument, store);
  EXPECT_EQ(store.error().what(), std::string("window_bytes: too small for an empty store"));
  EXPECT_FALSE(std::filesystem::exists(dir.file("store")));
}

TEST(Arguments, ABadGeometryIsToldWithItsFieldAndRange) {
  struct Case {
    Geometry geometry;
    const char* words;
  };
  const std::vector<Case> cases = {
      {{256, 0, 0, 0}, "block_bytes: a power of two from 512 to 65,536"},
      {{0, 5'000, 0, 0}, "extent_bytes: a power of two from 2,048 to 16,777,216"},
      {{0, 8'192, 0, 0}, "extent_bytes: at least 4 times block_bytes"},
      {{512, 0, 0, 0}, "extent_bytes: at most block_bytes * block_bytes / 32"},
      {{0, 0, 256, 0}, "slots: 1 to 255"},
      {{0, 0, 0, 257}, "intent_words: 64 to 256"},
  };
  TempDir dir;
  for (const Case& bad : cases) {
    Options options;
    options.geometry = bad.geometry;
    const Status status = Store::open(dir.file("store"), options).error();
    EXPECT_STREQ((std::string("geometry: ") + bad.words).c_str(), status.what());
  }
}

TEST(Arguments, TheEdgesOfTheGeometryAreGood) {
  TempDir dir(TempDir::Where::kMemory);
  int number = 0;
  for (const std::uint32_t block : {512U, 4'096U, 65'536U}) {
    for (const std::uint32_t blocks_of_extent : {4U, 16U}) {
      for (const std::uint32_t slots : {1U, 255U}) {
        Options options;
        options.geometry = {block, block * blocks_of_extent, slots, slots == 1 ? 64U : 256U};
        options.shard_bits = number % 2 == 0 ? 0 : 8;
        const std::string path = dir.file(std::to_string(number++));
        Result<Store> store = Store::open(path, options);
        ASSERT_OK(store) << block << " x " << blocks_of_extent << ", " << slots << " slots";
        for (int i = 0; i < 300; ++i) ASSERT_OK(store->put("key " + std::to_string(i), "value"));
        ASSERT_OK(store->close());
        store = Store::open(path);
        ASSERT_OK(store);
        const Stats stats = store->stats().value();
        EXPECT_EQ(300U, stats.entries);
        EXPECT_EQ(block, stats.block_bytes);
        EXPECT_EQ(block * blocks_of_extent, stats.extent_bytes);
        EXPECT_EQ(slots, stats.slots);
      }
    }
  }
}

TEST(Arguments, AKeyThatIsTooLongIsTooLargeToPutAndInvalidElsewhere) {
  TempDir dir;
  Store store = Store::open(dir.file("store"), quiet_options()).value();
  const std::string key(kKeyBytesMax + 1, 'k');
  std::string buffer;

  EXPECT_CODE(Code::kTooLarge, store.put(key, "value"));
  EXPECT_CODE(Code::kTooLarge, store.insert(key, "value"));
  EXPECT_CODE(Code::kTooLarge, store.replace(key, "value"));
  EXPECT_CODE(Code::kTooLarge, store.compare_exchange(key, std::nullopt, "value"));
  EXPECT_CODE(Code::kTooLarge, store.compare_exchange(key, "value", "value"));
  EXPECT_CODE(Code::kInvalidArgument, store.compare_exchange(key, "value", std::nullopt));
  EXPECT_CODE(Code::kInvalidArgument, store.compare_exchange(key, std::nullopt, std::nullopt));
  const auto same = [](const auto&) { return "value"; };
  EXPECT_CODE(Code::kInvalidArgument, store.update(key, same));
  EXPECT_CODE(Code::kInvalidArgument, store.upsert(key, same));
  EXPECT_CODE(Code::kInvalidArgument, store.append(key, "value"));
  EXPECT_CODE(Code::kInvalidArgument, store.fetch_add(key, 1));
  EXPECT_CODE(Code::kInvalidArgument, store.erase(key));
  EXPECT_CODE(Code::kInvalidArgument, store.get(key));
  EXPECT_CODE(Code::kInvalidArgument, store.get_into(key, buffer));
  EXPECT_CODE(Code::kInvalidArgument, store.contains(key));
  EXPECT_EQ(0U, store.size().value());
}

TEST(Arguments, AValueThatIsTooLongIsRefusedWithoutLookingAtIt) {
  TempDir dir;
  Store store = Store::open(dir.file("store"), quiet_options()).value();
  ASSERT_OK(store.put("key", "value"));
  const std::size_t bytes = kValueBytesMax + 1;
  void* nothing =
      mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (nothing == MAP_FAILED) GTEST_SKIP() << "no address space for 4 GiB";
  const std::string_view value(static_cast<const char*>(nothing), bytes);

  EXPECT_CODE(Code::kTooLarge, store.put("key", value));
  EXPECT_CODE(Code::kTooLarge, store.insert("other", value));
  EXPECT_CODE(Code::kTooLarge, store.replace("key", value));

  EXPECT_VALUE(store, "key", "value");
  EXPECT_EQ(1U, store.size().value());
  munmap(nothing, bytes);
}

void expect_closed(Store& store) {
  std::string buffer;
  EXPECT_CODE(Code::kClosed, store.get("key"));
  EXPECT_CODE(Code::kClosed, store.get_into("key", buffer));
  EXPECT_CODE(Code::kClosed, store.contains("key"));
  EXPECT_CODE(Code::kClosed, store.put("key", "value"));
  EXPECT_CODE(Code::kClosed, store.insert("key", "value"));
  EXPECT_CODE(Code::kClosed, store.replace("key", "value"));
  EXPECT_CODE(Code::kClosed, store.erase("key"));
  EXPECT_CODE(Code::kClosed, store.clear());
  EXPECT_CODE(Code::kClosed, store.size());
  EXPECT_CODE(Code::kClosed, store.cursor());
  EXPECT_CODE(Code::kClosed, store.cursor(Position{}));
  EXPECT_CODE(Code::kClosed, store.checkpoint());
  EXPECT_CODE(Code::kClosed, store.sync());
  EXPECT_CODE(Code::kClosed, store.stats());
  EXPECT_CODE(Code::kClosed, store.close());
  EXPECT_FALSE(store.writable());
}

TEST(Closed, AHandleAnswersClosedAfterClose) {
  TempDir dir;
  Store store = Store::open(dir.file("store"), quiet_options()).value();
  ASSERT_OK(store.put("key", "value"));
  Cursor cursor = store.cursor().value();

  ASSERT_OK(store.close());

  expect_closed(store);
  EXPECT_CODE(Code::kClosed, cursor.next());
}

TEST(Closed, AHandleAnswersClosedAfterItWasMovedFrom) {
  TempDir dir;
  Store store = Store::open(dir.file("store"), quiet_options()).value();
  ASSERT_OK(store.put("key", "value"));

  Store other = std::move(store);

  expect_closed(store);  // NOLINT(bugprone-use-after-move): the subject of this test
  EXPECT_VALUE(other, "key", "value");
  store = std::move(other);
  EXPECT_VALUE(store, "key", "value");
  expect_closed(other);  // NOLINT(bugprone-use-after-move)
}

TEST(Closed, AHandleThatIsAssignedToIsClosedThoughACursorLives) {
  TempDir dir;
  Store store = Store::open(dir.file("store"), quiet_options()).value();
  ASSERT_OK(store.put("key", "value"));
  Cursor cursor = store.cursor().value();

  store = Store::open(dir.file("other"), quiet_options()).value();

  EXPECT_CODE(Code::kClosed, cursor.next());
  EXPECT_OK(Store::open(dir.file("store"), with_mode(quiet_options(), Mode::kExclusive)));
  EXPECT_OK(store.put("key", "value"));
}

TEST(Closed, ValueOfAnErrorThrowsItsStatus) {
  TempDir dir;
  try {
    static_cast<void>(Store::open(dir.file("none"), with_mode({}, Mode::kOpen)).value());
    FAIL() << "nothing was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(Code::kNotFound, error.status().code());
    EXPECT_NE(std::string_view::npos, std::string_view(error.what()).find("NotFound"));
  }
}

TEST(TwoHandles, OfOneFileInOneProcessAreTwoUsersOfOneStore) {
  TempDir dir;
  std::optional<Store> first = Store::open(dir.file("store"), small_options()).value();
  std::optional<Store> second = Store::open(dir.file("store"), small_options()).value();

  ASSERT_OK(first->put("one", "first"));
  ASSERT_OK(second->put("two", "second"));

  EXPECT_VALUE(*second, "one", "first");
  EXPECT_VALUE(*first, "two", "second");
  first.reset();
  EXPECT_OK(second->put("three", "second"));
  EXPECT_CODE(Code::kLockedExclusively,
              Store::open(dir.file("store"), with_mode({}, Mode::kExclusive)))
      << "closing the first handle must not drop the locks of the second";
  second.reset();
  EXPECT_EQ(3U, Store::open(dir.file("store"), with_mode({}, Mode::kExclusive))->size().value());
}

TEST(Codes, HaveDistinctNames) {
  std::set<std::string_view> names;
  for (int code = 0; code <= 24; ++code) names.insert(name(static_cast<Code>(code)));
  EXPECT_EQ(25U, names.size());
  EXPECT_EQ("NoSpace", name(Code::kNoSpace));
  EXPECT_FALSE(name(static_cast<Code>(200)).empty());
}

}  // namespace
}  // namespace hmap::test
