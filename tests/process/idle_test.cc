// What a store does when nobody asks it for anything: nothing.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>

#include "child.h"
#include "stores.h"
#include "temp_file.h"

namespace hmap::test {
namespace {

std::set<std::string> threads_of_this_process() {
  std::set<std::string> threads;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    threads.insert(entry.path().filename());
  }
  return threads;
}

// A field of /proc/self/task/<thread>/status, as text.
std::string status_field(const std::string& thread, const std::string& field) {
  std::ifstream in("/proc/self/task/" + thread + "/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(field + ":")) return line.substr(line.find_last_of(" \t") + 1);
  }
  return {};
}

class Idle : public ::testing::Test {
 protected:
  void open(const Options& options) {
    const std::set<std::string> before = threads_of_this_process();
    store_.emplace(Store::open(dir_.file("store"), options).value());
    for (const std::string& thread : threads_of_this_process()) {
      if (!before.contains(thread)) threads_.insert(thread);
    }
  }
  std::uint64_t switches() {
    std::uint64_t sum = 0;
    for (const std::string& thread : threads_) {
      sum += std::stoull(status_field(thread, "voluntary_ctxt_switches"));
      sum += std::stoull(status_field(thread, "nonvoluntary_ctxt_switches"));
    }
    return sum;
  }
  static std::uint64_t blocks_written() {
    std::ifstream in("/proc/self/io");
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with("write_bytes:")) return std::stoull(line.substr(12));
    }
    return 0;
  }

  TempDir dir_;
  std::optional<Store> store_;
  std::set<std::string> threads_;
};

TEST_F(Idle, AStoreWithoutWritesDoesNotWakeUpAndWritesNothing) {
  Options options = small_options();
  options.checkpoint_interval = Milliseconds(100);
  open(options);
  ASSERT_LE(threads_.size(), 1U) << "one thread at most";
  for (int i = 0; i < 100; ++i) ASSERT_OK(store_->put("key " + std::to_string(i), "value"));
  const std::uint64_t epoch = store_->stats().value().epoch;
  const auto start = Clock::now();
  while (store_->stats().value().durable_epoch < epoch) {
    ASSERT_LT(Clock::now() - start, Milliseconds(5'000));
    std::this_thread::sleep_for(Milliseconds(5));
  }
  std::this_thread::sleep_for(Milliseconds(400));  // what the last write set off is over
  const std::uint64_t switches_before = switches();
  const std::uint64_t written_before = blocks_written();
  const std::uint64_t checkpoints = store_->stats().value().checkpoints;

  std::this_thread::sleep_for(Milliseconds(3'000));  // the time is the subject here

  EXPECT_LE(switches() - switches_before, 2U);
  EXPECT_EQ(written_before, blocks_written());
  EXPECT_EQ(checkpoints, store_->stats().value().checkpoints);
}

TEST_F(Idle, AnIntervalBeyondTheClockIsNeverOver) {
  Options options = small_options();
  options.checkpoint_interval = Milliseconds::max();
  open(options);
  const std::uint64_t checkpoints = store_->stats().value().checkpoints;
  ASSERT_OK(store_->put("key", "value"));

  std::this_thread::sleep_for(Milliseconds(200));  // the time is the subject here

  EXPECT_EQ(checkpoints, store_->stats().value().checkpoints);
}

TEST_F(Idle, ReadingWakesNobody) {
  Options options = small_options();
  options.checkpoint_interval = Milliseconds(50);
  open(options);
  ASSERT_OK(store_->checkpoint());
  std::this_thread::sleep_for(Milliseconds(200));
  const std::uint64_t before = switches();

  for (int i = 0; i < 100'000; ++i) ASSERT_OK(store_->contains("key"));

  EXPECT_LE(switches() - before, 2U);
}

TEST_F(Idle, TheLibrarysThreadBlocksAllSignals) {
  open(small_options());
  for (const std::string& thread : threads_) {
    const std::uint64_t blocked = std::stoull(status_field(thread, "SigBlk"), nullptr, 16);
    for (int number = 1; number <= 64; ++number) {
      // The kernel keeps two for itself, glibc the first two real-time ones.
      if (number == SIGKILL || number == SIGSTOP || number == 32 || number == 33) continue;
      EXPECT_TRUE(((blocked >> (number - 1)) & 1) != 0) << "signal " << number;
    }
  }
}

TEST_F(Idle, NoSignalHandlerIsInstalledAndNoThreadOfTheCallerIsTouched) {
  const std::string self = std::to_string(getpid());
  std::thread([] {}).join();  // glibc handles two signals of its own from the first thread on
  const std::string caught = status_field(self, "SigCgt");
  const std::string blocked = status_field(self, "SigBlk");

  open(small_options());
  ASSERT_OK(store_->put("key", "value"));
  ASSERT_OK(store_->checkpoint());

  EXPECT_EQ(caught, status_field(self, "SigCgt"));
  EXPECT_EQ(blocked, status_field(self, "SigBlk"));
}

TEST_F(Idle, ClosingEndsTheLibrarysThread) {
  const std::set<std::string> before = threads_of_this_process();
  for (int i = 0; i < 20; ++i) {
    open(small_options());
    ASSERT_OK(store_->put("key", "value"));
    ASSERT_OK(store_->close());
    store_.reset();
  }
  EXPECT_EQ(before, threads_of_this_process());
}

TEST_F(Idle, ClosingLeavesNoDescriptorAndNoMappingBehind) {
  const auto count = [](const char* path) {
    std::ptrdiff_t entries = 0;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      entries += entry.path().empty() ? 0 : 1;
    }
    return entries;
  };
  { ASSERT_OK(Store::open(dir_.file("store"), small_options())); }
  const std::ptrdiff_t before = count("/proc/self/fd");

  for (int i = 0; i < 50; ++i) {
    ASSERT_OK(Store::open(dir_.file("store")));
    ASSERT_OK(Store::open(dir_.file("store"), with_mode({}, Mode::kReadOnly)));
    ASSERT_CODE(Code::kNotFound, Store::open(dir_.file("nothing"), with_mode({}, Mode::kOpen)));
    ASSERT_CODE(Code::kNotAStore, Store::open(dir_.path()));
  }

  EXPECT_EQ(before, count("/proc/self/fd"));
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    EXPECT_EQ(std::string::npos, line.find(dir_.path())) << line;
  }
}

}  // namespace
}  // namespace hmap::test
