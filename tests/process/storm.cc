#include "storm.h"

#include <poll.h>
#include <time.h>

#include <cstdio>

#include "progress.h"
#include "stop_at.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

int complain(const char* who, const std::string& what) {
  std::fprintf(stderr, "%s: %s\n", who, what.c_str());
  return 1;
}

std::string key_text(std::uint64_t writer, std::uint64_t key) {
  return "writer " + std::to_string(writer) + " key " + std::to_string(key);
}

// What the predecessor left in doubt is decided now: it was done, or it never will be. Reading
// alone does not decide it, because a write that is published and not yet visible is completed by
// the next owner of the lock; so this takes the lock, by an insert.
std::string settle(Store& store, StormBoard& board, std::uint64_t writer) {
  const std::uint64_t current = board.current[writer].load();
  if (current == 0) return {};
  const std::uint64_t number = current - 1;
  StormBoard::Key& key = board.keys[writer][number];
  const std::string name = storm_key(writer, number);
  const std::uint64_t id = storm_key_id(writer, number);
  const std::uint64_t low = key.acknowledged.load();
  const std::uint64_t high = key.begun.load();
  const std::uint64_t version = version_of(high) + 1;
  key.begun.store(version << 1 | 1);
  const Result<bool> inserted = store.insert(name, stamped_value({id, version}));
  if (!inserted) return "insert after a death: " + inserted.error().message();
  std::optional<std::string> found;  // what was there
  std::uint64_t settled = version << 1 | 1;
  if (!*inserted) {
    Result<std::optional<std::string>> value = store.get(name);
    if (!value) return "get after a death: " + value.error().message();
    found = *std::move(value);
    const auto stamp = parse_stamped(found.value_or(""));
    settled = (stamp ? stamp->version : 0) << 1 | 1;
  }
  const std::string wrong = judge(id, found, low, high);
  if (!wrong.empty()) return key_text(writer, number) + " after a death: " + wrong;
  key.acknowledged.store(settled);
  board.current[writer].store(0);
  return {};
}

// One random write of a key. Returns what went wrong.
std::string write_once(Store& store, StormBoard& board, std::uint64_t writer, std::uint64_t number,
                       Random& random) {
  StormBoard::Key& key = board.keys[writer][number];
  const std::string name = storm_key(writer, number);
  const std::uint64_t old = key.acknowledged.load();
  const bool erases = random.one_in(5);
  const std::uint64_t version = version_of(key.begun.load()) + 1;
  const std::uint64_t next = version << 1 | (erases ? 0 : 1);
  board.current[writer].store(number + 1);
  key.begun.store(next);
  if (erases) {
    const Result<bool> erased = store.erase(name);
    if (!erased) return "erase: " + erased.error().message();
    if (*erased != is_present(old)) return key_text(writer, number) + ": erase disagrees";
  } else {
    const std::string value = stamped_value({storm_key_id(writer, number), version});
    const Status status = is_present(old) && random.one_in(3) ? store.replace(name, value).error()
                          : !is_present(old) && random.one_in(2) ? store.insert(name, value).error()
                                                                 : store.put(name, value);
    if (!status.ok()) return "put: " + status.message();
  }
  key.acknowledged.store(next);
  board.current[writer].store(0);
  return {};
}

}  // namespace

std::string storm_key(std::uint64_t writer, std::uint64_t key) {
  return "w" + std::to_string(writer) + "/" + std::to_string(key) +
         std::string(key % 7 == 0 ? 40 : 0, '.');
}
std::uint64_t storm_key_id(std::uint64_t writer, std::uint64_t key) {
  return writer * kStormKeysMax + key + 1;
}

