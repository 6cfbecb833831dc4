// Making dictionaries.
#include <gtest/gtest.h>

#include "hmap/train.h"
#include "system/codec.h"
#include "temp_file.h"
#include "texts.h"

namespace hmap::test {
namespace {

std::vector<std::string> texts(std::uint64_t count) {
  std::vector<std::string> values;
  for (std::uint64_t i = 0; i < count; ++i) values.push_back(text_of(i * 97));
  return values;
}

std::size_t bytes_with(const std::string& dictionary) {
  const Codec codec(true, dictionary);
  std::size_t bytes = 0;
  for (std::uint64_t i = 0; i < 1'000; ++i) {
    std::string buffer;
    const std::string value = text_of(1'000'000 + i);
    bytes += codec.encode(value, buffer).bytes.size();
  }
  return bytes;
}

TEST(Train, WhatValuesHaveInCommon) {
  const auto values = texts(2'000);
  const std::string dictionary = train_dictionary(views_of(values), 4'096).value();
  EXPECT_LE(dictionary.size(), 4'096U);
  EXPECT_GE(dictionary.size(), 100U);
  EXPECT_LT(bytes_with(dictionary) * 10, bytes_with({}) * 7);
}

TEST(Train, OfAStore) {
  const TempDir dir;
  Store store = Store::open(dir.file("store"), quiet_options()).value();
  for (const std::string& value : texts(2'000)) ASSERT_OK(store.put(value.substr(0, 20), value));
  const std::string dictionary = train_dictionary(store, 4'096).value();
  EXPECT_LT(bytes_with(dictionary) * 10, bytes_with({}) * 7);
  ASSERT_OK(store.close());
  EXPECT_CODE(Code::kClosed, train_dictionary(store, 4'096));
}

TEST(Train, OfMoreThanItTakes) {
  std::vector<std::string> values;
  for (std::uint64_t i = 0; i < 1'500; ++i) values.push_back(long_text(i, 20'000));
  EXPECT_OK(train_dictionary(views_of(values)));
}

// Every second value would be one of the short ones, which make no dictionary.
TEST(Train, OfMoreThanItTakesLongAndShortInTurn) {
  std::vector<std::string> values;
  for (std::uint64_t i = 0; i < 1'200; ++i) {
    values.push_back(std::to_string(10'000'000 + i));
    values.push_back(long_text(i, 16'384));
  }
  const Result<std::string> dictionary = train_dictionary(views_of(values), 4'096);
  ASSERT_OK(dictionary);
  EXPECT_LT(bytes_with(*dictionary) * 10, bytes_with({}) * 7);
}

TEST(Train, OfTooLittle) {
  const auto values = texts(2'000);
  EXPECT_CODE(Code::kInvalidArgument, train_dictionary(views_of(values), 255));
  EXPECT_CODE(Code::kInvalidArgument, train_dictionary(views_of(values), kDictionaryBytesMax + 1));
  EXPECT_CODE(Code::kInvalidArgument, train_dictionary(std::span<const std::string_view>()));
  const std::vector<std::string> few(7, text_of(1));
  EXPECT_CODE(Code::kInvalidArgument, train_dictionary(views_of(few)));
  // Zstandard's builder would read beyond the end of some of these.
  for (const std::size_t bytes : {0U, 1U, 7U}) {
    for (const std::size_t count : {8U, 100U}) {
      const std::vector<std::string> tiny(count, std::string(bytes, 'x'));
      EXPECT_CODE(Code::kInvalidArgument, train_dictionary(views_of(tiny)));
    }
  }
  const TempDir dir;
  const Store store = Store::open(dir.file("store"), quiet_options()).value();
  EXPECT_CODE(Code::kInvalidArgument, train_dictionary(store));
}

TEST(Train, OfNoise) {
  std::vector<std::string> values;
  for (std::uint64_t i = 0; i < 100; ++i) values.push_back(value_of(i, 200));
  // No use, but no harm either.
  const Result<std::string> dictionary = train_dictionary(views_of(values));
  EXPECT_TRUE(dictionary || dictionary.error().code() == Code::kInvalidArgument);
}

}  // namespace
}  // namespace hmap::test
