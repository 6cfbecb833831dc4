// As long as a file may be: what its references and tables could not say is not taken.
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "child.h"
#include "hmap/verify.h"
#include "life/open.h"
#include "map/hmap.h"
#include "state/space.h"
#include "stores.h"
#include "temp_file.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kTiB = std::uint64_t{1} << 40;

class Largest : public ::testing::Test {
 protected:
  static Options options(std::uint32_t block, std::uint32_t extent, std::uint64_t window) {
    Options options = quiet_options();
    options.geometry = {
        .block_bytes = block, .extent_bytes = extent, .slots = 4, .intent_words = 224};
    options.window_bytes = window;
    return options;
  }
  void open(const Options& options) {
    options_ = options;
    session_ = open_session(path_, options).value();
    ASSERT_OK(take(1));
  }
  // Takes so many extents that nobody wants yet, and gives them back; how that ended.
  Status take(std::uint64_t count) {
    Engine& engine = session_->engine;
    const Result<DomainLock> lock = DomainLock::take(engine, 0);
    if (!lock) return lock.error();
    const ExtentRequest request{.domain = 0,
                                .count = count,
                                .kind = format::ExtentKind::kBuckets,
                                .payload = engine.header(0).array_seq + 1,
                                .reserve_only = true};
    const Result<u64> first = take_extents(engine, request);
    return first ? free_pending(engine, 0) : first.error();
  }
  void expect_no_harm() {
    ASSERT_OK(close_session(*session_));
    session_.reset();
    Store store = Store::open(path_, options_).value();
    EXPECT_OK(store.put("key", "value"));
    EXPECT_EQ("value", value_in(store, "key"));
    ASSERT_OK(store.close());
    EXPECT_FINDS_NOTHING(Store::verify_file(path_));
  }

  Watchdog watchdog_;
  TempDir dir_{TempDir::Where::kMemory};
  const std::string path_ = dir_.file("store");
  Options options_;
  std::unique_ptr<Session> session_;
};

TEST_F(Largest, ReferencesEndAt16TiB) {
  open(options(16'384, std::uint32_t{1} << 23, 32 * kTiB));
  const Layout& layout = session_->engine.layout;
  EXPECT_EQ(16 * kTiB, layout.extent_offset(layout.extents_max));
  const Status status = take(layout.extents_max);
  ASSERT_CODE(Code::kNoSpace, status);
  EXPECT_NE(std::string::npos, std::string_view(status.what()).find("as the format allows"))
      << status;
  EXPECT_GT(kTiB, std::filesystem::file_size(path_)) << "nothing was taken";
  // Nearly all; the table of the extents is some 50 MiB.
  EXPECT_OK(take(layout.extents_max - session_->engine.runtime->extents_end - 64));
  EXPECT_CODE(Code::kNoSpace, take(layout.extents_max / 2));
  EXPECT_GE(16 * kTiB, std::filesystem::file_size(path_));
  expect_no_harm();
}

TEST_F(Largest, PlacesEndAt2TiBWithTheSmallestBlocks) {
  open(options(512, 8'192, 4 * kTiB));
  const Layout& layout = session_->engine.layout;
  EXPECT_EQ(2 * kTiB, layout.extent_offset(layout.extents_max));
  const Status status = take(layout.extents_max);
  ASSERT_CODE(Code::kNoSpace, status);
  EXPECT_NE(std::string::npos, std::string_view(status.what()).find("as the format allows"))
      << status;
  EXPECT_GT(std::uint64_t{1} << 20, std::filesystem::file_size(path_)) << "nothing was taken";
  expect_no_harm();
}

TEST_F(Largest, ExpectedEntriesHaveToFitThere) {
  Options options = this->options(512, 8'192, 8 * kTiB);
  options.expected_entries = 200'000'000'000;
  const Result<Store> store = Store::open(path_, options);
  ASSERT_CODE(Code::kInvalidArgument, store);
  EXPECT_NE(std::string::npos, std::string_view(store.error().what()).find("largest file"))
      << store.error();
  EXPECT_FALSE(std::filesystem::exists(path_));
}

}  // namespace
}  // namespace hmap::test
