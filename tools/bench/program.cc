#include "program.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "measures/commits.h"
#include "measures/latency.h"
#include "measures/memory.h"
#include "measures/opening.h"
#include "measures/phases.h"
#include "measures/processes.h"
#include "measures/work.h"
#include "report/text.h"

namespace hmap::bench {
namespace {

constexpr std::uint64_t kThousand = 1000;
constexpr std::uint64_t kOpsOfMemory = 100'000;  // Each may wait for the disk.
constexpr int kRoundsOfCommits = 5;              // For each round of the others: disks have moods.

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// Stores that take part in a measure if none are named.
bool is_default(const std::string& measure, const StoreKind& kind) {
  if (kind.only_if_named) return false;
  if (measure == "commits") return kind.durable;
  if (kind.durable) return false;
  const bool is_ours = kind.role == Role::kOurs;
  if (measure == "u64") {
    return is_ours || kind.u64_only || kind.make == nullptr || kind.name == "tkrzw-presized";
  }
  if (kind.u64_only) return false;
  const bool has_file = is_ours || kind.role == Role::kPersistent;
  if (measure == "phases") return true;
  if (measure == "values" || measure == "open") return has_file;
  if (measure == "latency") {
    return is_one_of(kind.name, {"hmap", "lmdb", "tkrzw", "tkrzw-presized", "kyoto", "leveldb",
                                 "rocksdb", "absl", "std"});
  }
  if (measure == "work") return is_one_of(kind.name, {"hmap", "lmdb", "tkrzw"});
  if (measure == "processes") return is_ours || is_one_of(kind.name, {"lmdb", "lmdb-writemap"});
  if (measure == "memory") {
    return is_one_of(kind.name,
                     {"hmap", "lmdb", "lmdb-writemap", "tkrzw-presized", "kyoto-presized"});
  }
  return false;
}

// Numbers of entries if none are named.
std::vector<std::uint64_t> default_sizes(const std::string& measure, bool quick) {
  if (measure == "phases" && !quick) return {kMillion, 10 * kMillion};
  if (measure == "values") return {quick ? kMillion : 10 * kMillion};
  if (measure == "latency") return {quick ? 500 * kThousand : 10 * kMillion};
  if (measure == "memory") return {quick ? 500 * kThousand : 4 * kMillion};
  if (measure == "commits") return {20 * kThousand};
  if (measure == "processes" || measure == "work") return {quick ? 200 * kThousand : kMillion};
  return {quick ? 200 * kThousand : 10 * kMillion};
}

class Program {
 public:
  Program(const Options& options, const std::filesystem::path& dir)
      : options_(options), dir_(dir) {}

  // The experiments of one measure at one size.
  std::vector<Experiment> run(const std::string& measure, std::uint64_t entries) {
    Plan plan = make_plan(measure, entries);
    if (measure == "phases") return {measure_phases(named(plan, "All phases"), phases())};
    if (measure == "u64") return {measure_phases(u64(plan), phases())};
    if (measure == "values") return values(plan);
    if (measure == "latency") return {measure_latency(named(plan, "Put latency while growing"))};
    if (measure == "work") return {measure_work(named(plan, "System calls of a put"))};
    if (measure == "open") return {measure_opening(named(plan, "Opening, and size of the file"))};
    if (measure == "commits") {
      plan.repeat *= kRoundsOfCommits;
      return {measure_commits(named(plan, "Durable commits"), seconds(0.5, 0.2))};
    }
    if (measure == "processes") {
      return {measure_processes(named(plan, "Several processes"), seconds(5, 1), options_.crowd)};
    }
    plan.ops = std::min(plan.ops, options_.quick ? kOpsOfMemory / 5 : kOpsOfMemory);
    return {measure_memory(named(plan, "Half the memory of the store"))};
  }

 private:
  [[nodiscard]] Plan make_plan(const std::string& measure, std::uint64_t entries) const {
    Plan plan{.measure = measure,
              .title = {},
              .shape = options_.shape,
              .ops = options_.ops != 0 ? options_.ops
                     : options_.quick  ? 200 * kThousand
                                       : 2 * kMillion,
              .repeat = options_.repeat != 0 ? options_.repeat
                        : options_.quick     ? 1
                                             : 3,
              .stores = options_.stores,
              .stores_named = !options_.stores.empty(),
              .kinds = {},
              .dir = dir_,
              .impossible = {}};
    plan.shape.entries = entries;
    if (!plan.stores.empty()) return plan;
    for (const StoreKind& kind : store_kinds()) {
      if (is_default(measure, kind)) plan.stores.push_back(kind.name);
    }
    return plan;
  }

  static Plan named(Plan plan, const char* title) {
    plan.title = title;
    return plan;
  }

  static Plan u64(Plan plan) {
    plan.shape.key_bytes = 8;
    plan.shape.value_bytes = 8;
    return named(plan, "uint64 to uint64");
  }

  // About as many bytes in each as in plan.shape.entries entries of 16+100 bytes.
  [[nodiscard]] std::vector<Experiment> values(const Plan& plan) const {
    std::vector<Experiment> experiments;
    for (const std::size_t value_bytes : {std::size_t{1} << 10, std::size_t{16} << 10}) {
      Plan mine = plan;
      mine.shape.value_bytes = value_bytes;
      mine.shape.entries = std::max<std::uint64_t>(plan.shape.entries * 100 / value_bytes, 1);
      mine.ops = std::min(plan.ops, mine.shape.entries);
      mine.title = fmt::format("Values of {} KiB", value_bytes >> 10);
      experiments.push_back(measure_phases(mine, {"get-hit", "update"}));
    }
    return experiments;
  }

  [[nodiscard]] const std::vector<std::string>& phases() const {
    return options_.phases.empty() ? phase_names() : options_.phases;
  }

  [[nodiscard]] double seconds(double usual, double quick) const {
    if (options_.seconds > 0) return options_.seconds;
    return options_.quick ? quick : usual;
  }

  const Options& options_;
  const std::filesystem::path& dir_;
};

}  // namespace

Document describe_setup(const std::filesystem::path& dir) {
  Document document{.machine = describe_machine(dir),
                    .stores = {},
                    .left_out = stores_left_out(),
                    .experiments = {}};
  for (const StoreKind& kind : store_kinds()) {
    document.stores.push_back(
        {kind.name, kind.role, kind.presized, kind.not_counted, describe(kind)});
  }
  return document;
}

void run_measures(const Options& options, const std::filesystem::path& dir, Document& document,
                  const std::function<void()>& done) {
  Program program(options, dir);
  for (const std::string& measure : measure_names()) {
    const auto& chosen = options.measures;
    if (std::find(chosen.begin(), chosen.end(), measure) == chosen.end()) continue;
    const auto sizes =
        options.entries.empty() ? default_sizes(measure, options.quick) : options.entries;
    for (const std::uint64_t entries : sizes) {
      for (Experiment& experiment : program.run(measure, entries)) {
        fmt::print("{}", text_of(experiment));
        std::fflush(stdout);
        document.experiments.push_back(std::move(experiment));
      }
      done();
    }
  }
}

}  // namespace hmap::bench
