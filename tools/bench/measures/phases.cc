#include "measures/phases.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <stdexcept>

#include "adapters/go.h"
#include "base/timing.h"
#include "measures/requests.h"

namespace hmap::bench {
namespace {

// Keys looked at, untimed, after each phase that writes.
constexpr std::uint64_t kSamplesMax = 10'000;
// Untimed gets before the first timed ones, as a part of their number.
constexpr std::uint64_t kWarmUpPart = 10;
constexpr std::size_t kKeysAtOnce = 16;

// Versions of values: the fill writes 0, each later write one of its own.
constexpr std::uint32_t kFillVersion = 0;

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

// What all stores are asked, made once.
struct Task {
  Task(const Shape& shape, std::uint64_t operations)
      : workload(shape), order(shape.entries, shape.seed), ops(operations) {}

  Workload workload;
  Order order;
  std::uint64_t ops;
  // Of the phases ycsb-a, ycsb-b and ycsb-c; null if not asked for.
  std::array<std::unique_ptr<Requests>, 3> requests;
};
constexpr std::array<double, 3> kUpdatePart = {0.5, 0.05, 0};

// The phases on one store that is open and empty.
class StoreRunner {
 public:
  StoreRunner(const Task& task, Adapter& adapter)
      : task_(task), adapter_(adapter), versions_(task.order.size(), kFillVersion) {}

  // Operations per second; nothing if the store has no such phase.
  std::optional<double> run(std::size_t phase) {
    phase_ = phase;
    const std::string& name = phase_names()[phase];
    if (name == "fill") return fill();
    if (name == "get-hit") return get_hit();
    if (name == "get-miss") return get_miss();
    if (name == "multi-get") return multi_get();
    if (name == "ycsb-c") return ycsb(2);
    if (name == "ycsb-b") return ycsb(1);
    if (name == "ycsb-a") return ycsb(0);
    if (name == "update") return update();
    if (name == "iterate") return iterate();
    if (name == "erase") return erase();
    throw std::logic_error("no such phase: " + name);
  }

  [[nodiscard]] double wall() const noexcept { return wall_; }
  [[nodiscard]] double cpu() const noexcept { return cpu_; }

 private:
  // Phases start at different places of the order, so that none finds its keys in the caches
  // because the one before it used them.
  Order::Walk walk() const {
    return {task_.order, task_.order.size() / phase_names().size() * phase_};
  }

  // Times `op`, called `times` times, with what the store does around a phase. Returns the rate.
  template <typename Op>
  double measure(Access access, std::uint64_t times, Op&& op) {
    const Stopwatch watch;
    adapter_.begin(access);
    repeat(times, op);
    adapter_.end();
    return finish(watch, times);
  }

  double finish(const Stopwatch& watch, std::uint64_t times) {
    const double seconds = watch.seconds();
    wall_ += seconds;
    cpu_ += watch.cpu();
    return static_cast<double>(times) / seconds;
  }

  void put(std::uint64_t index, std::uint32_t version) {
    task_.workload.key(index, key_);
    task_.workload.value(key_, version, value_);
    adapter_.put(key_, value_);
  }

  void get_expecting(std::uint64_t index, std::uint32_t version) {
    task_.workload.key(index, key_);
    if (!adapter_.get(key_, read_)) throw std::runtime_error("get: a key that was put is absent");
    if (task_.workload.version_of(key_, read_) != version) {
      throw std::runtime_error("get: not the value that was put last");
    }
  }

  void get_expecting_absence(std::uint64_t index) {
    task_.workload.key(index, key_);
    if (adapter_.get(key_, read_)) throw std::runtime_error("get: found a key that is absent");
  }

  double fill() {
    return measure(Access::kWrite, task_.order.size(),
                   [&](std::uint64_t index) { put(index, kFillVersion); });
  }

  double get_hit() {
    Order::Walk warm_up = walk();
    adapter_.begin(Access::kRead);
    repeat(task_.ops / kWarmUpPart,
           [&](std::uint64_t) { get_expecting(warm_up.next(), kFillVersion); });
    adapter_.end();
    Order::Walk indexes(task_.order, task_.order.size() / 2);
    return measure(Access::kRead, task_.ops,
                   [&](std::uint64_t) { get_expecting(indexes.next(), kFillVersion); });
  }

  double get_miss() {
    Order::Walk indexes = walk();
    return measure(Access::kRead, task_.ops, [&](std::uint64_t) {
      get_expecting_absence(task_.order.size() + indexes.next());
    });
  }

