// What compact_online() is for: a store is filled, nine of ten entries are erased, and the file
// takes at most 15 % of the blocks that it took, while two processes read and write all the time
// without one error.
//
// HMAP_SPACE_ENTRIES: how many entries; from a million on the 15 % must be reached, below it what
// every store takes weighs too much.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "child.h"
#include "hmap/compact.h"
#include "hmap/verify.h"
#include "seeds.h"
#include "shared_memory.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kDefaultEntries = 100'000;
constexpr std::uint64_t kProcesses = 2;

std::string key16(std::uint64_t number) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llu", static_cast<unsigned long long>(number));
  return {text, 16};
}

std::string value100(std::uint64_t number, std::uint32_t version) {
  return value_of(number * 1'000'003 + version, 100);
}

std::uint64_t disk_of_file(const std::string& path) {
  struct stat facts {};
  EXPECT_EQ(0, stat(path.c_str(), &facts));
  return static_cast<std::uint64_t>(facts.st_blocks) * 512;
}

struct Together {
  std::atomic<bool> stop;
  std::atomic<std::uint64_t> calls;
};

// Reads and overwrites the entries that stayed and are this process's, and puts and erases others;
// knows what each of them must be. Returns what is wrong.
std::string work(Store& store, std::uint64_t process, std::uint64_t entries, Together& together) {
  std::vector<std::uint32_t> versions(entries / (10 * kProcesses), 0);
  Random random(mix(test_seed() + process));
  while (!together.stop) {
    ++together.calls;
    const std::uint64_t i = random.below(versions.size());
    const std::uint64_t number = (i * kProcesses + process) * 10;
    const Result<std::optional<std::string>> value = store.get(key16(number));
    if (!value) return value.error().message();
    if (!*value || **value != value100(number, versions[i])) return "a wrong value";
    if (random.one_in(64)) {
      const Status status = store.put(key16(number), value100(number, ++versions[i]));
      if (!status.ok()) return status.message();
    }
    if (!random.one_in(256)) continue;
    const std::string other = "other " + std::to_string(process);
    if (const Status s = store.put(other, value100(number, 0)); !s.ok()) return s.message();
    if (const Result<bool> erased = store.erase(other); !erased || !*erased) return "not erased";
  }
  return {};
}

TEST(CompactOnline, GivesBackWhatNineOfTenEntriesTookWhileTwoProcessesWork) {
  const std::uint64_t entries = environment_number("HMAP_SPACE_ENTRIES", kDefaultEntries);
  Watchdog watchdog;
  watchdog.feed(Milliseconds(3'600'000));
  TempDir dir;
  const std::string path = dir.file("store");
  Store store = Store::open(path).value();
  for (std::uint64_t i = 0; i < entries; ++i) ASSERT_OK(store.put(key16(i), value100(i, 0)));
  ASSERT_OK(store.checkpoint());
  const std::uint64_t before = disk_of_file(path);
  for (std::uint64_t i = 0; i < entries; ++i)
    ASSERT_TRUE(i % 10 == 0 || store.erase(key16(i)).value());
  const std::uint64_t erased = disk_of_file(path);

  Shared<Together> together;
  std::vector<Child> children;
  for (std::uint64_t process = 0; process < kProcesses; ++process) {
    children.emplace_back([&, process] {
      Store mine = Store::open(path).value();
      const std::string wrong = work(mine, process, entries, *together);
      if (!wrong.empty()) std::fprintf(stderr, "process %d: %s\n", int(process), wrong.c_str());
      return wrong.empty() ? 0 : 1;
    });
  }
  const auto start = Clock::now();
  const Result<OnlineReport> report = compact_online(store);
  const std::chrono::duration<double> took = Clock::now() - start;
  const std::uint64_t after = disk_of_file(path);
  const std::uint64_t calls = together->calls;
  together->stop = true;
  for (Child& child : children) EXPECT_TRUE(child.wait().exited(0));

  ASSERT_OK(report);
  EXPECT_TRUE(report->complete);
  EXPECT_GT(calls, 0U);
  std::printf(
      "%llu entries: %.1f MB, erased %.1f MB, compacted %.1f MB (%.1f %%); %.1f s, %llu records "
      "moved, %llu calls meanwhile\n",
      static_cast<unsigned long long>(entries), static_cast<double>(before) / 1e6,
      static_cast<double>(erased) / 1e6, static_cast<double>(after) / 1e6,
      100.0 * static_cast<double>(after) / static_cast<double>(before), took.count(),
      static_cast<unsigned long long>(report->records_moved),
      static_cast<unsigned long long>(calls));
  const Stats stats = store.stats().value();
  std::printf(
      "MB: free %.1f, retired %.1f, buckets %.1f, spans %.1f, frames %.1f, other %.1f\n",
      static_cast<double>(stats.free_bytes) / 1e6, static_cast<double>(stats.retired_bytes) / 1e6,
      static_cast<double>(stats.bucket_bytes) / 1e6, static_cast<double>(stats.span_bytes) / 1e6,
      static_cast<double>(stats.frame_bytes) / 1e6, static_cast<double>(stats.other_bytes) / 1e6);
  EXPECT_LE(after * 100, before * (entries >= 1'000'000 ? 15 : 60));
  EXPECT_EQ((entries + 9) / 10, store.size().value());
  const Result<VerifyReport> verified = store.verify();
  ASSERT_OK(verified);
  EXPECT_TRUE(verified->clean());
}

}  // namespace
}  // namespace hmap::test
