// hmap-bench: hmap beside the stores it competes with, on the same work, in one run.
//
// Exit codes: 0 measured (and with --check: all demands met), 1 a demand is not met, 2 anything
// else.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "adapter.h"
#include "machine.h"
#include "processes.h"
#include "report.h"
#include "run.h"
#include "scratch.h"
#include "timing.h"

namespace hmap::bench {
namespace {

constexpr int kExitUnmet = 1;
constexpr int kExitError = 2;
constexpr std::uint64_t kOpsDefault = 2'000'000;

struct Arguments {
  std::vector<std::uint64_t> entries;
  std::vector<std::string> stores;
  std::vector<std::string> phases;
  int repeat = 3;
  std::uint64_t ops = kOpsDefault;
  Shape shape;
  std::string dir = ".";
  std::string json;
  bool check = false;
  int writers = 0;
  int readers = 0;
  double seconds = 5;
  std::vector<int> shards = {0};
};

std::vector<std::string> default_stores() {
  std::vector<std::string> names;
  for (const StoreKind& kind : store_kinds()) {
    if (kind.measured_by_default) names.push_back(kind.name);
  }
  return names;
}

std::vector<std::string> names_of_stores() {
  std::vector<std::string> names;
  for (const StoreKind& kind : store_kinds()) names.push_back(kind.name);
  return names;
}

std::vector<std::string> names_of_phases() {
  std::vector<std::string> names;
  names.reserve(kPhases.size());
  for (const Phase phase : kPhases) names.emplace_back(name(phase));
  return names;
}

void add_options(CLI::App& app, Arguments& arguments) {
  Shape& shape = arguments.shape;
  app.add_option("--entries", arguments.entries, "Sizes, default 1000000,10000000")
      ->delimiter(',')
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{UINT32_MAX}));
  app.add_option("--stores", arguments.stores, "Stores to measure, default all but presized ones")
      ->delimiter(',')
      ->check(CLI::IsMember(names_of_stores()));
  app.add_option("--phases", arguments.phases, "Phases to measure, default all; fill always is")
      ->delimiter(',')
      ->check(CLI::IsMember(names_of_phases()));
  app.add_option("--repeat", arguments.repeat, "Rounds; medians are reported")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--ops", arguments.ops, "Operations of each phase but fill and iterate")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40))
      ->capture_default_str();
  app.add_option("--key-bytes", shape.key_bytes)
      ->check(CLI::Range(kKeyBytesMin, kKeyBytesMax))
      ->capture_default_str();
  app.add_option("--value-bytes", shape.value_bytes)
      ->check(CLI::Range(kValueBytesMin, std::size_t{1} << 24))
      ->capture_default_str();
  app.add_option("--seed", shape.seed, "Of keys and order")->capture_default_str();
  app.add_option("--dir", arguments.dir, "Where to make the temporary directory of the stores")
      ->capture_default_str();
  app.add_option("--json", arguments.json, "Write all rounds to this file as well");
  app.add_flag("--check", arguments.check, "Exit with 1 if hmap's ratios are below the demands");
}

void add_process_options(CLI::App& app, Arguments& arguments) {
  const auto power_of_two = [](const std::string& text) {
    const unsigned long shards = std::strtoul(text.c_str(), nullptr, 10);
    const bool good = shards == 0 || (std::has_single_bit(shards) && shards <= 256);
    return good ? std::string() : std::string("must be 0 or a power of two up to 256");
  };
  constexpr const char* kGroup = "Processes on one hmap store (instead of the phases)";
  app.add_option("--writers", arguments.writers, "Processes that write")
      ->check(CLI::Range(0, 255))
      ->group(kGroup);
  app.add_option("--readers", arguments.readers, "Processes that read")
      ->check(CLI::Range(0, 255))
      ->group(kGroup);
  app.add_option("--seconds", arguments.seconds, "How long they work")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--shards", arguments.shards, "Numbers of shards to compare; 0: hmap's default")
      ->delimiter(',')
      ->check(power_of_two)
      ->group(kGroup);
}

