// The same work on every store: fill, get, update, YCSB, iterate, erase.
#ifndef HMAP_BENCH_MEASURES_PHASES_H_
#define HMAP_BENCH_MEASURES_PHASES_H_

#include <string>
#include <string_view>
#include <vector>

#include "measures/experiment.h"

namespace hmap::bench {

// Every phase, in the order in which they run; README.md says what each of them is.
[[nodiscard]] const std::vector<std::string>& phase_names();

// plan.kinds is made from `phases`, which are chosen from phase_names(); fill always runs.
[[nodiscard]] Experiment measure_phases(Plan plan, const std::vector<std::string>& phases);

// What the program itself spends on one operation, so that ratios can be judged.
struct HarnessCost {
  double put_ns = 0;  // Make the key and the value.
  double get_ns = 0;  // Make the key and check the value.
};
[[nodiscard]] HarnessCost measure_harness(const Shape& shape);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_MEASURES_PHASES_H_
