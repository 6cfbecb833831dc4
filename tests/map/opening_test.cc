// A store of one type is not opened as another; programs that handle bytes say so, and are kept to
// the lengths of the type; what is made of a typed store has its type.
#include <gtest/gtest.h>

#include "hmap/batch.h"
#include "hmap/compact.h"
#include "hmap/copy.h"
#include "hmap/map.h"
#include "hmap/recover.h"
#include "hmap/snapshot.h"
#include "spares.h"
#include "stores.h"
#include "temp_file.h"
#include "typed_stores.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

using Numbers = Map<std::uint64_t, std::uint64_t>;
using Flipped = Map<std::int64_t, std::uint64_t>;

Options any_type(Mode mode) {
  Options options = quiet_options();
  options.mode = mode;
  options.any_type = true;
  return options;
}

class Opening : public ::testing::Test {
 protected:
  // Keys of 8 bytes, values of 24.
  void make_typed() {
    Options options = quiet_options();
    options.type = eight_to_24();
    Store store = Store::open(path_, options).value();
    ASSERT_OK(store.put("8 bytes.", kValue));
    ASSERT_OK(store.close());
  }
  template <typename T>
  void expect_mismatch(const Result<T>& opened, const std::string& words) {
    EXPECT_CODE(Code::kTypeMismatch, opened);
    EXPECT_EQ(opened.error().message(), "TypeMismatch: " + words);
  }

  static constexpr const char* kValue = "this is 24 bytes of text";
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("typed");
};

TEST_F(Opening, ATypedStoreAsBytesNamesBoth) {
  make_typed();
  for (const Mode mode : {Mode::kOpenOrCreate, Mode::kOpen, Mode::kReadOnly, Mode::kExclusive}) {
    expect_mismatch(Store::open(path_, with_mode(quiet_options(), mode)),
                    "the store holds u64 -> Session (key 8 bytes, align 8; value 24 bytes, align "
                    "8; fingerprint 0123456789abcdef), opened as bytes -> bytes");
  }
}

TEST_F(Opening, BytesAsAMapNamesBoth) {
  { ASSERT_OK(Store::open(path_, quiet_options())); }
  expect_mismatch(Numbers::open(path_, quiet_options()),
                  "the store holds bytes -> bytes, opened as " + to_string(Numbers::type()));
}

TEST_F(Opening, AMapAsAnotherNamesBothAndChangesNothing) {
  { ASSERT_OK(Numbers::open(path_, quiet_options())); }
  const std::string before = read_file(path_);
  expect_mismatch(Flipped::open(path_, quiet_options()),
                  "the store holds u64 -> u64 (key 8 bytes, align 8; value 8 bytes, align 8; "
                  "fingerprint 6d211c27071eec4c), opened as i64 -> u64 (key 8 bytes, align 8; "
                  "value 8 bytes, align 8; fingerprint 40f9755b09223a90)");
  EXPECT_CODE(Code::kTypeMismatch, (Map<std::uint64_t, std::uint32_t>::open(path_)));
  EXPECT_CODE(Code::kTypeMismatch, (Map<bytes, std::uint64_t>::open(path_)));
  EXPECT_CODE(Code::kTypeMismatch, (Map<std::uint64_t, bytes>::open(path_)));
  EXPECT_TRUE(read_file(path_) == before);
  EXPECT_OK(Numbers::open(path_, quiet_options()));
}

TEST_F(Opening, AnyTypeSeesBytes) {
  make_typed();
  for (const Mode mode : {Mode::kOpen, Mode::kReadOnly}) {
    const Store store = Store::open(path_, any_type(mode)).value();
    EXPECT_VALUE(store, "8 bytes.", kValue);
    EXPECT_ABSENT(store, "absent..");
    EXPECT_EQ(contents(store).size(), 1u);
    EXPECT_TRUE(same_type(store.stats().value().type, eight_to_24()));
    EXPECT_EQ(store.stats().value().type.name, "u64 -> Session");
  }
}

TEST_F(Opening, MapsIgnoreWhatTheOptionsSayOfTypes) {
  make_typed();
  EXPECT_CODE(Code::kTypeMismatch, Numbers::open(path_, any_type(Mode::kOpen)));
  Options options = quiet_options();
  options.type = eight_to_24();
  EXPECT_CODE(Code::kTypeMismatch, Numbers::open(path_, options));
}

