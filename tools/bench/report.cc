#include "report.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace hmap::bench {
namespace {

// hmap's rate over the rival's, at least (issue "The engine", done when).
struct Demand {
  Phase phase;
  std::string_view rival;
  double ratio;
};
constexpr std::array kDemands = {
    Demand{Phase::kGetHit, "lmdb", 3.0},
    Demand{Phase::kGetHit, "tkrzw", 1.5},
    Demand{Phase::kFill, "lmdb", 4.0},
    Demand{Phase::kFill, "tkrzw", 1.0},
};

constexpr std::string_view kOurs = "hmap";

std::optional<double> rate_in(const StoreRun& run, Phase phase) {
  for (const PhaseResult& result : run.phases) {
    if (result.phase == phase) return result.rate();
  }
  return std::nullopt;
}

// f(run) of every round of one store.
template <typename F>
std::vector<double> collect(const SizeResult& result, std::string_view store, F&& f) {
  std::vector<double> values;
  for (const StoreRun& run : result.runs) {
    if (run.store == store) values.push_back(f(run));
  }
  return values;
}

std::vector<std::string> rivals_of(const SizeResult& result) {
  std::vector<std::string> rivals;
  const auto& stores = result.plan.stores;
  if (std::find(stores.begin(), stores.end(), kOurs) == stores.end()) return rivals;
  std::copy_if(stores.begin(), stores.end(), std::back_inserter(rivals),
               [](const std::string& store) { return store != kOurs; });
  return rivals;
}

std::string with_unit(double rate) {
  if (rate >= 1e6) return fmt::format("{:.3f} M/s", rate / 1e6);
  return fmt::format("{:.1f} k/s", rate / 1e3);
}

std::string cell(const std::optional<double>& ratio) {
  return ratio ? fmt::format("{:.2f}", *ratio) : std::string("-");
}

// One line of the table: a label, a cell per store, a cell per rival.
void print_row(std::string_view label, const std::vector<std::string>& cells) {
  std::string line = fmt::format("{:<16}", label);
  for (const std::string& text : cells) line += fmt::format("{:>17}", text);
  fmt::print("{}\n", line);
}

// CPU time of all threads over wall time. Much below 1 in a store that does not wait for the disk:
// others used the machine meanwhile.
double cpu_share(const StoreRun& run) {
  double cpu = 0;
  double wall = 0;
  for (const PhaseResult& result : run.phases) {
    cpu += result.cpu_seconds;
    wall += result.seconds;
  }
  return cpu / wall;
}

template <typename F>
void print_figures(const SizeResult& result, std::string_view label, const char* format, F&& f) {
  std::vector<std::string> cells;
  for (const std::string& store : result.plan.stores) {
    const double value = median(collect(result, store, f));
    cells.push_back(fmt::format(fmt::runtime(format), value));
  }
  print_row(label, cells);
}

nlohmann::json rounds_json(const SizeResult& result) {
  nlohmann::json rounds = nlohmann::json::array();
  for (const StoreRun& run : result.runs) {
    nlohmann::json phases;
    for (const PhaseResult& phase : run.phases) {
      phases[std::string(name(phase.phase))] = {{"ops", phase.ops},
                                                {"seconds", phase.seconds},
                                                {"cpu_seconds", phase.cpu_seconds},
                                                {"ops_per_second", phase.rate()}};
    }
    rounds.push_back({{"store", run.store},
                      {"round", run.round + 1},
                      {"phases", phases},
                      {"file_bytes", run.file_bytes},
                      {"open_seconds", run.open_seconds},
                      {"close_seconds", run.close_seconds}});
  }
  return rounds;
}

}  // namespace

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  if (values.size() % 2 == 1) return values[middle];
  return (values[middle - 1] + values[middle]) / 2;
}

std::optional<double> median_rate(const SizeResult& result, std::string_view store, Phase phase) {
  std::vector<double> rates;
  for (const StoreRun& run : result.runs) {
    const auto rate = rate_in(run, phase);
    if (run.store == store && rate) rates.push_back(*rate);
  }
  if (rates.empty()) return std::nullopt;
  return median(rates);
}

