// What only some types have: floating-point keys, padding, integers, bytes; and what does not
// compile.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "stores.h"
#include "temp_file.h"
#include "types_of_maps.h"

namespace hmap::test {

struct Tagged {
  std::uint64_t id;
};
struct Retagged {
  std::uint64_t id;
};

}  // namespace hmap::test

template <>
struct hmap::TypeName<hmap::test::Tagged> {
  static constexpr std::string_view value = "Tagged/1";
};
template <>
struct hmap::TypeName<hmap::test::Retagged> {
  static constexpr std::string_view value = "Tagged/2";
};

namespace hmap::test {
namespace {

using u64 = std::uint64_t;
enum class Color : std::uint8_t { kRed, kGreen };
struct WithFloat {
  float f;
};
struct WithPadding {
  char c;
  int i;
};
struct NotTrivial {
  std::string s;
};
struct Huge {
  char c[kMapValueBytesMax + 1];
};

// What may be a key.
static_assert(MapKey<u64> && MapKey<char> && MapKey<bool> && MapKey<Color> && MapKey<Place>);
static_assert(MapKey<float> && MapKey<double> && MapKey<bytes> && MapKey<LongKey>);
static_assert(MapKey<std::array<char, 65'535>> && !MapKey<std::array<char, 65'536>>);
static_assert(!MapKey<WithFloat> && !MapKey<WithPadding> && !MapKey<NotTrivial>);
static_assert(!MapKey<std::array<double, 2>> && !MapKey<long double> && !MapKey<std::monostate>);
static_assert(!MapKey<int*> && !MapKey<int&> && !MapKey<const int> && !MapKey<int[3]>);
static_assert(!MapKey<void> && !MapKey<void (*)()> && !MapKey<int Place::*>);
static_assert(!MapKey<std::nullptr_t> && !MapKey<std::string> && !MapKey<std::string_view>);
// What may be a value.
static_assert(MapValue<u64> && MapValue<WithFloat> && MapValue<WithPadding> && MapValue<Padded>);
static_assert(MapValue<bytes> && MapValue<std::monostate> && MapValue<LongValue>);
static_assert(!MapValue<int*> && !MapValue<int&> && !MapValue<NotTrivial> && !MapValue<Huge>);
static_assert(!MapValue<long double> && !MapValue<void> && !MapValue<const u64>);
// Calls that only some have.
template <typename M>
concept HasFind = requires(const M& map) {
  map.find(1);
};
template <typename M>
concept HasAppend = requires(M& map) {
  map.append(1, "x");
};
template <typename M>
concept HasFetchAdd = requires(M& map) {
  map.fetch_add(1, 1);
};
template <typename M>
concept HasCompare = requires(M& map) {
  map.compare_exchange(1, std::nullopt, std::nullopt);
};
static_assert(HasFind<Map<u64, bytes>> && !HasFind<Map<u64, u64>>);
static_assert(HasAppend<Map<u64, bytes>> && !HasAppend<Map<u64, u64>>);
static_assert(HasFetchAdd<Map<u64, std::int8_t>> && !HasFetchAdd<Map<u64, bytes>>);
static_assert(!HasFetchAdd<Map<u64, bool>> && !HasFetchAdd<Map<u64, double>>);
static_assert(HasCompare<Map<u64, u64>> && HasCompare<Map<u64, double>>);
static_assert(HasCompare<Map<u64, Padded>> == (HMAP_CLEARS_PADDING == 1));
// Types that are told apart.
static_assert(type_fingerprint<u64, u64>() == type_fingerprint<unsigned long long, u64>());
static_assert(type_fingerprint<u64, u64>() != type_fingerprint<std::int64_t, u64>());
static_assert(type_fingerprint<u64, Tagged>() != type_fingerprint<u64, Retagged>());
static_assert(type_fingerprint<u64, u64>() != type_fingerprint<u64, double>());
static_assert(type_fingerprint<u64, bytes>() != type_fingerprint<bytes, u64>());

TEST(TypesOfMaps, HaveTheNamesOfTheDocument) {
  EXPECT_EQ((type_info<u64, Tagged>().name), "u64 -> Tagged/1");
  EXPECT_EQ((type_info<LongKey, LongValue>().name), "char[300] -> u32[250]");
  EXPECT_EQ((type_info<Place, Color>().name), "struct -> enum u8");
  EXPECT_EQ((type_info<double, bytes>().name), "f64 -> bytes");
  EXPECT_EQ((type_info<bool, std::monostate>().name), "bool -> struct");
  EXPECT_EQ((type_info<std::int8_t, float>().name), "i8 -> f32");
  // FNV-1a of "u64 8 8 -> u64 8 8", computed apart: files keep it.
  EXPECT_EQ((type_fingerprint<u64, u64>()), 0x6d211c27071eec4cu);
  const TypeInfo set = type_info<u64, std::monostate>();
  EXPECT_EQ(set.value.bytes, 0u);
  EXPECT_EQ(set.value.align, 1u);
}

class Special : public ::testing::Test {
 protected:
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("map");
};

template <typename F>
void expect_one_nan_and_one_zero(const std::string& path) {
  using Limits = std::numeric_limits<F>;
  auto map = Map<F, int>::open(path, quiet_options()).value();
  ASSERT_OK(map.put(Limits::quiet_NaN(), 1));
  EXPECT_EQ(map.get(-Limits::quiet_NaN()).value(), 1);
  EXPECT_EQ(map.get(Limits::signaling_NaN()).value(), 1);
  ASSERT_OK(map.put(F{-0.0}, 2));
  EXPECT_EQ(map.get(F{0.0}).value(), 2);
  EXPECT_FALSE(map.insert(F{0.0}, 3).value());
  ASSERT_OK(map.put(Limits::infinity(), 4));
  ASSERT_OK(map.put(-Limits::infinity(), 5));
  ASSERT_OK(map.put(Limits::denorm_min(), 6));
  EXPECT_EQ(map.get(Limits::infinity()).value(), 4);
  EXPECT_EQ(map.get(-Limits::infinity()).value(), 5);
  EXPECT_EQ(map.get(Limits::denorm_min()).value(), 6);
  EXPECT_EQ(map.size().value(), 5u);
  for (const auto& [key, value] : map) {
    if (value == 1) {
      EXPECT_TRUE(std::isnan(key) && !std::signbit(key));
    }
    if (value == 2) {
      EXPECT_TRUE(key == 0 && !std::signbit(key));
    }
  }
  MapBatch<F, int> batch;
  batch.erase(-Limits::quiet_NaN());
  batch.erase(F{-0.0});
  ASSERT_OK(map.apply(batch));
  EXPECT_EQ(map.size().value(), 3u);
}

TEST_F(Special, DoubleKeysHaveOneNanAndOneZero) { expect_one_nan_and_one_zero<double>(path_); }
TEST_F(Special, FloatKeysHaveOneNanAndOneZero) { expect_one_nan_and_one_zero<float>(path_); }

TEST_F(Special, FetchAddWrapsAround) {
  auto map = Map<u64, std::int8_t>::open(path_, quiet_options()).value();
  EXPECT_EQ(map.fetch_add(1, 127).value(), 0);
  EXPECT_EQ(map.fetch_add(1, 1).value(), 127);
  EXPECT_EQ(map.fetch_add(1, -1).value(), -128);
  EXPECT_EQ(map.get(1).value(), 127);
  auto wide = Map<u64, u64>::open(dir_.file("wide"), quiet_options()).value();
  EXPECT_EQ(wide.fetch_add(1, ~u64{0}).value(), 0u);
  EXPECT_EQ(wide.fetch_add(1, 3).value(), ~u64{0});
  EXPECT_EQ(wide.get(1).value(), 2u);
}

TEST_F(Special, BytesAreFoundAndAppended) {
  auto map = Map<u64, bytes>::open(path_, quiet_options()).value();
  EXPECT_EQ(map.append(7, "ab").value(), 2u);
  EXPECT_EQ(map.append(7, "cd").value(), 4u);
  {
    const std::optional<View> view = std::move(map.find(7)).value();
    ASSERT_TRUE(view.has_value());
    EXPECT_EQ(view->value(), "abcd");
  }
  EXPECT_FALSE(map.find(8).value().has_value());
  EXPECT_EQ(map.get(7).value(), "abcd");
}

TEST_F(Special, UpdatesThatThrowLeaveTheValue) {
  auto map = Map<u64, u64>::open(path_, quiet_options()).value();
  ASSERT_OK(map.put(1, 5));
  EXPECT_THROW(static_cast<void>(map.update(1, [](u64) -> u64 { throw 1; })), int);
  EXPECT_EQ(map.get(1).value(), 5u);
}

// What fn gives is a value, also where values can be empty themselves.
TEST_F(Special, EmptyOptionalsAreValues) {
  auto map = Map<u64, std::optional<int>>::open(path_, quiet_options()).value();
  using Value = std::optional<std::optional<int>>;  // as get() gives it
  const auto clear = [](const auto&) { return std::nullopt; };
  ASSERT_OK(map.put(1, 5));
  EXPECT_TRUE(map.update(1, clear).value());
  EXPECT_EQ(map.get(1).value(), Value(std::in_place));
  ASSERT_OK(map.put(1, 5));
  EXPECT_FALSE(map.upsert(1, clear).value());
  EXPECT_EQ(map.get(1).value(), Value(std::in_place));
  EXPECT_TRUE(map.upsert(2, clear).value());
  EXPECT_EQ(map.get(2).value(), Value(std::in_place));
}

// Padding that another compiler has left there changes nothing.
TEST_F(Special, PaddingCountsForNothing) {
  auto map = Map<u64, Padded>::open(path_, quiet_options()).value();
  Padded value;
  std::memset(static_cast<void*>(&value), 0xaa, sizeof value);
  value.small = 1;
  value.large = 2;
  value.number = 3;
  const u64 key = 9;
  std::string raw(reinterpret_cast<const char*>(&value), sizeof value);
  ASSERT_OK(map.store().put({reinterpret_cast<const char*>(&key), 8}, raw));
  EXPECT_EQ(map.get(key).value(), (Padded{1, 2, 3}));
  EXPECT_TRUE(map.update(key, [](Padded p) { return p.small = 4, p; }).value());
  EXPECT_EQ(map.get(key).value(), (Padded{4, 2, 3}));
#if HMAP_CLEARS_PADDING
  ASSERT_OK(map.store().put({reinterpret_cast<const char*>(&key), 8}, raw));
  EXPECT_FALSE(map.compare_exchange(key, Padded{1, 2, 4}, Padded{}).value());
  EXPECT_TRUE(map.compare_exchange(key, Padded{1, 2, 3}, value).value());
  raw = map.store().get({reinterpret_cast<const char*>(&key), 8}).value().value();
  EXPECT_EQ(raw.substr(1, 7), std::string(7, '\0'));
#endif
}

TEST_F(Special, AnImpossibleBoolIsTrue) {
  auto map = Map<u64, bool>::open(path_, quiet_options()).value();
  const u64 key = 1;
  ASSERT_OK(map.store().put({reinterpret_cast<const char*>(&key), 8}, "\x42"));
  EXPECT_EQ(map.get(key).value(), true);
}

// Neither takes any room, as nothing does in slots that hold no keys.
TEST_F(Special, TheEmptyKeyOfASetOfBytes) {
  Options options = quiet_options();
  options.shard_bits = 0;
  auto set = Map<bytes, std::monostate>::open(path_, options).value();
  // One bucket of keys, and another seed each time: now and then one has the tophash of "".
  for (int i = 0; i < 400; ++i) {
    for (const char* key : {"a", "b", "c", "d", "e", "f", "g", "h"}) ASSERT_OK(set.put(key, {}));
    ASSERT_FALSE(set.get("").value().has_value()) << i;
    ASSERT_OK(set.put("", {}));
    ASSERT_TRUE(set.get("").value().has_value()) << i;
    for (const char* key : {"", "a", "b", "c", "d", "e", "f", "g", "h"})
      ASSERT_TRUE(set.erase(key).value());
  }
}

// Slots have no room for the flags of a compressed value.
TEST(InSlots, ValuesAreNotCompressed) {
  const TempDir dir(TempDir::Where::kMemory);
  using Text = std::array<char, 128>;
  Options options;
  options.compression = Compression::kLz4;
  auto map = Map<u64, Text>::open(dir.file("map"), options).value();
  Text text{};
  for (u64 i = 0; i < 200; ++i) {
    text.fill(static_cast<char>('a' + i % 26));
    ASSERT_OK(map.put(i, text));
    ASSERT_EQ(text, map.get(i).value()) << i;
  }
  EXPECT_EQ(0u, map.stats(StatsDepth::kChains).value().compressed_values);
}

TEST(InSlots, AViewIsACopy) {
  const TempDir dir(TempDir::Where::kMemory);
  auto map = Map<u64, u64>::open(dir.file("map")).value();
  ASSERT_OK(map.put(7, 42));
  const u64 key = 7;
  const std::string_view bytes(reinterpret_cast<const char*>(&key), sizeof key);
  const auto view = map.store().find(bytes).value();
  ASSERT_TRUE(view.has_value());
  ASSERT_OK(map.put(7, 43));
  EXPECT_EQ(bytes, view->key());
  ASSERT_EQ(8u, view->value().size());
  EXPECT_EQ(42, view->value()[0]);
  ASSERT_OK(map.erase(7));
  EXPECT_FALSE(map.store().find(bytes).value().has_value());
}

}  // namespace
}  // namespace hmap::test