std::string judge(std::uint64_t id, const std::optional<std::string>& value, std::uint64_t low,
                  std::uint64_t high) {
  const std::string range = " (versions " + std::to_string(version_of(low)) +
                            (is_present(low) ? "+" : "-") + " to " +
                            std::to_string(version_of(high)) + (is_present(high) ? "+" : "-") + ")";
  if (!value.has_value()) {
    // With versions in between, one of them may have been an erasure.
    const bool may_be_absent =
        !is_present(low) || !is_present(high) || version_of(high) > version_of(low) + 1;
    return may_be_absent ? "" : "a finished write is lost" + range;
  }
  const std::optional<Stamp> stamp = parse_stamped(*value);
  if (!stamp) return "torn value of " + std::to_string(value->size()) + " bytes" + range;
  if (stamp->key != id) return "value of another key: " + std::to_string(stamp->key) + range;
  const std::string version = "version " + std::to_string(stamp->version) + range;
  if (stamp->version < version_of(low)) return "an old value came back: " + version;
  if (stamp->version > version_of(high)) return "a value from nowhere: " + version;
  if (stamp->version == version_of(low) && !is_present(low)) return "erased, but there: " + version;
  if (stamp->version == version_of(high) && !is_present(high))
    return "value of an erasure: " + version;
  return {};
}