std::optional<double> median_ratio(const SizeResult& result, std::string_view rival, Phase phase) {
  std::vector<double> ratios;
  for (const StoreRun& ours : result.runs) {
    if (ours.store != kOurs) continue;
    for (const StoreRun& theirs : result.runs) {
      if (theirs.store != rival || theirs.round != ours.round) continue;
      const auto our_rate = rate_in(ours, phase);
      const auto their_rate = rate_in(theirs, phase);
      if (our_rate && their_rate) ratios.push_back(*our_rate / *their_rate);
    }
  }
  if (ratios.empty()) return std::nullopt;
  return median(ratios);
}

void print_machine(const Machine& machine) {
  fmt::print("machine          {}, {} cores, {:.0f} GiB, {}, {}, load {:.2f}\n", machine.cpu,
             machine.cores, machine.memory_gib, machine.kernel, machine.file_system, machine.load);
  fmt::print("compiler         {}; {}\n", machine.compiler, machine.flags);
}

void print_result(const SizeResult& result) {
  const Plan& plan = result.plan;
  const std::vector<std::string> rivals = rivals_of(result);
  fmt::print("\n{} entries of {}+{} bytes, {} operations a phase, seed {}, median of {} rounds\n",
             plan.shape.entries, plan.shape.key_bytes, plan.shape.value_bytes, plan.ops,
             plan.shape.seed, plan.repeat);
  fmt::print("this program's own part of it: {:.0f} ns a put, {:.0f} ns a get\n",
             result.harness.put_ns, result.harness.get_ns);
  std::vector<std::string> cells = plan.stores;
  for (const std::string& rival : rivals) cells.push_back(fmt::format("/{}", rival));
  print_row("", cells);
  for (const Phase phase : plan.phases) {
    cells.clear();
    for (const std::string& store : plan.stores) {
      const auto rate = median_rate(result, store, phase);
      cells.push_back(rate ? with_unit(*rate) : std::string("-"));
    }
    for (const std::string& rival : rivals) {
      cells.push_back(cell(median_ratio(result, rival, phase)));
    }
    print_row(name(phase), cells);
  }
  const auto entries = static_cast<double>(plan.shape.entries);
  print_figures(result, "bytes/entry", "{:.1f}",
                [&](const StoreRun& run) { return static_cast<double>(run.file_bytes) / entries; });
  print_figures(result, "cpu/wall", "{:.2f}", cpu_share);
  print_figures(result, "open", "{:.4f} s", [](const StoreRun& run) { return run.open_seconds; });
  print_figures(result, "close", "{:.4f} s", [](const StoreRun& run) { return run.close_seconds; });
}

bool print_demands(const SizeResult& result) {
  bool all_met = true;
  for (const Demand& demand : kDemands) {
    const auto ratio = median_ratio(result, demand.rival, demand.phase);
    const bool met = ratio && *ratio >= demand.ratio;
    all_met = all_met && met;
    fmt::print("{} {} entries: {} over {}'s at least {:.1f}: {}\n", met ? "met   " : "UNMET ",
               result.plan.shape.entries, name(demand.phase), demand.rival, demand.ratio,
               ratio ? cell(ratio) : std::string("not measured"));
  }
  return all_met;
}

nlohmann::json to_json(const Machine& machine) {
  return {{"cpu", machine.cpu},
          {"cores", machine.cores},
          {"memory_gib", machine.memory_gib},
          {"kernel", machine.kernel},
          {"file_system", machine.file_system},
          {"load", machine.load},
          {"compiler", machine.compiler},
          {"flags", machine.flags}};
}

nlohmann::json to_json(const SizeResult& result) {
  nlohmann::json medians;
  nlohmann::json ratios;
  for (const Phase phase : result.plan.phases) {
    const std::string phase_name(name(phase));
    for (const std::string& store : result.plan.stores) {
      if (const auto rate = median_rate(result, store, phase)) medians[store][phase_name] = *rate;
    }
    for (const std::string& rival : rivals_of(result)) {
      if (const auto ratio = median_ratio(result, rival, phase)) ratios[rival][phase_name] = *ratio;
    }
  }
  const Shape& shape = result.plan.shape;
  return {{"entries", shape.entries},
          {"key_bytes", shape.key_bytes},
          {"value_bytes", shape.value_bytes},
          {"seed", shape.seed},
          {"ops", result.plan.ops},
          {"repeat", result.plan.repeat},
          {"harness_put_ns", result.harness.put_ns},
          {"harness_get_ns", result.harness.get_ns},
          {"median_ops_per_second", medians},
          {"hmap_over", ratios},
          {"rounds", rounds_json(result)}};
}

}  // namespace hmap::bench