  std::optional<double> multi_get() {
    if (!adapter_.has_get_many()) return std::nullopt;
    std::array<std::string, kKeysAtOnce> keys;
    std::array<std::string, kKeysAtOnce> values;
    Order::Walk indexes = walk();
    const std::uint64_t calls = std::max<std::uint64_t>(task_.ops / kKeysAtOnce, 1);
    const double rate = measure(Access::kRead, calls, [&](std::uint64_t) {
      for (std::string& key : keys) task_.workload.key(indexes.next(), key);
      if (adapter_.get_many(keys, values) != kKeysAtOnce) {
        throw std::runtime_error("multi-get: a key that was put is absent");
      }
      for (std::size_t i = 0; i < kKeysAtOnce; ++i) {
        if (task_.workload.version_of(keys[i], values[i]) != kFillVersion) {
          throw std::runtime_error("multi-get: not the value that was put last");
        }
      }
    });
    return rate * kKeysAtOnce;
  }

  double ycsb(std::size_t which) {
    const Requests& requests = *task_.requests[which];
    const std::uint32_t first = next_version_;
    const bool only_reads = kUpdatePart[which] == 0;
    const double rate =
        measure(only_reads ? Access::kRead : Access::kMixed, requests.size(), [&](std::uint64_t i) {
          const Requests::Request request = requests[i];
          if (request.is_update) {
            put(request.index, first + static_cast<std::uint32_t>(i));
            return;
          }
          task_.workload.key(request.index, key_);
          if (!adapter_.get(key_, read_) || !task_.workload.version_of(key_, read_)) {
            throw std::runtime_error("ycsb: not a value that was put under its key");
          }
        });
    next_version_ += static_cast<std::uint32_t>(requests.size());
    for (std::uint64_t i = 0; i < requests.size(); ++i) {
      const Requests::Request request = requests[i];
      if (request.is_update) versions_[request.index] = first + static_cast<std::uint32_t>(i);
    }
    check_samples(requests.size(), [&](std::uint64_t i) { return requests[i].index; });
    return rate;
  }

  double update() {
    const std::uint64_t updates = std::min(task_.ops, task_.order.size());
    const std::uint32_t version = next_version_++;
    Order::Walk indexes = walk();
    const double rate =
        measure(Access::kWrite, updates, [&](std::uint64_t) { put(indexes.next(), version); });
    Order::Walk written = walk();
    for (std::uint64_t i = 0; i < updates; ++i) versions_[written.next()] = version;
    Order::Walk again = walk();
    check_samples(updates, [&](std::uint64_t) { return again.next(); });
    return rate;
  }

  // Looks, untimed, whether entries have the version that was written last.
  template <typename IndexOf>
  void check_samples(std::uint64_t count, IndexOf&& index_of) {
    adapter_.begin(Access::kRead);
    repeat(std::min(kSamplesMax, count), [&](std::uint64_t i) {
      const std::uint64_t index = index_of(i);
      get_expecting(index, versions_[index]);
    });
    adapter_.end();
  }

  double iterate() {
    CheckingSink sink(task_.workload);
    const Stopwatch watch;
    adapter_.begin(Access::kRead);
    adapter_.iterate(sink);
    adapter_.end();
    const double rate = finish(watch, sink.count());
    std::uint64_t expected = 0;
    repeat(task_.order.size(), [&](std::uint64_t index) {
      task_.workload.key(index, key_);
      expected += Workload::token(key_, versions_[index]);
    });
    if (sink.count() != task_.order.size() || sink.token_sum() != expected) {
      throw std::runtime_error(fmt::format("iterate: {} entries, not exactly the {} that were put",
                                           sink.count(), task_.order.size()));
    }
    return rate;
  }

  double erase() {
    const std::uint64_t erases = std::min(task_.ops, task_.order.size());
    Order::Walk indexes = walk();
    const double rate = measure(Access::kWrite, erases, [&](std::uint64_t) {
      task_.workload.key(indexes.next(), key_);
      if (!adapter_.erase(key_)) throw std::runtime_error("erase: a key that was put is absent");
    });
    Order::Walk again = walk();
    adapter_.begin(Access::kRead);
    repeat(std::min(kSamplesMax, erases),
           [&](std::uint64_t) { get_expecting_absence(again.next()); });
    adapter_.end();
    return rate;
  }

