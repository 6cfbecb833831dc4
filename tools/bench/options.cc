#include "options.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "adapter.h"
#include "measures/phases.h"

namespace hmap::bench {
namespace {

constexpr int kExitError = 2;
// Each request of a phase has a version of its own, and those are 32 bits wide.
constexpr std::uint64_t kOpsMax = 1'000'000'000;

std::vector<std::string> names_of_stores() {
  std::vector<std::string> names;
  for (const StoreKind& kind : store_kinds()) names.push_back(kind.name);
  return names;
}

std::vector<std::string> names_and_all(std::vector<std::string> names) {
  names.emplace_back("all");
  return names;
}

void add_choice(CLI::App& app, Options& options) {
  app.add_option("--measures", options.measures, "What to measure, or all")
      ->delimiter(',')
      ->check(CLI::IsMember(names_and_all(measure_names())))
      ->capture_default_str();
  app.add_option("--stores", options.stores, "Stores to measure; default: those fit for a measure")
      ->delimiter(',')
      ->check(CLI::IsMember(names_of_stores()));
  app.add_option("--phases", options.phases, "Phases to measure, default all; fill always is")
      ->delimiter(',')
      ->check(CLI::IsMember(phase_names()));
  app.add_option("--entries", options.entries, "Sizes; default: each measure's own")
      ->delimiter(',')
      ->check(CLI::Range(std::uint64_t{1}, kEntriesMax));
  app.add_flag("--quick", options.quick, "Small sizes, one round: all measures in two minutes");
  app.add_flag("--list", options.list, "List the stores and end");
}

void add_amounts(CLI::App& app, Options& options) {
  Shape& shape = options.shape;
  app.add_option("--repeat", options.repeat, "Rounds; medians are reported; default 3, quick 1")
      ->check(CLI::Range(1, 1000));
  app.add_option("--ops", options.ops, "Operations of each phase; default 2000000, quick 200000")
      ->check(CLI::Range(std::uint64_t{1}, kOpsMax));
  app.add_option("--key-bytes", shape.key_bytes, "Of the measure phases and others, not of u64")
      ->check(CLI::Range(kKeyBytesMin, kKeyBytesMax))
      ->capture_default_str();
  app.add_option("--value-bytes", shape.value_bytes, "Likewise, not of values")
      ->check(CLI::Range(kValueBytesMin, std::size_t{1} << 24))
      ->capture_default_str();
  app.add_option("--seed", shape.seed, "Of keys and order")->capture_default_str();
  app.add_option("--seconds", options.seconds, "Of each figure of commits and processes")
      ->check(CLI::PositiveNumber);
  app.add_option("--writers", options.crowd.writers, "processes: also so many writers ...")
      ->check(CLI::Range(0, 127));
  app.add_option("--readers", options.crowd.readers, "... and so many readers on one store")
      ->check(CLI::Range(0, 127));
}

void add_output(CLI::App& app, Options& options) {
  app.add_option("--dir", options.dir, "Where to make the temporary directory of the stores")
      ->capture_default_str();
  app.add_option("--json", options.json, "Write all rounds to this file");
  app.add_option("--html", options.html, "Write a report with plots to this file");
  app.add_flag("--scorecard", options.scorecard, "Print what is demanded and what was reached");
  app.add_flag("--check", options.check, "Exit with 1 if a demand is missed or was not measured");
  app.add_option("--from", options.from, "Measure nothing; report these JSON files, as one")
      ->delimiter(',')
      ->check(CLI::ExistingFile);
}

}  // namespace

const std::vector<std::string>& measure_names() {
  static const std::vector<std::string> names = {
      "phases", "u64", "values", "latency", "work", "open", "commits", "processes", "memory"};
  return names;
}

std::optional<Options> read_options(int argc, char** argv, int& exit_code) {
  CLI::App app("Measures hmap beside other stores on the same work.", "hmap-bench");
  Options options;
  add_choice(app, options);
  add_amounts(app, options);
  add_output(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : kExitError;
    return std::nullopt;
  }
  const auto& chosen = options.measures;
  const bool all = std::find(chosen.begin(), chosen.end(), "all") != chosen.end();
  if (all || (options.quick && app.count("--measures") == 0)) options.measures = measure_names();
  return options;
}

}  // namespace hmap::bench
