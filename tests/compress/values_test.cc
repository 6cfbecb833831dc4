// What is put comes back, whatever it is and however long; and it takes less.
#include <gtest/gtest.h>

#include <sys/mman.h>

#include <array>

#include "hmap/train.h"
#include "system/codec.h"
#include "temp_file.h"
#include "texts.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

class Values : public ::testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] Options options() const {
    return compressing(quiet_options(), GetParam() ? texts_dictionary() : std::string());
  }
  TempDir dir_;
  std::string path_ = dir_.file("store");
};

TEST_P(Values, OfAllLengthsComeBack) {
  Store store = Store::open(path_, options()).value();
  Contents model;
  constexpr std::array<std::size_t, 19> kLengths = {
      0,     1,     31,    32,    33,     95,     96,     97,      1'000,    4'094,
      4'095, 4'096, 4'097, 8'000, 65'535, 65'536, 65'537, 300'000, 2'000'000};
  for (const std::size_t bytes : kLengths) {
    for (const char kind : {'t', 'z', 'n'}) {
      const std::string key = kind + std::to_string(bytes);
      model[key] = kind == 't'   ? long_text(bytes, bytes)
                   : kind == 'z' ? std::string(bytes, '\0')
                                 : value_of(bytes, bytes);
      ASSERT_OK(store.put(key, model[key]));
      EXPECT_VALUE(store, key, model[key]);
    }
  }
  EXPECT_EQ(contents(store), model);
  EXPECT_FINDS_NOTHING(store.verify());
  ASSERT_OK(store.close());
  EXPECT_FINDS_NOTHING(Store::verify_file(path_));
  store = Store::open(path_, quiet_options()).value();
  EXPECT_EQ(contents(store), model);
}

TEST_P(Values, RandomHistoriesAgreeWithAMap) {
  Random random(test_seed());
  Store store = Store::open(path_, options()).value();
  Contents model;
  for (int i = 0; i < 20'000; ++i) {
    const std::string key = key_of(random.below(400));
    if (random.one_in(4)) {
      EXPECT_EQ(model.erase(key) != 0, store.erase(key).value());
    } else {
      const std::string value = any_value(random);
      ASSERT_OK(store.put(key, value));
      model[key] = value;
    }
    const std::string other = key_of(random.below(400));
    const auto at = model.find(other);
    EXPECT_EQ(value_in(store, other),
              at == model.end() ? std::nullopt : std::optional<std::string>(at->second));
    if (random.one_in(2'000)) {
      ASSERT_OK(store.checkpoint());
    }
    if (random.one_in(10'000)) {
      ASSERT_OK(store.close());
      store = Store::open(path_, quiet_options()).value();
    }
  }
  EXPECT_EQ(contents(store), model);
  EXPECT_EQ(store.size().value(), model.size());
  EXPECT_FINDS_NOTHING(store.verify());
}

TEST_P(Values, AreCountedByStats) {
  Store store = Store::open(path_, options()).value();
  std::uint64_t bytes = 0;
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    ASSERT_OK(store.put(key_of(i), text_of(i)));
    bytes += text_of(i).size();
    ASSERT_OK(store.put("noise " + std::to_string(i), value_of(i, 100)));
  }
  const Stats stats = store.stats(StatsDepth::kChains).value();
  EXPECT_EQ(stats.compression, Compression::kLz4);
  EXPECT_EQ(stats.dictionary_bytes, GetParam() ? texts_dictionary().size() : 0);
  // Alone, hardly one of these texts is worth it; with what they have in common all are.
  if (!GetParam()) return;
  EXPECT_EQ(stats.compressed_values, 1'000U);
  EXPECT_EQ(stats.uncompressed_bytes, bytes);
  EXPECT_LT(stats.compressed_bytes, bytes / 2);
  EXPECT_EQ(store.stats().value().compressed_values, 0U) << "only with StatsDepth::kChains";
}

// Of an array that is half evacuated each entry counts once, whatever is left in the old buckets.
TEST_P(Values, AreCountedOnceWhileGrowing) {
  if (!GetParam()) GTEST_SKIP() << "short texts are compressed with a dictionary only";
  Store store = Store::open(path_, options()).value();
  std::uint64_t growing = 0;
  for (std::uint64_t i = 0; i < 700; ++i) {
    ASSERT_OK(store.put(key_of(i), text_of(i)));
    const Stats stats = store.stats(StatsDepth::kChains).value();
    growing += stats.shards[0].growing ? 1 : 0;
    ASSERT_EQ(stats.compressed_values, i + 1);
  }
  EXPECT_GT(growing, 20U);
}

INSTANTIATE_TEST_SUITE_P(, Values, ::testing::Bool(), [](const auto& test) {
  return test.param ? "WithDictionary" : "WithoutDictionary";
});

TEST(Compressed, TakesLess) {
  const TempDir dir;
  const auto bytes_with = [&](const char* name, const Options& options) {
    Store store = Store::open(dir.file(name), options).value();
    for (std::uint64_t i = 0; i < 20'000; ++i) EXPECT_OK(store.put(key_of(i), text_of(i)));
    EXPECT_OK(store.close());
    return file_bytes(dir.file(name));
  };
  EXPECT_LT(bytes_with("with", compressing(quiet_options(), texts_dictionary())) * 10,
            bytes_with("without", quiet_options()) * 7);
}

TEST(Compressed, NothingIfNobodyAskedForIt) {
  const TempDir dir;
  Store store = Store::open(dir.file("store"), quiet_options()).value();
  ASSERT_OK(store.put("key", std::string(5'000, 'a')));
  const Stats stats = store.stats(StatsDepth::kChains).value();
  EXPECT_EQ(stats.compression, Compression::kNone);
  EXPECT_EQ(stats.compressed_values, 0U);
  ASSERT_OK(store.close());
  // The store decides, not who opens it.
  store = Store::open(dir.file("store"), compressing(quiet_options())).value();
  EXPECT_EQ(store.stats()->compression, Compression::kNone);
}

TEST(Compressed, OptionsThatDoNotFit) {
  const TempDir dir;
  Options options = quiet_options();
  options.dictionary = "abc";
  EXPECT_CODE(Code::kInvalidArgument, Store::open(dir.file("store"), options));
  options.compression = Compression::kNone;
  EXPECT_CODE(Code::kInvalidArgument, Store::open(dir.file("store"), options));
  options.compression = Compression::kLz4;
  options.dictionary = std::string(kDictionaryBytesMax + 1, 'a');
  EXPECT_CODE(Code::kInvalidArgument, Store::open(dir.file("store"), options));
  options.dictionary.pop_back();
  EXPECT_OK(Store::open(dir.file("store"), options));
  options.compression = static_cast<Compression>(17);
  EXPECT_CODE(Code::kInvalidArgument, Store::open(dir.file("another"), options));
}

// LZ4 takes no more than 2,113,929,216 bytes at once. (Memory that nobody has written costs none.)
TEST(Compressed, ValuesTooLongForItAreStoredAsTheyAre) {
  const Codec codec(true, {});
  const std::size_t bytes = 0x7E000001;
  void* zeros =
      ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(zeros, MAP_FAILED);
  std::string buffer;
  EXPECT_EQ(codec.encode({static_cast<const char*>(zeros), bytes}, buffer).flags, 0);
  ::munmap(zeros, bytes);
}

}  // namespace
}  // namespace hmap::test
