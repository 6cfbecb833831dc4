// One wrong byte anywhere in a record: every way to read its value says so, and never returns it.
#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "format/format.h"
#include "hmap/view.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr char kKey[] = "the key of the damaged one";

class DamagedRecord : public ::testing::TestWithParam<std::size_t> {
 protected:
  void SetUp() override {
    Store store = Store::open(path_, quiet_options()).value();
    ASSERT_OK(store.put(kKey, value_));
    ASSERT_OK(store.put("another key", "another value"));
    ASSERT_OK(store.close());
    image_ = read_file(path_);
    record_ = image_.find(kKey + value_.substr(0, 16)) - sizeof(format::RecordHeader);
    ASSERT_LT(record_, image_.size());
  }

  // In the record, but not in its key: it would be another key's then.
  [[nodiscard]] std::vector<std::size_t> places() const {
    const std::size_t value = sizeof(format::RecordHeader) + sizeof kKey - 1;
    return {offsetof(format::RecordHeader, checksum), offsetof(format::RecordHeader, flags), value,
            value + value_.size() / 2, value + value_.size() - 1};
  }

  std::string value_ = value_of(1, GetParam());
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  std::string image_;
  std::size_t record_ = 0;
};

TEST_P(DamagedRecord, IsAnErrorByEveryWay) {
  for (const std::size_t place : places()) {
    SCOPED_TRACE("byte " + std::to_string(place));
    std::string damaged = image_;
    damaged[record_ + place] ^= 1;
    write_file(path_, damaged);
    Store store = Store::open(path_, quiet_options()).value();
    std::string value;
    EXPECT_CODE(Code::kCorrupt, store.get(kKey));
    EXPECT_CODE(Code::kCorrupt, store.get_into(kKey, value));
    EXPECT_CODE(Code::kCorrupt, store.find(kKey));
    EXPECT_EQ("another value", store.get("another key").value());
    std::optional<std::string> values[1];
    const std::string_view keys[] = {kKey};
    EXPECT_CODE(Code::kCorrupt, store.multi_get(keys, values));
    Cursor cursor = store.cursor().value();
    Result<std::optional<Entry>> entry = cursor.next();
    if (entry) entry = cursor.next();
    EXPECT_CODE(Code::kCorrupt, entry);
    EXPECT_CODE(Code::kCorrupt, store.update(kKey, [](std::string_view) { return "new"; }));
    EXPECT_CODE(Code::kCorrupt, store.append(kKey, "more"));
    EXPECT_CODE(Code::kCorrupt, store.compare_exchange(kKey, "short", "new"));
    EXPECT_CODE(Code::kCorrupt, store.compare_exchange(kKey, "short", std::nullopt));
    // Who names every byte of it needs no checksum.
    if (place == offsetof(format::RecordHeader, checksum)) continue;
    EXPECT_CODE(Code::kCorrupt, store.compare_exchange(kKey, value_, "new"));
    EXPECT_CODE(Code::kCorrupt, store.compare_exchange(kKey, value_, std::nullopt));
    EXPECT_CODE(Code::kCorrupt, store.get(kKey));
  }
}

// Around the lengths from which checksums and copies are made in another way.
INSTANTIATE_TEST_SUITE_P(Values, DamagedRecord,
                         ::testing::Values(100, 202, 203, 1'000, 4'095, 4'096, 70'000));

}  // namespace
}  // namespace hmap::test
