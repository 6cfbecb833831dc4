// Threads that share handles, while the store under them is replaced again and again: each handle
// on an old one goes when nobody can be using it, and not before.
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "child.h"
#include "hmap/publish.h"
#include "hmap/snapshot.h"
#include "hmap/view.h"
#include "old_files.h"
#include "sanitized.h"
#include "stores.h"
#include "temp_file.h"
#include "verify_support.h"

namespace hmap::test {
namespace {

constexpr int kStores = kSanitized ? 40 : 200;
constexpr int kThreads = 3;

struct Following {
  std::string path;
  std::atomic<int> begun{0};
  std::atomic<int> ended{0};
  std::atomic<bool> stop{false};
};

void make(const std::string& path, int number) {
  Result<Store> store = Store::open(path, quiet_options());
  ASSERT_OK(store);
  for (const char* key : {"a", "b", "c"}) ASSERT_OK(store->put(key, std::to_string(number)));
}

// One of the ways to read "a".
int number_in(const Store& store, std::uint64_t way) {
  switch (way % 5) {
    case 0: {
      const Result<std::optional<View>> view = store.find("a");
      EXPECT_TRUE(view.has_value()) << view.error();
      return view && *view ? std::stoi(std::string((*view)->value())) : -1;
    }
    case 1: {
      const Result<Snapshot> snapshot = store.snapshot();
      EXPECT_TRUE(snapshot.has_value()) << snapshot.error();
      return snapshot ? std::stoi(snapshot->get("a").value().value()) : -2;
    }
    case 2: {
      const Contents all = contents(store);
      if (!all.contains("a") || !all.contains("b") || !all.contains("c")) return -5;
      return all.at("a") == all.at("b") ? std::stoi(all.at("c")) : -3;
    }
    default: {
      const std::optional<std::string> value = value_in(store, "a");
      return value ? std::stoi(*value) : -4;
    }
  }
}

void read(const Store& store, bool writable, Following& following) {
  int seen = 0;
  for (std::uint64_t turn = 0; !following.stop; ++turn) {
    const int ended = following.ended;
    const int number = number_in(store, writable ? turn : 2 + turn % 2);
    ASSERT_GE(number, std::max(ended, seen));
    ASSERT_LE(number, following.begun);
    seen = number;
  }
}

void write(Store& store, Following& following) {
  for (int turn = 0; !following.stop; ++turn) {
    ASSERT_OK(store.put("d", std::to_string(turn)));
    ASSERT_OK(store.erase("d"));
  }
}

TEST(Following, ThreadsShareTheirHandles) {
  const TempDir dir(TempDir::Where::kMemory);
  Following following;
  following.path = dir.file("store");
  make(following.path, 0);
  Result<Store> store = Store::open(following.path, quiet_options());
  Result<Store> reader = Store::open(following.path, with_mode(quiet_options(), Mode::kReadOnly));
  ASSERT_OK(store);
  ASSERT_OK(reader);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] { read(*store, true, following); });
    threads.emplace_back([&] { read(*reader, false, following); });
  }
  threads.emplace_back([&] { write(*store, following); });
  for (int number = 1; number <= kStores; ++number) {
    make(dir.file("fresh"), number);
    following.begun = number;
    ASSERT_OK(publish(dir.file("fresh"), following.path));
    following.ended = number;
  }
  following.stop = true;
  for (std::thread& thread : threads) thread.join();
  const auto until = Clock::now() + kDeadline;
  // Both handles may have to follow to the last one yet.
  EXPECT_EQ(number_in(*store, 4), kStores);
  EXPECT_EQ(number_in(*reader, 4), kStores);
  while (maps_old_ones(following.path) && Clock::now() < until)
    std::this_thread::sleep_for(Milliseconds(1));
  EXPECT_FALSE(maps_old_ones(following.path));
  EXPECT_FINDS_NOTHING(store->verify());
}

}  // namespace
}  // namespace hmap::test