TEST_F(Opening, OtherLengthsAreRefusedEverywhere) {
  make_typed();
  Store store = Store::open(path_, any_type(Mode::kOpen)).value();
  const Snapshot snapshot = store.snapshot().value();
  std::string out;
  const std::string_view wrong_keys[] = {"8 bytes.", "seven b"};
  std::optional<std::string> values[2];
  bool present[2];
  Batch long_key;
  long_key.put("nine byte", kValue);
  Batch erased;
  erased.erase("nine byte");
  Batch short_value;
  short_value.put("8 bytes.", "short");
  const auto refused = [](const char* words, const auto& result) {
    EXPECT_CODE(Code::kInvalidArgument, result);
    EXPECT_STREQ(status_of(result).what(), words);
  };
  const char* key = "every key of this store has exactly 8 bytes";
  refused(key, store.get("seven b"));
  refused(key, store.get_into("", out));
  refused(key, store.contains("nine byte"));
  refused(key, store.find("nine byte"));
  refused(key, store.multi_get(wrong_keys, values));
  refused(key, store.multi_contains(wrong_keys, present));
  refused(key, store.put("seven b", kValue));
  refused(key, store.insert("seven b", kValue));
  refused(key, store.erase("seven b"));
  refused(key, store.compare_exchange("seven b", kValue, std::nullopt));
  refused(key, store.apply(long_key));
  refused(key, store.apply(erased));
  refused(key, snapshot.get("seven b"));
  refused(key, snapshot.contains("seven b"));
  refused(key, snapshot.multi_get(wrong_keys, values));
  refused(key, snapshot.multi_contains(wrong_keys, present));
  const char* value = "every value of this store has exactly 24 bytes";
  refused(value, store.put("8 bytes.", "short"));
  refused(value, store.replace("8 bytes.", std::string(25, 'x')));
  refused(value, store.compare_exchange("8 bytes.", "short", kValue));
  refused(value, store.compare_exchange("8 bytes.", kValue, "short"));
  refused(value, store.compare_exchange("8 bytes.", "short", std::nullopt));
  refused(value, store.append("8 bytes.", "more"));
  refused(value, store.apply(short_value));
  refused(value, store.update("8 bytes.", [](std::string_view) { return "short"; }));
  EXPECT_CODE(Code::kInvalidArgument, store.fetch_add("8 bytes.", 1));
  EXPECT_EQ(contents(store), (Contents{{"8 bytes.", kValue}}));
  EXPECT_FINDS_NOTHING(store.verify());
}

TEST_F(Opening, CopiesCompactedAndRecoveredStoresKeepTheType) {
  {
    Numbers map = Numbers::open(path_, quiet_options()).value();
    for (std::uint64_t i = 0; i < 300; ++i) ASSERT_OK(map.put(i, i * i));
    ASSERT_OK(copy(map.store(), dir_.file("copy")));
    ASSERT_OK(map.close());
  }
  ASSERT_OK(recover(path_, dir_.file("recovered")));
  ASSERT_OK(compact(path_));
  for (const char* name : {"copy", "recovered", "typed"}) {
    const Result<Numbers> map = Numbers::open(dir_.file(name), quiet_options());
    ASSERT_OK(map);
    EXPECT_EQ(map->size().value(), 300u);
    for (std::uint64_t i = 0; i < 300; ++i) ASSERT_EQ(map->get(i).value(), i * i) << name;
  }
}

TEST_F(Opening, RecoverTakesTheTypeThatIsGiven) {
  {
    Numbers map = Numbers::open(path_, quiet_options()).value();
    for (std::uint64_t i = 0; i < 300; ++i) ASSERT_OK(map.put(i, i * i));
    ASSERT_OK(map.close());
  }
  std::string damaged = without_spares(read_file(path_));
  std::fill(damaged.begin() + 72, damaged.begin() + 512, 'x');  // all but the seed
  write_file(dir_.file("damaged"), damaged);
  RecoverOptions options;
  options.store.type = Numbers::type();
  options.damaged_geometry = quiet_options().geometry;
  options.damaged_geometry.intent_words = 224;
  options.damaged_shard_bits = 0;
  const Result<RecoverReport> report =
      recover(dir_.file("damaged"), dir_.file("recovered"), options);
  ASSERT_OK(report);
  EXPECT_TRUE(report->complete());
  const Result<Numbers> map = Numbers::open(dir_.file("recovered"), quiet_options());
  ASSERT_OK(map);
  EXPECT_EQ(map->size().value(), 300u);
  // Only the type tells that the entries lie in the buckets, and where.
  options.store.type = {};
  const Result<RecoverReport> blind = recover(dir_.file("damaged"), dir_.file("bytes"), options);
  ASSERT_OK(blind);
  EXPECT_FALSE(blind->complete());
  EXPECT_EQ(Store::open(dir_.file("bytes"), quiet_options()).value().size().value(), 0u);
}

}  // namespace
}  // namespace hmap::test
