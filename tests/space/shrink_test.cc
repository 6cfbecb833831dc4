// Growth to half the size, which only compact_online() starts: when, how far, and that everything
// goes on in the middle of it.
#include <gtest/gtest.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "child.h"
#include "hmap/batch.h"
#include "hmap/compact.h"
#include "hmap/snapshot.h"
#include "hmap/verify.h"
#include "map/grow.h"
#include "raw_view.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

class Shrink : public ::testing::TestWithParam<bool> {
 protected:
  void open() {
    Options options = quiet_options();
    if (GetParam()) options.type = fixed_type(8, 8);
    store_.emplace(Store::open(path_, options).value());
    raw_.emplace(path_);
  }
  [[nodiscard]] const format::ShardHeader& header() const { return raw_->shard(); }
  static std::string key(std::uint64_t i) {
    const std::string number = std::to_string(i);
    return std::string(8 - number.size(), 'k') + number;
  }
  static std::string value(std::uint64_t i) { return value_of(i, 8); }
  void put(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i) {
      ASSERT_OK(store_->put(key(i), value(i)));
      model_[key(i)] = value(i);
    }
  }
  void erase(std::uint64_t from, std::uint64_t to) {
    for (std::uint64_t i = from; i < to; ++i) {
      ASSERT_TRUE(store_->erase(key(i)).value());
      model_.erase(key(i));
    }
  }
  // Ends after so many steps; 0: never.
  bool compact(std::uint64_t steps = 0) {
    OnlineOptions options;
    options.progress = [&](std::uint64_t, std::uint64_t) { return --steps != 0; };
    const Result<OnlineReport> report = compact_online(*store_, options);
    EXPECT_OK(report);
    return report && report->complete;
  }
  [[nodiscard]] bool is_half_done() const {
    return header().flags == format::kHalfSizeGrow && header().nevacuate > 0;
  }
  void expect_model(const Store& store) {
    EXPECT_EQ(model_.size(), store.size().value());
    EXPECT_TRUE(model_ == contents(store));
    std::vector<std::string_view> keys;
    for (const auto& [k, v] : model_) {
      EXPECT_VALUE(store, k, v);
      keys.push_back(k);
    }
    std::vector<std::optional<std::string>> values(keys.size());
    EXPECT_EQ(keys.size(), store.multi_get(keys, values).value());
    EXPECT_ABSENT(store, key(9'999'999));
  }
  void expect_clean(Store& store) {
    const Result<VerifyReport> report = store.verify();
    ASSERT_OK(report);
    for (const Finding& finding : report->findings) ADD_FAILURE() << finding.text;
    EXPECT_TRUE(report->clean());
  }
  // The file as after a power cut.
  void expect_model_after_a_power_cut() {
    copy_file(path_, dir_.file("cut"));
    fake_reboot(1);
    Options options = quiet_options();
    options.any_type = true;
    Store cut = Store::open(dir_.file("cut"), options).value();
    real_boot();
    expect_model(cut);
    expect_clean(cut);
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  std::optional<Store> store_;
  std::optional<RawView> raw_;
  Contents model_;
};

INSTANTIATE_TEST_SUITE_P(Of, Shrink, ::testing::Values(false, true),
                         [](const auto& with) { return with.param ? "InlineSlots" : "Records"; });

TEST_P(Shrink, UntilAThirdMoreEntriesWouldFillIt) {
  open();
  put(0, 3'000);
  for (const std::uint64_t left : {2'999U, 1'300U, 1'200U, 400U, 77U, 10U, 7U, 1U}) {
    erase(left, header().count);

    ASSERT_TRUE(compact());

    const std::uint64_t b = header().b;
    EXPECT_EQ(0U, header().oldbuckets.id);
    EXPECT_EQ(0U, header().flags);
    EXPECT_FALSE(over_load(left, b));
    EXPECT_TRUE(b == 0 || over_load(left + left / 3, b - 1)) << left << " entries, B " << b;
    expect_model(*store_);
    expect_clean(*store_);
  }
  EXPECT_EQ(0U, header().b);
  // From here on Go's rules again.
  put(1, 3'000);
  for (std::uint64_t i = 0; i < 3'000 && header().oldbuckets.id != 0; ++i) put(0, 1);
  EXPECT_EQ(b_for(3'000), header().b);
  expect_model(*store_);
}

TEST_P(Shrink, AWriteNeverDoesIt) {
  open();
  put(0, 1'000);
  const std::uint64_t b = header().b;
  erase(1, 1'000);
  for (int i = 0; i < 1'000; ++i) put(0, 1);
  EXPECT_EQ(b, header().b);
}

TEST_P(Shrink, InTheMiddleOfItEverythingGoesOn) {
  int half_done = 0;
  for (std::uint64_t steps = 1; steps < 12; ++steps) {
    SCOPED_TRACE("ended after " + std::to_string(steps) + " steps");
    watchdog_.feed();
    model_.clear();
    raw_.reset();
    store_.reset();
    std::filesystem::remove(path_);
    open();
    put(0, 700);
    erase(100, 700);
    EXPECT_FALSE(compact(steps));
    half_done += is_half_done() ? 1 : 0;
    ASSERT_OK(store_->checkpoint());
    expect_model(*store_);
    expect_clean(*store_);
    expect_model_after_a_power_cut();
    const Snapshot snapshot = store_->snapshot().value();
    const Contents before = model_;

    put(100, 130);
    erase(0, 40);
    put(50, 60);
    Batch batch;
    for (std::uint64_t i = 200; i < 220; ++i) batch.put(key(i), model_[key(i)] = value(i + 1));
    for (std::uint64_t i = 60; i < 70; ++i) batch.erase(key(i)), model_.erase(key(i));
    ASSERT_OK(store_->apply(batch));
    expect_model(*store_);
    ASSERT_TRUE(compact());
    expect_model(*store_);
    expect_clean(*store_);
    for (const auto& [k, v] : before) ASSERT_TRUE(snapshot.get(k).value() == v);
  }
  EXPECT_GE(half_done, 4);
}

// A walk that began before it hands out each key once, whatever is halved on the way.
TEST_P(Shrink, AWalkGoesOnThroughIt) {
  open();
  put(0, 2'000);
  erase(200, 2'000);
  for (const std::uint64_t before : {0U, 1U, 50U, 120U, 199U}) {
    put(200, 2'000);
    erase(200, 2'000);
    Result<Cursor> cursor = store_->cursor();
    ASSERT_OK(cursor);
    Contents walked;
    bool halved = false;
    for (;;) {
      if (walked.size() >= before && !halved) {
        compact(7);
        halved = is_half_done();
        EXPECT_TRUE(halved);
      }
      const auto entry = cursor->next();
      ASSERT_OK(entry);
      if (!entry->has_value()) break;
      EXPECT_TRUE(walked.emplace((*entry)->key, (*entry)->value).second) << (*entry)->key;
      if (halved && walked.size() % 20 == 0) compact(3);
    }
    EXPECT_TRUE(model_ == walked);
    ASSERT_TRUE(compact());
  }
}

}  // namespace
}  // namespace hmap::test
