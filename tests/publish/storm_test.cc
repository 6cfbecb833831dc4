// Publishing beside readers and writers in many processes, by several publishers, some of whom die:
// nobody sees a store after a later one, and no acknowledged write is lost but with its store.
#include <gtest/gtest.h>
#include <signal.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "child.h"
#include "generations.h"
#include "progress.h"
#include "seeds.h"
#include "shared_memory.h"

namespace hmap::test {
namespace {

constexpr int kEntries = 12;
constexpr int kReaders = 3;
constexpr int kWriters = 2;

struct Board {
  std::atomic<int> begun{1};  // the latest generation that somebody has begun to publish
  std::atomic<int> ended{1};  // the latest whose publishing has returned, or was seen
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> reads{0};
  std::atomic<std::uint64_t> writes{0};
  std::atomic<std::uint64_t> follows{0};
};

void raise_to(std::atomic<int>& most, int value) {
  int before = most.load();
  while (before < value && !most.compare_exchange_weak(before, value)) continue;
}

int number_in(const Store& store, const std::string& key) {
  const std::optional<std::string> value = value_in(store, key);
  return value ? std::stoi(*value) : -1;
}

// Exit codes say what was wrong.
int read(const std::string& path, Board& board, Mode mode) {
  Result<Store> store = Store::open(path, with_mode(quiet_options(), mode));
  if (!store) return 1;
  int seen = 0;
  while (!board.stop) {
    const int ended = board.ended;
    const int number = number_in(*store, key_of(static_cast<int>(board.reads % kEntries)));
    const int begun = board.begun;
    if (number < ended || number > begun) return 2;
    if (number < seen) return 3;
    if (number > seen) ++board.follows;
    seen = number;
    raise_to(board.ended, number);
    ++board.reads;
  }
  return 0;
}

int write(const std::string& path, Board& board, int self) {
  Result<Store> store = Store::open(path, with_mode(quiet_options(), Mode::kOpen));
  if (!store) return 1;
  const std::string key = "writer " + std::to_string(self);
  for (int i = 0; !board.stop; ++i) {
    const int before = number_in(*store, key_of(0));
    if (!store->put(key, std::to_string(i)).ok()) return 4;
    const std::optional<std::string> value = value_in(*store, key);
    const int after = number_in(*store, key_of(0));
    // Gone with its store, or there.
    if (value != std::to_string(i) && !(value == std::nullopt && before != after)) return 5;
    ++board.writes;
  }
  return 0;
}

int publish_many(const std::string& path, const std::string& fresh, Board& board, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    std::filesystem::remove(fresh);
    std::filesystem::remove(fresh + "-wal");
    const int number = board.begun + 1;
    build(fresh, number, kEntries);
    board.begun = number;
    if (!publish(fresh, path)) return 6;
    raise_to(board.ended, number);
  }
  return 0;
}

TEST(PublishStorm, NobodyGoesBack) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  build(path, 1, kEntries);
  const Shared<Board> board;
  std::vector<Child> others;
  for (int i = 0; i < kReaders; ++i)
    others.emplace_back(
        [&, i] { return read(path, *board, i == 0 ? Mode::kOpen : Mode::kReadOnly); });
  for (int i = 0; i < kWriters; ++i) others.emplace_back([&, i] { return write(path, *board, i); });
  Random random(test_seed());
  const auto rounds = environment_number("HMAP_PUBLISH_ROUNDS", 60);
  std::uint64_t kills = 0;
  Progress progress("rounds", rounds);
  for (std::uint64_t round = 0; progress.goes_on(round); ++round) {
    Child publisher(
        [&] { return publish_many(path, dir.file("fresh"), *board, round % 3 == 0 ? 3 : 100); });
    if (round % 3 == 0) {
      ASSERT_CHILD_PASSES(publisher.wait());
      continue;
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random.below(20'000)));
    ++kills;
    publisher.kill();
  }
  board->stop = true;
  for (Child& other : others) EXPECT_CHILD_PASSES(other.wait());
  Result<Store> store = Store::open(path, quiet_options());
  ASSERT_OK(store);
  EXPECT_FINDS_NOTHING(store->verify());
  std::printf("%d generations, %llu kills, %llu reads, %llu writes, %llu times followed\n",
              board->begun.load(), static_cast<unsigned long long>(kills),
              static_cast<unsigned long long>(board->reads),
              static_cast<unsigned long long>(board->writes),
              static_cast<unsigned long long>(board->follows));
}

// Several at a time: one after the other, each whole.
TEST(PublishStorm, PublishersTakeTurns) {
  const TempDir dir(TempDir::Where::kMemory);
  const std::string path = dir.file("store");
  build(path, 0, kEntries);
  std::vector<Child> publishers;
  for (int self = 1; self <= 3; ++self) {
    publishers.emplace_back([&, self] {
      const std::string fresh = dir.file("fresh " + std::to_string(self));
      for (int i = 0; i < 15; ++i) {
        build(fresh, self, kEntries);
        const Result<PublishReport> report = publish(fresh, path);
        if (!report || report->entries_before != kEntries) return 1;
      }
      return 0;
    });
  }
  const Result<Store> reader = Store::open(path, with_mode(quiet_options(), Mode::kReadOnly));
  for (Child& publisher : publishers) {
    while (publisher.running()) {
      // A cursor stays in one store.
      const Contents model = contents(*reader);
      ASSERT_EQ(model.size(), static_cast<std::size_t>(kEntries));
      EXPECT_EQ(model, generation(std::stoi(model.begin()->second), kEntries));
      const Outcome outcome = publisher.poll();
      if (outcome.how != Outcome::How::kTimedOut) {
        EXPECT_CHILD_PASSES(outcome);
      }
    }
  }
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()), {}), 1);
}

}  // namespace
}  // namespace hmap::test