  const Task& task_;
  Adapter& adapter_;
  std::vector<std::uint32_t> versions_;  // What each entry's value must be.
  std::uint32_t next_version_ = kFillVersion + 1;
  std::size_t phase_ = 0;
  double wall_ = 0;
  double cpu_ = 0;
  std::string key_;
  std::string value_;
  std::string read_;
};

Run run_store(const Task& task, const std::vector<std::string>& phases, const StoreKind& kind,
              const std::filesystem::path& dir) {
  const std::unique_ptr<Adapter> adapter = kind.make();
  Run run;
  adapter->open(dir, task.workload.shape());
  StoreRunner runner(task, *adapter);
  for (std::size_t i = 0; i < phase_names().size(); ++i) {
    const std::string& name = phase_names()[i];
    if (std::find(phases.begin(), phases.end(), name) == phases.end()) continue;
    if (const auto rate = runner.run(i)) run.add(name, *rate);
  }
  run.add("cpu/wall", runner.cpu() / runner.wall());
  const Stopwatch closing;
  adapter->close();
  run.add("close", closing.seconds());
  return run;
}

Run run_go_program(const Task& task, const std::vector<std::string>& phases) {
  Run run;
  double cpu = 0;
  double wall = 0;
  for (const GoPhase& each : run_go(task.workload.shape(), task.ops, phases)) {
    wall += each.seconds;
    cpu += each.cpu_seconds;
    run.add(each.phase, each.ops / each.seconds);
  }
  run.add("cpu/wall", cpu / wall);
  return run;
}

// Keeps a result that nobody looks at from being optimised away.
void keep(std::uint64_t& value) noexcept { asm volatile("" : "+r"(value)); }

}  // namespace

const std::vector<std::string>& phase_names() {
  static const std::vector<std::string> names = {"fill",    "get-hit", "get-miss", "multi-get",
                                                 "ycsb-c",  "ycsb-b",  "ycsb-a",   "update",
                                                 "iterate", "erase"};
  return names;
}

Experiment measure_phases(Plan plan, const std::vector<std::string>& phases) {
  Task task(plan.shape, plan.ops);
  std::vector<std::string> chosen;
  for (const std::string& name : phase_names()) {
    const bool named = std::find(phases.begin(), phases.end(), name) != phases.end();
    if (!named && name != "fill") continue;
    chosen.push_back(name);
    plan.kinds.push_back({name, Unit::kRate, true});
    if (name.starts_with("ycsb-")) {
      const auto which = static_cast<std::size_t>(name.back() - 'a');
      task.requests[which] = std::make_unique<Requests>(task.order, plan.ops, kUpdatePart[which],
                                                        plan.shape.seed + 100 + which);
    }
  }
  plan.kinds.push_back({"cpu/wall", Unit::kNumber, std::nullopt});
  plan.kinds.push_back({"close", Unit::kSeconds, std::nullopt});
  plan.needs_adapter = false;
  Experiment experiment =
      run_rounds(plan, [&](const StoreKind& kind, const std::filesystem::path& dir) {
        if (kind.make == nullptr) return run_go_program(task, chosen);
        return run_store(task, chosen, kind, dir);
      });
  const HarnessCost cost = measure_harness(plan.shape);
  experiment.notes.push_back(fmt::format(
      "this program's own part of it: {:.0f} ns a put, {:.0f} ns a get", cost.put_ns, cost.get_ns));
  return experiment;
}

HarnessCost measure_harness(const Shape& shape) {
  const std::uint64_t calls = std::max<std::uint64_t>(100'000'000 / (shape.value_bytes + 100), 1);
  const Workload workload(shape);
  std::string key;
  std::string value;
  const auto time_ns = [&](auto op) {
    const Stopwatch watch;
    repeat(calls, [&](std::uint64_t index) {
      workload.key(index, key);
      std::uint64_t result = op();
      keep(result);
    });
    return watch.seconds() * 1e9 / static_cast<double>(calls);
  };
  const auto make_value = [&] {
    workload.value(key, kFillVersion, value);
    return static_cast<std::uint64_t>(value[0]);
  };
  const auto make_and_check = [&] {
    workload.value(key, kFillVersion, value);
    return workload.version_of(key, value).value_or(1);
  };
  const double key_ns = time_ns([&] { return static_cast<std::uint64_t>(key[0]); });
  const double put_ns = time_ns(make_value);
  const double both_ns = time_ns(make_and_check);
  return {put_ns, key_ns + std::max(0.0, both_ns - put_ns)};
}

}  // namespace hmap::bench
