// Several processes on one hmap store: what writers and readers reach together, by shards.
#ifndef HMAP_BENCH_PROCESSES_H_
#define HMAP_BENCH_PROCESSES_H_

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <vector>

#include "workload.h"

namespace hmap::bench {

struct ProcessPlan {
  Shape shape;
  int writers = 0;
  int readers = 0;
  double seconds = 0;
  int repeat = 1;
  std::vector<int> shards;  // Numbers of shards to compare: powers of two; 0: hmap's default.
  std::filesystem::path dir;
};

// Operations a second of each process in one run.
struct ProcessRun {
  int shards = 0;
  int round = 0;
  std::vector<double> writer_rates;
  std::vector<double> reader_rates;

  [[nodiscard]] double written() const noexcept;  // All writers together.
  [[nodiscard]] double read() const noexcept;     // All readers together.
};

// In each round, for each number of shards in rotating order: fills a new store, then lets the
// processes work for plan.seconds. Writers put values of the same size under random keys, readers
// get random keys and check each value.
// Throws std::runtime_error when a process fails or reads a wrong value.
[[nodiscard]] std::vector<ProcessRun> run_processes(const ProcessPlan& plan);

void print_processes(const ProcessPlan& plan, const std::vector<ProcessRun>& runs);
[[nodiscard]] nlohmann::json to_json(const ProcessPlan& plan, const std::vector<ProcessRun>& runs);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_PROCESSES_H_