int run_storm_writer(const StormPlan& plan, StormBoard& board, std::uint64_t writer,
                     std::uint64_t seed) {
  Random random(seed);
  Result<Store> store = Store::open(plan.path, plan.options);
  if (!store) return complain("writer", "open: " + store.error().message());
  std::string wrong = settle(*store, board, writer);
  // A death from outside seldom meets the few stores that matter: half of the writers see to it.
  if (plan.dies_in_writes && random.one_in(2)) StopAt::arm(random.between(1, 20'000), SIGKILL);
  while (wrong.empty()) {
    // A few keys are written often, so that versions rise; the others keep the store growing.
    const std::uint64_t number = random.one_in(3) ? random.below(8) : random.below(plan.keys);
    wrong = write_once(*store, board, writer, number, random);
    if (wrong.empty() && random.one_in(2'000)) {
      const Status status = store->checkpoint();
      if (!status.ok()) wrong = "checkpoint: " + status.message();
    }
    board.progress[writer].fetch_add(1);
  }
  return complain("writer", wrong);
}

int run_storm_reader(const StormPlan& plan, StormBoard& board, std::uint64_t reader,
                     std::uint64_t seed) {
  Random random(seed);
  std::array<std::vector<std::uint64_t>, kStormWriters> seen;
  for (auto& versions : seen) versions.resize(plan.keys);
  const Options options = random.one_in(2) ? with_mode({}, Mode::kReadOnly) : plan.options;
  Result<Store> store = Store::open(plan.path, options);
  if (!store) return complain("reader", "open: " + store.error().message());
  while (true) {
    const std::uint64_t writer = random.below(kStormWriters);
    const std::uint64_t number = random.one_in(2) ? random.below(8) : random.below(plan.keys);
    const StormBoard::Key& key = board.keys[writer][number];
    const std::uint64_t low = key.acknowledged.load();
    const auto value = store->get(storm_key(writer, number));
    const std::uint64_t high = key.begun.load();
    if (!value) return complain("reader", "get: " + value.error().message());
    const std::string wrong = judge(storm_key_id(writer, number), *value, low, high);
    if (!wrong.empty()) return complain("reader", key_text(writer, number) + ": " + wrong);
    if (value->has_value()) {
      const std::uint64_t version = parse_stamped(**value)->version;
      if (version < seen[writer][number]) {
        return complain("reader", key_text(writer, number) + ": went back to " +
                                      std::to_string(version) + " from " +
                                      std::to_string(seen[writer][number]));
      }
      seen[writer][number] = version;
      board.reads_of_values.fetch_add(1, std::memory_order_relaxed);
    }
    board.progress[kStormWriters + reader].fetch_add(1, std::memory_order_relaxed);
  }
}

Child Storm::start(std::uint64_t process) {
  const std::uint64_t seed = random_.next();
  last_change_[process] = Clock::now();
  return Child([this, process, seed] {
    return process < kStormWriters
               ? run_storm_writer(plan_, *board_, process, seed)
               : run_storm_reader(plan_, *board_, process - kStormWriters, seed);
  });
}

void Storm::pause(std::uint64_t microseconds) {
  const timespec time{static_cast<time_t>(microseconds / 1'000'000),
                      static_cast<long>(microseconds % 1'000'000) * 1'000};
  nanosleep(&time, nullptr);
}

void Storm::check_all_alive() {
  for (std::uint64_t process = 0; process < kStormProcesses; ++process) {
    const Outcome outcome = children_[process].poll();
    if (outcome.killed() && plan_.dies_in_writes && process < kStormWriters) {
      ++deaths_in_writes_;
      replace(process);
      continue;
    }
    ASSERT_TRUE(outcome == Outcome{}) << "process " << process << " " << outcome;
    const std::uint64_t progress = board_->progress[process].load();
    if (progress != last_progress_[process]) {
      last_progress_[process] = progress;
      last_change_[process] = Clock::now();
    }
    ASSERT_LT(Clock::now() - last_change_[process], Milliseconds(30'000))
        << "process " << process << " (pid " << children_[process].pid() << ") hangs";
  }
}

void Storm::strike() {
  const std::uint64_t victim = random_.below(kStormProcesses);
  Child& child = children_[victim];
  if (plan_.stops && random_.one_in(6)) {
    child.signal(SIGSTOP);
    const Outcome stopped = child.wait();
    if (stopped.killed()) return replace(victim);  // it had died in a write
    ASSERT_TRUE(stopped.stopped()) << "process " << victim << " " << stopped;
    pause(random_.below(8'000));
    if (random_.one_in(2)) {
      child.signal(SIGCONT);
      return;
    }
  }
  const Outcome outcome = child.kill();
  ASSERT_TRUE(outcome.killed()) << "process " << victim << " " << outcome;
  ++kills_;
  replace(victim);
}

void Storm::replace(std::uint64_t process) { children_[process] = start(process); }

void Storm::run() {
  { ASSERT_OK(Store::open(plan_.path, plan_.options)); }
  for (std::uint64_t process = 0; process < kStormProcesses; ++process) {
    children_.push_back(start(process));
  }
  Progress progress("kills", plan_.kills);
  while (progress.goes_on(kills_)) {
    // Mostly long enough to get to work, sometimes in the middle of opening.
    pause(random_.below(random_.one_in(8) ? 2'000 : plan_.pause_us));
    check_all_alive();
    if (::testing::Test::HasFatalFailure()) return;
    strike();
    if (::testing::Test::HasFatalFailure()) return;
  }
  children_.clear();
  if (plan_.reboots) fake_reboot(1);
  Result<Store> store = Store::open(plan_.path, plan_.options);
  ASSERT_OK(store);
  check_everything(*store);
  ASSERT_OK(store->close());
  copy_file(plan_.path, plan_.path + ".copy");  // close left a checkpoint: everything is durable
  Result<Store> copy = Store::open(plan_.path + ".copy", plan_.options);
  ASSERT_OK(copy);
  check_everything(*copy);
  if (plan_.reboots) real_boot();
  std::uint64_t writes = 0;
  for (std::uint64_t writer = 0; writer < kStormWriters; ++writer) {
    writes += board_->progress[writer].load();
  }
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf("%llu kills, %llu deaths in writes, %llu writes, %llu values read\n", number(kills_),
              number(deaths_in_writes_), number(writes), number(board_->reads_of_values.load()));
  EXPECT_GT(writes, kills_) << "the writers did next to nothing";
  EXPECT_GT(board_->reads_of_values.load(), kills_) << "the readers saw next to nothing";
}

void Storm::check_everything(Store& store) {
  Contents expected;
  for (std::uint64_t writer = 0; writer < kStormWriters; ++writer) {
    const std::string wrong = settle(store, *board_, writer);
    ASSERT_EQ("", wrong);
    for (std::uint64_t number = 0; number < plan_.keys; ++number) {
      const std::uint64_t word = board_->keys[writer][number].acknowledged.load();
      const std::string key = storm_key(writer, number);
      const std::optional<std::string> found = value_in(store, key);
      const std::uint64_t id = storm_key_id(writer, number);
      ASSERT_EQ("", judge(id, found, word, word)) << key;
      if (found) expected[key] = *found;
    }
  }
  ASSERT_EQ(expected.size(), store.size().value()) << "the count is wrong";
  ASSERT_TRUE(expected == contents(store)) << "iteration and look-ups disagree";
}

}  // namespace hmap::test