// The chosen phases in their order, with the fill.
std::vector<Phase> chosen_phases(const std::vector<std::string>& chosen) {
  std::vector<Phase> phases;
  for (const Phase phase : kPhases) {
    const bool named = std::find(chosen.begin(), chosen.end(), name(phase)) != chosen.end();
    if (phase == Phase::kFill || chosen.empty() || named) phases.push_back(phase);
  }
  return phases;
}

void write_json(const std::string& path, const nlohmann::json& document) {
  if (path.empty()) return;
  std::ofstream file(path);
  file << document.dump(2) << '\n';
  if (!file.flush()) throw std::runtime_error("cannot write " + path);
}

int measure_stores(const Arguments& arguments, const std::filesystem::path& dir,
                   nlohmann::json& document) {
  const auto stores = arguments.stores.empty() ? default_stores() : arguments.stores;
  for (const StoreKind& kind : store_kinds()) {
    if (std::find(stores.begin(), stores.end(), kind.name) == stores.end()) continue;
    fmt::print("{:<16} {}\n", kind.name, kind.make()->describe());
  }
  for (const std::string& absent : stores_left_out()) {
    fmt::print("{:<16} left out: not installed when this program was built\n", absent);
  }
  std::vector<std::uint64_t> sizes = arguments.entries;
  if (sizes.empty()) sizes = {1'000'000, 10'000'000};
  std::vector<SizeResult> results;
  for (const std::uint64_t entries : sizes) {
    Plan plan{.shape = arguments.shape,
              .ops = arguments.ops,
              .repeat = arguments.repeat,
              .stores = stores,
              .phases = chosen_phases(arguments.phases),
              .dir = dir};
    plan.shape.entries = entries;
    results.push_back({plan, measure_harness(plan.shape), run_rounds(plan)});
    print_result(results.back());
    std::fflush(stdout);
    document["sizes"].push_back(to_json(results.back()));
    write_json(arguments.json, document);
  }
  if (!arguments.check) return 0;
  fmt::print("\n");
  bool all_met = true;
  for (const SizeResult& result : results) all_met = print_demands(result) && all_met;
  return all_met ? 0 : kExitUnmet;
}

int measure_processes(const Arguments& arguments, const std::filesystem::path& dir,
                      nlohmann::json& document) {
  std::vector<std::uint64_t> sizes = arguments.entries;
  if (sizes.empty()) sizes = {1'000'000};
  for (const std::uint64_t entries : sizes) {
    ProcessPlan plan{.shape = arguments.shape,
                     .writers = arguments.writers,
                     .readers = arguments.readers,
                     .seconds = arguments.seconds,
                     .repeat = arguments.repeat,
                     .shards = arguments.shards,
                     .dir = dir};
    plan.shape.entries = entries;
    const auto runs = run_processes(plan);
    print_processes(plan, runs);
    document["processes"].push_back(to_json(plan, runs));
    write_json(arguments.json, document);
  }
  return 0;
}

int measure(const Arguments& arguments) {
  catch_interrupts();
  const Scratch scratch(arguments.dir, "hmap-bench");
  const Machine machine = describe_machine(scratch.path());
  print_machine(machine);
  nlohmann::json document = {{"machine", to_json(machine)}};
  if (arguments.writers + arguments.readers > 0) {
    return measure_processes(arguments, scratch.path(), document);
  }
  return measure_stores(arguments, scratch.path(), document);
}

int parse_and_measure(int argc, char** argv) {
  CLI::App app("Measures hmap beside LMDB and tkrzw on the same work.", "hmap-bench");
  Arguments arguments;
  add_options(app, arguments);
  add_process_options(app, arguments);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitError;
  }
  return measure(arguments);
}

}  // namespace
}  // namespace hmap::bench

int main(int argc, char** argv) {
  try {
    return hmap::bench::parse_and_measure(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "hmap-bench: %s\n", error.what());
    return hmap::bench::kExitError;
  }
}
