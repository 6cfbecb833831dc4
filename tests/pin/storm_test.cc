// Readers with views, writers that replace, erase, clear and grow, and a hand that kills and stops
// both at random.
//
// HMAP_PIN_KILLS: kills per store (default 40; the long run 2,000).
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <deque>

#include "child.h"
#include "held.h"
#include "hmap/snapshot.h"
#include "progress.h"
#include "seeds.h"
#include "shared_memory.h"
#include "stop_at.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kWriters = 2;
constexpr std::uint64_t kReaders = 3;

struct Board {
  std::atomic<std::uint64_t> writes;
  std::atomic<std::uint64_t> views;     // ended, and intact until then
  std::atomic<std::uint64_t> outlived;  // of these: their key had another value or none by then
};

struct Plan {
  Options options;
  std::uint64_t keys;
  std::uint64_t kills;
  bool clears;
};

int complain(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  return 1;
}

// Until it is killed.
int write_on(const std::string& path, const Plan& plan, Board& board, std::uint64_t seed) {
  Random random(seed);
  Store store = Store::open(path, plan.options).value();
  if (random.one_in(2)) StopAt::arm(random.between(1, 30'000), SIGKILL);
  for (std::uint64_t version = seed;; ++version) {
    const std::uint64_t n = random.one_in(2) ? random.below(plan.keys) : random.below(10);
    Status status;
    if (plan.clears && random.one_in(4'000)) {
      status = store.clear();
    } else if (random.one_in(5)) {
      status = store.erase(key_of(n)).error();
    } else {
      status = store.put(key_of(n), stamped_value({n, version}));
    }
    if (!status.ok()) return complain("writing: " + status.message());
    ++board.writes;
  }
}

struct Sight {
  View view;
  std::string copy;
  std::uint64_t n;
};

// What is wrong with a view at its end, or nothing.
std::string end(const Store& store, const Sight& sight, Board& board) {
  if (sight.view.value() != sight.copy || sight.view.key() != key_of(sight.n))
    return "a view of " + key_of(sight.n) + " has changed";
  ++board.views;
  const Result<std::optional<std::string>> now = store.get(key_of(sight.n));
  if (!now) return "get: " + now.error().message();
  if (*now != sight.copy) ++board.outlived;
  return {};
}

int look_on(const std::string& path, const Plan& plan, Board& board, std::uint64_t seed) {
  Random random(seed);
  Store store = Store::open(path, plan.options).value();
  std::deque<Sight> sights;
  const std::uint64_t most = random.one_in(3) ? 2'000 : random.between(1, 60);
  if (random.one_in(3)) StopAt::arm(random.between(1, 20'000), SIGKILL);
  std::optional<Snapshot> snapshot;
  for (;;) {
    const std::uint64_t n = random.one_in(2) ? random.below(plan.keys) : random.below(10);
    Result<std::optional<View>> view = store.find(key_of(n));
    if (!view) return complain("find: " + view.error().message());
    if (*view) {
      Sight sight{*std::move(*view), {}, n};
      const std::optional<Stamp> stamp = parse_stamped(sight.view.value());
      if (!stamp || stamp->key != n) return complain("torn or foreign value of " + key_of(n));
      sight.copy = sight.view.value();
      sights.push_back(std::move(sight));
    }
    if (random.one_in(500)) snapshot.reset();
    if (random.one_in(2'000)) {
      Result<Snapshot> taken = store.snapshot();
      if (taken) snapshot.emplace(*std::move(taken));
    }
    if (sights.size() <= most && !random.one_in(50)) continue;
    const std::uint64_t at = random.below(sights.size() + 1);
    if (at == sights.size()) continue;
    const std::string wrong = end(store, sights[at], board);
    if (!wrong.empty()) return complain(wrong);
    sights.erase(sights.begin() + static_cast<long>(at));
  }
}

void weather(const Plan& plan, TempDir::Where where) {
  const std::uint64_t kills = environment_number("HMAP_PIN_KILLS", plan.kills);
  Watchdog watchdog(Milliseconds(60'000 + kills * 1'000));
  Random random(test_seed());
  TempDir dir(where);
  const std::string path = dir.file("store");
  { ASSERT_OK(Store::open(path, plan.options)); }
  Shared<Board> board;
  const auto start = [&](std::uint64_t process) {
    const std::uint64_t seed = random.next() >> 20;
    return Child([&, process, seed] {
      return process < kWriters ? write_on(path, plan, *board, seed)
                                : look_on(path, plan, *board, seed);
    });
  };
  std::vector<Child> children;
  for (std::uint64_t i = 0; i < kWriters + kReaders; ++i) children.push_back(start(i));
  Progress progress("kills and stops", kills);
  std::uint64_t strikes = 0;
  for (; progress.goes_on(strikes); ++strikes) {
    usleep(static_cast<useconds_t>(random.below(random.one_in(6) ? 2'000 : 50'000)));
    const std::uint64_t victim = random.below(children.size());
    if (random.one_in(3)) {
      // Asleep, with its views and perhaps a lock, while the others go on.
      children[victim].signal(SIGSTOP);
      usleep(static_cast<useconds_t>(random.below(100'000)));
      children[victim].signal(SIGCONT);
      continue;
    }
    for (std::uint64_t i = 0; i < children.size(); ++i) {
      Outcome outcome = i == victim ? children[i].kill() : children[i].poll();
      if (outcome.how == Outcome::How::kTimedOut || outcome.stopped()) continue;
      ASSERT_TRUE(outcome.killed()) << "process " << i << " " << outcome;
      children[i] = start(i);
    }
  }
  for (Child& child : children) {
    child.signal(SIGCONT);
    const Outcome outcome = child.kill();
    ASSERT_TRUE(outcome.killed()) << outcome;
  }
  Store store = Store::open(path, plan.options).value();
  ASSERT_OK(store.checkpoint());
  const VerifyReport report = verified(store);
  EXPECT_TRUE(report.clean());
  EXPECT_EQ(0U, store.stats().value().held_bytes);
  std::printf(
      "%llu kills and stops, %llu writes, %llu views, of which %llu outlived their value; %llu "
      "KiB\n",
      static_cast<unsigned long long>(strikes),
      static_cast<unsigned long long>(board->writes.load()),
      static_cast<unsigned long long>(board->views.load()),
      static_cast<unsigned long long>(board->outlived.load()),
      static_cast<unsigned long long>(file_bytes(path) >> 10));
  EXPECT_GT(board->outlived.load(), strikes) << "the storm was none";
}

TEST(PinStorm, HarmsNoViewInASmallStore) {
  Plan plan{small_options(), 300, 40, true};
  plan.options.geometry.slots = 16;
  plan.options.checkpoint_interval = Milliseconds(10);
  plan.options.size_limit = std::uint64_t{1} << 30;
  weather(plan, TempDir::Where::kMemory);
}

TEST(PinStorm, HarmsNoViewInAStoreOfFourShards) {
  Plan plan{{}, 5'000, 40, true};
  plan.options.checkpoint_interval = Milliseconds(20);
  plan.options.size_limit = std::uint64_t{2} << 30;
  weather(plan, TempDir::Where::kMemory);
}

}  // namespace
}  // namespace hmap::test
