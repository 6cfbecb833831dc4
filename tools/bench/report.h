// Medians, ratios, demands; as text and as JSON.
#ifndef HMAP_BENCH_REPORT_H_
#define HMAP_BENCH_REPORT_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "machine.h"
#include "run.h"

namespace hmap::bench {

// All rounds at one size.
struct SizeResult {
  Plan plan;
  HarnessCost harness;
  std::vector<StoreRun> runs;
};

// The median of the rounds of one store; nothing if the phase was not measured on it.
[[nodiscard]] std::optional<double> median_rate(const SizeResult& result, std::string_view store,
                                                Phase phase);

// The median of the ratios of hmap's rate over the rival's, each from one round.
[[nodiscard]] std::optional<double> median_ratio(const SizeResult& result, std::string_view rival,
                                                 Phase phase);

// The middle of `values`, or the mean of the two in the middle; `values` must not be empty.
[[nodiscard]] double median(std::vector<double> values);

void print_machine(const Machine& machine);
void print_result(const SizeResult& result);

// Prints each demand with what was measured; returns whether all are met at this size. What was
// not measured is not met.
[[nodiscard]] bool print_demands(const SizeResult& result);

[[nodiscard]] nlohmann::json to_json(const Machine& machine);
[[nodiscard]] nlohmann::json to_json(const SizeResult& result);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_REPORT_H_
