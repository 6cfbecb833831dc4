#include "run.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <stdexcept>

#include "scratch.h"
#include "timing.h"

namespace hmap::bench {
namespace {

// The values of the fill, and those of the update.
constexpr std::uint64_t kFirstVersion = 0;
constexpr std::uint64_t kUpdatedVersion = 1;

// Keys looked at, untimed, after update and erase.
constexpr std::uint64_t kSamples = 10'000;

// Untimed gets before the first timed ones, as a part of their number.
constexpr std::uint64_t kWarmUpPart = 10;

// Copies out and checks every entry of an iteration.
class CheckingSink final : public EntrySink {
 public:
  explicit CheckingSink(const Workload& workload) noexcept : workload_(workload) {}

  void take(std::string_view key, std::string_view value) override {
    key_.assign(key);
    value_.assign(value);
    const auto version = workload_.version_of(key_, value_);
    if (!version) throw std::runtime_error("iterate: a value that was never put under its key");
    token_sum_ += Workload::token(key_, *version);
    if (++count_ % (std::uint64_t{1} << 14) == 0 && interrupted()) throw Interrupted();
  }

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t token_sum() const noexcept { return token_sum_; }

 private:
  const Workload& workload_;
  std::string key_;
  std::string value_;
  std::uint64_t count_ = 0;
  std::uint64_t token_sum_ = 0;
};

// The phases on one store that is open and empty.
class StoreRunner {
 public:
  StoreRunner(const Plan& plan, const Workload& workload, const Order& order, Adapter& adapter)
      : plan_(plan), workload_(workload), order_(order), adapter_(adapter) {}

  PhaseResult run(Phase phase) {
    switch (phase) {
      case Phase::kFill:
        return fill();
      case Phase::kGetHit:
        warm_up();
        return get_hit();
      case Phase::kGetMiss:
        return get_miss();
      case Phase::kUpdate:
        return update();
      case Phase::kIterate:
        return iterate();
      case Phase::kErase:
        return erase();
    }
    throw std::logic_error("no such phase");
  }

 private:
  // Phases start at different places of the order, so that none finds its keys in the caches
  // because the one before it used them.
  Order::Walk walk(Phase phase) const {
    return {order_, order_.size() / kPhases.size() * static_cast<std::uint64_t>(phase)};
  }

  // Times `op`, called `ops` times, with what the store does around a phase.
  template <typename Op>
  PhaseResult measure(Phase phase, Access access, std::uint64_t ops, Op&& op) {
    const Stopwatch watch;
    adapter_.begin(access);
    repeat(ops, op);
    adapter_.end();
    return {phase, ops, watch.seconds(), watch.cpu()};
  }

  PhaseResult fill() {
    return measure(Phase::kFill, Access::kWrite, order_.size(), [&](std::uint64_t index) {
      workload_.key(index, key_);
      workload_.value(key_, kFirstVersion, value_);
      adapter_.put(key_, value_);
    });
  }

  // Gets the value of `index`, which must be there in this version.
  void get_expecting(std::uint64_t index, std::uint64_t version) {
    workload_.key(index, key_);
    if (!adapter_.get(key_, read_)) throw std::runtime_error("get: a key that was put is absent");
    if (workload_.version_of(key_, read_) != version) {
      throw std::runtime_error("get: not the value that was put last");
    }
  }

  void warm_up() {
    Order::Walk indexes = walk(Phase::kFill);
    adapter_.begin(Access::kRead);
    repeat(plan_.ops / kWarmUpPart,
           [&](std::uint64_t) { get_expecting(indexes.next(), kFirstVersion); });
    adapter_.end();
  }

  PhaseResult get_hit() {
    Order::Walk indexes = walk(Phase::kGetHit);
    return measure(Phase::kGetHit, Access::kRead, plan_.ops,
                   [&](std::uint64_t) { get_expecting(indexes.next(), kFirstVersion); });
  }

  PhaseResult get_miss() {
    Order::Walk indexes = walk(Phase::kGetMiss);
    return measure(Phase::kGetMiss, Access::kRead, plan_.ops,
                   [&](std::uint64_t) { get_expecting_absence(order_.size() + indexes.next()); });
  }

  void get_expecting_absence(std::uint64_t index) {
    workload_.key(index, key_);
    if (adapter_.get(key_, read_)) throw std::runtime_error("get: found a key that is absent");
  }

  PhaseResult update() {
    updates_ = std::min(plan_.ops, order_.size());
    Order::Walk indexes = walk(Phase::kUpdate);
    const PhaseResult result =
        measure(Phase::kUpdate, Access::kWrite, updates_, [&](std::uint64_t) {
          workload_.key(indexes.next(), key_);
          workload_.value(key_, kUpdatedVersion, value_);
          adapter_.put(key_, value_);
        });
    Order::Walk again = walk(Phase::kUpdate);
    adapter_.begin(Access::kRead);
    repeat(std::min(kSamples, updates_),
           [&](std::uint64_t) { get_expecting(again.next(), kUpdatedVersion); });
    adapter_.end();
    return result;
  }

  PhaseResult iterate() {
    CheckingSink sink(workload_);
    const Stopwatch watch;
    adapter_.begin(Access::kRead);
    adapter_.iterate(sink);
    adapter_.end();
    const PhaseResult result{Phase::kIterate, sink.count(), watch.seconds(), watch.cpu()};
    if (sink.count() != order_.size() || sink.token_sum() != expected_token_sum()) {
      throw std::runtime_error(fmt::format("iterate: {} entries, not exactly the {} that were put",
                                           sink.count(), order_.size()));
    }
    return result;
  }

