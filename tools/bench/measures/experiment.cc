#include "measures/experiment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/free_memory.h"
#include "base/scratch.h"
#include "base/statistics.h"
#include "base/timing.h"

namespace hmap::bench {
namespace {

// What a map in memory that does not say it needs for an entry besides its bytes: the most of all
// of them, with the moment when it has two arrays.
constexpr std::uint64_t kMemoryPerEntry = 200;

// What a file needs for an entry besides its bytes, about.
constexpr std::uint64_t kFilePerEntry = 64;

std::uint64_t memory_for(const Shape& shape, std::uint64_t per_entry) {
  return shape.entries * (shape.key_bytes + shape.value_bytes + per_entry);
}

// Why this store does not take part; empty: it does.
std::string reason_to_skip(const Plan& plan, const StoreKind& kind) {
  const Shape& shape = plan.shape;
  if (!plan.impossible.empty()) return plan.impossible;
  if (kind.durable && !plan.durable) return "takes part in the measure commits only";
  if (!kind.durable && plan.durable) return "does not flush each put";
  if (kind.make == nullptr && plan.needs_adapter) return "is a program of its own";
  if (kind.role == Role::kMemory && plan.needs_file) return "has no file";
  if (!kind.shared && plan.needs_processes) return "is not set up for several processes here";
  if (kind.u64_only && !shape.is_u64()) return "takes keys and values of 8 bytes only";
  if (shape.entries > kind.entries_max && !plan.stores_named) {
    return fmt::format("more than {} entries: {}; name it in --stores to measure it all the same",
                       kind.entries_max, kind.entries_reason);
  }
  const std::uint64_t needed =
      kind.memory != nullptr ? kind.memory(shape) : memory_for(shape, kMemoryPerEntry);
  if (kind.role == Role::kMemory && needed > free_memory()) {
    return fmt::format("may need {} MiB of memory, {} MiB are free", needed >> 20,
                       free_memory() >> 20);
  }
  return {};
}

void print_progress(const Plan& plan, const Run& run) {
  std::string line = fmt::format("# {}, {} entries, round {}/{}, {}:", plan.measure,
                                 plan.shape.entries, run.round + 1, plan.repeat, run.store);
  for (const auto& [name, value] : run.figures) line += fmt::format(" {} {:.4g}", name, value);
  fmt::print(stderr, "{}\n", line);
}

// One store, one round. Returns whether there shall be another round.
bool run_one(const Plan& plan, const std::string& store, int round, const Work& work,
             Experiment& experiment) {
  const Scratch scratch(plan.dir, store);
  try {
    // Twice, because nobody knows which of it the kernel gives out.
    touch_free_memory(2 * memory_for(plan.shape, kFilePerEntry));
    Run run = run_apart([&] { return work(store_kind(store), scratch.path()); });
    if (run.figures.empty()) {
      experiment.skipped.push_back({store, run.notes.at(0)});
      return false;
    }
    run.store = store;
    run.round = round;
    print_progress(plan, run);
    experiment.runs.push_back(std::move(run));
    return true;
  } catch (const Interrupted&) {
    throw;
  } catch (const std::exception& error) {
    if (interrupted()) throw Interrupted();
    fmt::print(stderr, "# {}, {} entries, {} FAILED: {}\n", plan.measure, plan.shape.entries, store,
               error.what());
    experiment.failed.push_back({store, error.what()});
    return false;
  }
}

std::vector<std::string> stores_with_runs(const Plan& plan, const Experiment& experiment) {
  std::vector<std::string> stores;
  for (const std::string& store : plan.stores) {
    if (std::any_of(experiment.runs.begin(), experiment.runs.end(),
                    [&](const Run& run) { return run.store == store; })) {
      stores.push_back(store);
    }
  }
  return stores;
}

}  // namespace

std::optional<double> Run::figure(std::string_view name) const {
  for (const auto& [mine, value] : figures) {
    if (mine == name) return value;
  }
  return std::nullopt;
}

Experiment run_rounds(const Plan& plan, const Work& work) {
  Experiment experiment{.measure = plan.measure,
                        .title = plan.title,
                        .shape = plan.shape,
                        .ops = plan.ops,
                        .repeat = plan.repeat,
                        .stores = {},
                        .kinds = plan.kinds,
                        .runs = {},
                        .skipped = {},
                        .failed = {},
                        .notes = {}};
  std::vector<std::string> stores;
  for (const std::string& store : plan.stores) {
    const std::string reason = reason_to_skip(plan, store_kind(store));
    if (reason.empty()) {
      stores.push_back(store);
    } else {
      experiment.skipped.push_back({store, reason});
    }
  }
  std::map<std::string, bool> has_ended;
  for (int round = 0; round < plan.repeat; ++round) {
    for (std::size_t i = 0; i < stores.size(); ++i) {
      const std::string& store = stores[(i + static_cast<std::size_t>(round)) % stores.size()];
      if (has_ended[store]) continue;
      has_ended[store] = !run_one(plan, store, round, work, experiment);
    }
  }
  experiment.stores = stores_with_runs(plan, experiment);
  return experiment;
}

std::optional<double> median_of(const Experiment& experiment, std::string_view store,
                                std::string_view figure) {
  std::vector<double> values;
  for (const Run& run : experiment.runs) {
    const auto value = run.figure(figure);
    if (run.store == store && value) values.push_back(*value);
  }
  if (values.empty()) return std::nullopt;
  return median(values);
}

std::optional<double> ratio_of(const Experiment& experiment, std::string_view ours,
                               std::string_view theirs, std::string_view figure) {
  const auto kind = std::find_if(experiment.kinds.begin(), experiment.kinds.end(),
                                 [&](const FigureKind& each) { return each.name == figure; });
  if (kind == experiment.kinds.end() || !kind->more_is_better) return std::nullopt;
  std::vector<double> ratios;
  for (const Run& mine : experiment.runs) {
    if (mine.store != ours) continue;
    for (const Run& other : experiment.runs) {
      if (other.store != theirs || other.round != mine.round) continue;
      const auto a = mine.figure(figure);
      const auto b = other.figure(figure);
      if (!a || !b || *a <= 0 || *b <= 0) continue;
      ratios.push_back(*kind->more_is_better ? *a / *b : *b / *a);
    }
  }
  if (ratios.empty()) return std::nullopt;
  return median(ratios);
}

}  // namespace hmap::bench
