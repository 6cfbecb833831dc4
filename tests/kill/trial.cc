#include "trial.h"

#include <time.h>

#include <algorithm>
#include <utility>

#include "hmap/snapshot.h"
#include "values.h"

namespace hmap::test {
namespace {

// A death for so many calls at least, however busy the machine is.
constexpr std::uint64_t kCallsForADeath = 3'000;
constexpr Milliseconds kHang{30'000};

void pause(std::uint64_t microseconds) {
  const timespec time{static_cast<time_t>(microseconds / 1'000'000),
                      static_cast<long>(microseconds % 1'000'000) * 1'000};
  nanosleep(&time, nullptr);
}

}  // namespace

Trial::Trial(const Case& of, std::uint64_t seed) : case_(of), random_(seed), values_(of.keys, 0) {
  Result<Store> store = Store::open(case_.path, case_.options);
  EXPECT_OK(store);
  if (store) store_.emplace(*std::move(store));
}

void Trial::start(std::uint64_t witness) {
  const std::uint64_t seed = random_.next();
  children_[witness] = std::make_unique<Child>(
      [this, witness, seed] { return testify(case_, *court_, witness, seed); });
}

// What the dead process was doing has happened by now, or never will: whoever takes all locks
// finishes it.
void Trial::settle(std::uint64_t witness) {
  ASSERT_OK(store_->snapshot());
  const std::uint64_t stamp = court_->clock.fetch_add(1) + 1;
  Testimony& log = court_->testimonies[witness];
  for (std::uint64_t i = log.calls.load(); i-- > 0;) {
    Call& call = log.call[i];
    if (call.end != Call::End::kPending) {
      // A clearing answers for its keys in their order.
      if (call.kind != Call::Kind::kClear) break;
      continue;
    }
    call.responded = stamp;
    call.end = Call::End::kUnknown;
  }
}

void Trial::replace(std::uint64_t witness) {
  settle(witness);
  start(witness);
}

void Trial::look_after_the_dead() {
  for (std::uint64_t witness = 0; witness < kWitnesses; ++witness) {
    const Outcome outcome = children_[witness]->poll();
    if (outcome.killed() && kRoles[witness] == Role::kWriter) {
      ++facts_.deaths_in_writes;
      replace(witness);
    } else {
      // Or it has filled its log.
      ASSERT_TRUE(outcome == Outcome{} || outcome.exited(0))
          << "process " << witness << " " << outcome;
    }
  }
}

std::uint64_t Trial::calls_so_far() const {
  std::uint64_t calls = 0;
  for (const Testimony& log : court_->testimonies) calls += log.calls.load();
  return calls;
}

void Trial::check_progress() {
  const std::uint64_t calls = calls_so_far();
  if (calls != calls_before_) last_progress_ = Clock::now();
  calls_before_ = calls;
  ASSERT_LT(Clock::now() - last_progress_, kHang) << "nobody gets on";
}

void Trial::strike() {
  const std::uint64_t victim = random_.below(kWitnesses);
  Child& child = *children_[victim];
  if (!child.running()) return;  // its log is full
  if (random_.one_in(4)) {
    child.signal(SIGSTOP);
    const Outcome stopped = child.wait();
    if (stopped.killed()) {  // it had died in a write
      ++facts_.deaths_in_writes;
      return replace(victim);
    }
    if (stopped.exited(0)) return;
    ASSERT_TRUE(stopped.stopped()) << "process " << victim << " " << stopped;
    ++facts_.stops;
    pause(random_.below(3'000));
    if (random_.one_in(2)) return child.signal(SIGCONT);
  }
  const Outcome outcome = child.kill();
  if (outcome.exited(0)) return;
  ASSERT_TRUE(outcome.killed()) << "process " << victim << " " << outcome;
  ++facts_.kills;
  replace(victim);
}

// Mostly long enough to get to work, sometimes only into the middle of opening.
void Trial::let_them_work() {
  if (random_.one_in(8)) return pause(random_.below(1'000));
  const std::uint64_t enough = calls_so_far() + random_.below(kCallsForADeath);
  const auto until = Clock::now() + Milliseconds(50);
  while (calls_so_far() < enough && Clock::now() < until) pause(200);
}

void Trial::hold_all_still() {
  court_->adjourned.store(true);
  for (std::uint64_t witness = 0; witness < kWitnesses; ++witness) {
    Child& child = *children_[witness];
    if (!child.running()) continue;
    const Outcome outcome = child.wait();
    if (outcome.killed() && kRoles[witness] == Role::kWriter) {
      ++facts_.deaths_in_writes;
      settle(witness);
    } else {
      ASSERT_TRUE(outcome.exited(0)) << "process " << witness << " " << outcome;
    }
  }
}

void Trial::round(std::uint64_t calls) {
  ASSERT_TRUE(store_.has_value());
  court_->adjourned.store(false);
  for (Testimony& log : court_->testimonies) log.calls.store(0);
  children_.resize(kWitnesses);
  for (std::uint64_t witness = 0; witness < kWitnesses; ++witness) start(witness);
  last_progress_ = Clock::now();
  const std::uint64_t deaths = deaths_so_far() + calls / kCallsForADeath;
  while (calls_so_far() < calls || deaths_so_far() < deaths) {
    let_them_work();
    look_after_the_dead();
    if (::testing::Test::HasFatalFailure()) return;
    check_progress();
    if (::testing::Test::HasFatalFailure()) return;
    strike();
    if (::testing::Test::HasFatalFailure()) return;
    const bool all_full = std::none_of(children_.begin(), children_.end(),
                                       [](const auto& child) { return child->running(); });
    if (all_full) break;
  }
  hold_all_still();
  if (!::testing::Test::HasFatalFailure()) explain_all();
}

std::uint64_t Trial::value_now(std::uint64_t key) {
  const std::optional<std::string> value = value_in(*store_, tracked_key(key));
  if (!value) return 0;
  const std::optional<Stamp> stamp = parse_stamped(*value);
  EXPECT_TRUE(stamp && stamp->key == key) << "key " << key << " has a torn value";
  return stamp ? stamp->version : 0;
}

void Trial::explain_all() {
  std::vector<std::vector<Call>> calls(case_.keys);
  for (const Testimony& log : court_->testimonies) {
    const std::uint64_t count = log.calls.load();
    for (std::uint64_t i = 0; i < count; ++i) {
      const Call& call = log.call[i];
      // A look-up that was cut off says nothing.
      const bool read = call.kind == Call::Kind::kGet;
      if (call.end != Call::End::kDone && read) continue;
      ASSERT_NE(Call::End::kPending, call.end) << "a call without an end";
      if (call.end == Call::End::kUnknown) ++facts_.unknown;
      calls[call.key].push_back(call);
    }
  }
  for (std::uint64_t key = 0; key < case_.keys; ++key) {
    Call last;
    last.invoked = court_->clock.fetch_add(1) + 1;
    last.value = value_now(key);
    last.responded = court_->clock.fetch_add(1) + 1;
    last.key = static_cast<std::uint32_t>(key);
    last.end = Call::End::kDone;
    calls[key].push_back(last);
    facts_.calls += calls[key].size();
    EXPECT_EQ("", explain(std::move(calls[key]), values_[key]));
    if (::testing::Test::HasFailure()) return;
    values_[key] = last.value;
  }
  facts_.counters = court_->counters.load();
  for (const Stats::Shard& shard : store_->stats().value().shards) {
    facts_.grown_to = std::max(facts_.grown_to, shard.buckets_log2);
  }
  const VerifyReport report = store_->verify().value();
  EXPECT_TRUE(report.clean() && report.complete)
      << (report.findings.empty() ? report.incomplete_why : report.findings.front().text);
}

void Trial::close() {
  ASSERT_OK(store_->close());
  store_.reset();
  Result<Store> again = Store::open(case_.path, case_.options);
  ASSERT_OK(again);
  store_.emplace(*std::move(again));
  for (std::uint64_t key = 0; key < case_.keys; ++key) ASSERT_EQ(values_[key], value_now(key));
  ASSERT_OK(store_->close());
}

}  // namespace hmap::test