  std::uint64_t expected_token_sum() {
    std::uint64_t sum = 0;
    repeat(order_.size(), [&](std::uint64_t index) {
      workload_.key(index, key_);
      sum += Workload::token(key_, kFirstVersion);
    });
    Order::Walk updated = walk(Phase::kUpdate);
    repeat(updates_, [&](std::uint64_t) {
      workload_.key(updated.next(), key_);
      sum += Workload::token(key_, kUpdatedVersion) - Workload::token(key_, kFirstVersion);
    });
    return sum;
  }

  PhaseResult erase() {
    const std::uint64_t erases = std::min(plan_.ops, order_.size());
    Order::Walk indexes = walk(Phase::kErase);
    const PhaseResult result = measure(Phase::kErase, Access::kWrite, erases, [&](std::uint64_t) {
      workload_.key(indexes.next(), key_);
      if (!adapter_.erase(key_)) throw std::runtime_error("erase: a key that was put is absent");
    });
    Order::Walk again = walk(Phase::kErase);
    adapter_.begin(Access::kRead);
    repeat(std::min(kSamples, erases), [&](std::uint64_t) { get_expecting_absence(again.next()); });
    adapter_.end();
    return result;
  }

  const Plan& plan_;
  const Workload& workload_;
  const Order& order_;
  Adapter& adapter_;
  std::uint64_t updates_ = 0;
  std::string key_;
  std::string value_;
  std::string read_;
};

std::unique_ptr<Adapter> make_adapter(const std::string& store) {
  for (const StoreKind& kind : store_kinds()) {
    if (kind.name == store) return kind.make();
  }
  throw std::runtime_error("no such store in this build: " + store);
}

StoreRun run_store(const Plan& plan, const Workload& workload, const Order& order,
                   const std::string& store, int round) {
  const Scratch scratch(plan.dir, store);
  const std::unique_ptr<Adapter> adapter = make_adapter(store);
  StoreRun run{.store = store, .round = round, .phases = {}};
  const Stopwatch opening;
  adapter->open(scratch.path(), plan.shape);
  run.open_seconds = opening.seconds();
  StoreRunner runner(plan, workload, order, *adapter);
  for (const Phase phase : plan.phases) {
    run.phases.push_back(runner.run(phase));
    if (phase == Phase::kFill) run.file_bytes = scratch.allocated_bytes();
  }
  const Stopwatch closing;
  adapter->close();
  run.close_seconds = closing.seconds();
  return run;
}

void print_progress(const Plan& plan, const StoreRun& run) {
  std::string line = fmt::format("# {} entries, round {}/{}, {}:", plan.shape.entries,
                                 run.round + 1, plan.repeat, run.store);
  for (const PhaseResult& result : run.phases) {
    line += fmt::format(" {} {:.2f} s", name(result.phase), result.seconds);
  }
  fmt::print(stderr, "{}\n", line);
}

// Keeps a result that nobody looks at from being optimised away.
void keep(std::uint64_t& value) noexcept { asm volatile("" : "+r"(value)); }

}  // namespace

std::string_view name(Phase phase) noexcept {
  switch (phase) {
    case Phase::kFill:
      return "fill";
    case Phase::kGetHit:
      return "get-hit";
    case Phase::kGetMiss:
      return "get-miss";
    case Phase::kUpdate:
      return "update";
    case Phase::kIterate:
      return "iterate";
    case Phase::kErase:
      return "erase";
  }
  return "?";
}

std::vector<StoreRun> run_rounds(const Plan& plan) {
  const Workload workload(plan.shape);
  const Order order(plan.shape.entries, plan.shape.seed);
  std::vector<StoreRun> runs;
  for (int round = 0; round < plan.repeat; ++round) {
    for (std::size_t i = 0; i < plan.stores.size(); ++i) {
      const std::size_t turn = (i + static_cast<std::size_t>(round)) % plan.stores.size();
      const std::string& store = plan.stores[turn];
      try {
        runs.push_back(run_store(plan, workload, order, store, round));
      } catch (const Interrupted&) {
        throw;
      } catch (const std::exception& error) {
        throw std::runtime_error(fmt::format("{}, {} entries, round {}: {}", store,
                                             plan.shape.entries, round + 1, error.what()));
      }
      print_progress(plan, runs.back());
    }
  }
  return runs;
}

HarnessCost measure_harness(const Shape& shape) {
  constexpr std::uint64_t kCalls = 1'000'000;
  const Workload workload(shape);
  std::string key;
  std::string value;
  const auto time_ns = [&](auto op) {
    const Stopwatch watch;
    repeat(kCalls, [&](std::uint64_t index) {
      workload.key(index, key);
      std::uint64_t result = op();
      keep(result);
    });
    return watch.seconds() * 1e9 / static_cast<double>(kCalls);
  };
  const auto make_value = [&] {
    workload.value(key, kFirstVersion, value);
    return static_cast<std::uint64_t>(value[0]);
  };
  const auto make_and_check = [&] {
    workload.value(key, kFirstVersion, value);
    return workload.version_of(key, value).value_or(1);
  };
  const double key_ns = time_ns([&] { return static_cast<std::uint64_t>(key[0]); });
  const double put_ns = time_ns(make_value);
  const double both_ns = time_ns(make_and_check);
  return {put_ns, key_ns + std::max(0.0, both_ns - put_ns)};
}

}  // namespace hmap::bench
