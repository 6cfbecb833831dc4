// Where nothing is wrong, nothing is found.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>

#include "made_stores.h"
#include "seeds.h"
#include "temp_file.h"
#include "values.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

TEST(Clean, GoldenFiles) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(HMAP_GOLDEN)) {
    if (entry.path().extension() != ".hmap") continue;
    SCOPED_TRACE(entry.path().string());
    TempDir dir;
    const std::string path = dir.file("golden.hmap");
    std::filesystem::copy_file(entry.path(), path);
    const std::string log = entry.path().string() + "-wal";
    if (std::filesystem::exists(log)) std::filesystem::copy_file(log, path + "-wal");
    EXPECT_FINDS_NOTHING(Store::verify_file(path));
    for (const Mode mode : {Mode::kReadOnly, Mode::kOpen}) {
      Options options = with_mode({}, mode);
      options.any_type = true;
      options.ignore_log = mode == Mode::kReadOnly;  // only a writer brings in what it has
      const Store store = Store::open(path, options).value();
      const auto report = store.verify();
      EXPECT_FINDS_NOTHING(report);
      EXPECT_EQ(store.size().value(), report->durable.entries);
    }
    ++files;
  }
  EXPECT_GE(files, 7);
}

TEST(Clean, MixedStores) {
  for (const int shard_bits : {0, 1}) {
    TempDir dir(TempDir::Where::kMemory);
    const std::string path = dir.file("store");
    make_mixed_store(path, shard_bits);
    EXPECT_FINDS_NOTHING(Store::verify_file(path));
    const Store store = Store::open(path).value();
    const auto report = store.verify();
    EXPECT_FINDS_NOTHING(report);
    EXPECT_TRUE(report->live_quiet);
    EXPECT_EQ(store.size().value(), report->durable.entries);
    EXPECT_EQ(store.size().value(), report->live.entries);
    EXPECT_GE(report->live.large_records, 2U);
  }
}

TEST(Clean, ReportSaysWhatWasAskedFor) {
  TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  make_mixed_store(path, 0);
  const Store store = Store::open(path).value();
  EXPECT_FALSE(store.verify(only(VerifyState::kLive))->durable.checked);
  EXPECT_FALSE(store.verify(only(VerifyState::kDurable))->live.checked);

  std::uint64_t last = 0;
  std::uint64_t calls = 0;
  VerifyOptions options;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_LE(done, total);
    ++calls;
    last = done;
    return true;
  };
  EXPECT_FINDS_NOTHING(store.verify(options));
  EXPECT_GT(calls, 1U);
  EXPECT_GT(last, 0U);

  options.progress = [](std::uint64_t, std::uint64_t) { return false; };
  const auto stopped = store.verify(options);
  ASSERT_OK(stopped);
  EXPECT_FALSE(stopped->complete);
  EXPECT_TRUE(stopped->clean()) << words(*stopped);
}

TEST(Clean, ClosedHandleAnswersClosed) {
  TempDir dir(TempDir::Where::kMemory);
  Store store = Store::open(dir.file("store"), tiny_options(0)).value();
  EXPECT_FINDS_NOTHING(store.verify());
  ASSERT_OK(store.close());
  EXPECT_CODE(Code::kClosed, store.verify());
  EXPECT_CODE(Code::kNotFound, Store::verify_file(dir.file("nothing")));
}

class History {
 public:
  History(std::uint64_t seed, int shard_bits) : random_(seed), options_(tiny_options(shard_bits)) {
    open();
  }

  void step() {
    const std::string key = "key " + std::to_string(random_.below(600));
    const std::uint64_t dice = random_.below(1'000);
    if (dice < 550) {
      ASSERT_OK(store_->put(key, value_of(dice, bytes())));
    } else if (dice < 980) {
      ASSERT_OK(store_->erase(key));
    } else if (dice < 990) {
      ASSERT_OK(store_->checkpoint());
    } else if (dice < 992) {
      ASSERT_OK(store_->clear());
    }
  }
  // Both states, through every kind of handle, and after closing or a power cut.
  void check() {
    const auto report = store_->verify();
    EXPECT_FINDS_NOTHING(report);
    EXPECT_TRUE(report->live_quiet);
    EXPECT_EQ(store_->size().value(), report->live.entries);
    {
      const Store reader = Store::open(path_, with_mode(options_, Mode::kReadOnly)).value();
      EXPECT_FINDS_NOTHING(reader.verify());
    }
    if (random_.one_in(2)) return;
    ASSERT_OK(store_->close());
    store_.reset();
    EXPECT_FINDS_NOTHING(Store::verify_file(path_));
    if (random_.one_in(2)) fake_reboot(reboots_++);
    {
      const Store reader = Store::open(path_, with_mode(options_, Mode::kReadOnly)).value();
      EXPECT_FINDS_NOTHING(reader.verify());
    }
    open();
    EXPECT_FINDS_NOTHING(store_->verify());
  }

 private:
  void open() { store_ = Store::open(path_, options_).value(); }
  std::size_t bytes() {
    if (random_.one_in(40)) return random_.between(8'192, 30'000);
    return random_.one_in(10) ? random_.below(4'000) : random_.below(120);
  }

  Random random_;
  Options options_;
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  std::optional<Store> store_;
  unsigned reboots_ = 1;
};

TEST(Clean, RandomHistories) {
  const std::uint64_t seed = test_seed();
  const std::uint64_t histories = environment_number("HMAP_VERIFY_HISTORIES", 12);
  for (std::uint64_t i = 0; i < histories && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(i);
    History history(mix(seed + i), i % 3 == 0 ? 0 : static_cast<int>(i % 3));
    for (int round = 0; round < 20 && !::testing::Test::HasFailure(); ++round) {
      for (int step = 0; step < 150; ++step) history.step();
      history.check();
    }
  }
  real_boot();
}

// Whoever writes goes on; whoever wants a checkpoint waits.
TEST(Clean, CheckpointsWaitIfAsked) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  make_mixed_store(path, 1);
  Store store = Store::open(path, tiny_options(1)).value();
  Options impatient = tiny_options(1);
  impatient.lock_timeout = std::chrono::milliseconds(1);
  Store other = Store::open(path, impatient).value();
  for (const bool hold : {false, true}) {
    std::optional<Code> answer;
    VerifyOptions options;
    options.state = VerifyState::kDurable;
    options.hold_checkpoints = hold;
    options.progress = [&](std::uint64_t, std::uint64_t) {
      if (answer) return true;
      EXPECT_OK(other.put("beside", hold ? "held" : "free"));
      answer = other.checkpoint().code();
      return true;
    };
    const auto report = store.verify(options);
    EXPECT_FINDS_NOTHING(report);
    EXPECT_TRUE(report->complete);
    EXPECT_EQ(answer, hold ? Code::kBusy : Code::kOk);
  }
  EXPECT_OK(other.checkpoint());
}

}  // namespace
}  // namespace hmap::test
