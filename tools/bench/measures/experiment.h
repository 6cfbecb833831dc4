// What a measure comes to: figures of every store in every round. One form for all measures, so
// that they are reported, kept and scored in one way.
#ifndef HMAP_BENCH_MEASURES_EXPERIMENT_H_
#define HMAP_BENCH_MEASURES_EXPERIMENT_H_

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapter.h"
#include "base/json.h"
#include "base/workload.h"

namespace hmap::bench {

enum class Unit { kRate, kSeconds, kBytes, kNumber };

// One row of a report.
struct FigureKind {
  std::string name;
  Unit unit = Unit::kRate;
  // Whether a store with twice as much is twice as good, or half as good; nothing: neither, no
  // ratio is reported.
  std::optional<bool> more_is_better;
};

// A line of a plot: points from left to right.
struct Curve {
  std::string name;
  std::vector<std::pair<double, double>> points;
};

// One store in one round.
struct Run {
  std::string store;
  int round = 0;  // From 0.
  std::vector<std::pair<std::string, double>> figures;
  std::vector<Curve> curves;
  std::vector<std::string> notes;  // What a reader has to know about these figures.

  void add(std::string_view name, double value) { figures.emplace_back(name, value); }
  [[nodiscard]] std::optional<double> figure(std::string_view name) const;
};

// A store that was not measured, or failed, and why.
struct Remark {
  std::string store;
  std::string reason;
};

struct Experiment {
  std::string measure;  // "phases", "latency", ...
  std::string title;    // For people.
  Shape shape;
  std::uint64_t ops = 0;
  int repeat = 1;
  std::vector<std::string> stores;  // Those with runs, in the order of the report.
  std::vector<FigureKind> kinds;
  std::vector<Run> runs;
  std::vector<Remark> skipped;
  std::vector<Remark> failed;
  std::vector<std::string> notes;
};

// What to run, on what.
struct Plan {
  std::string measure;
  std::string title;
  Shape shape;
  std::uint64_t ops = 0;
  int repeat = 1;
  std::vector<std::string> stores;  // Candidates: those that cannot take part are skipped, visibly.
  bool stores_named = false;        // By the user: limits of patience do not apply.
  std::vector<FigureKind> kinds;
  std::filesystem::path dir;  // Where the directories of the stores are made.

  // Which stores can take part.
  bool durable = false;          // Those that flush each put, instead of those that do not.
  bool needs_adapter = true;     // Not those measured by a program of their own.
  bool needs_file = false;       // Not those in memory.
  bool needs_processes = false;  // Only those that several processes may have open.
  std::string impossible;        // A reason why none can; empty: there is none.
};

// Measures one store in a directory of its own. A run without figures says in its first note why
// the store is skipped.
using Work = std::function<Run(const StoreKind& kind, const std::filesystem::path& dir)>;

// Runs plan.repeat rounds; each measures every store once, in an order that rotates from round to
// round, in a process of its own and a fresh directory, which is removed before the next begins.
// A store that fails is left out of the later rounds and is in `failed`. Throws Interrupted.
[[nodiscard]] Experiment run_rounds(const Plan& plan, const Work& work);

// Calls `work` in a process of its own (base/child.h).
[[nodiscard]] Run run_apart(const std::function<Run()>& work);

// The median of a figure over the rounds of one store; nothing if it was not measured.
[[nodiscard]] std::optional<double> median_of(const Experiment& experiment, std::string_view store,
                                              std::string_view figure);

// How many times better `ours` is than `theirs`: the median of the ratios within one round.
[[nodiscard]] std::optional<double> ratio_of(const Experiment& experiment, std::string_view ours,
                                             std::string_view theirs, std::string_view figure);

[[nodiscard]] Json to_json(const Experiment& experiment);
[[nodiscard]] Experiment experiment_from_json(const Json& json);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_MEASURES_EXPERIMENT_H_
