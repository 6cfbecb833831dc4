// Go's own map, measured by a Go program that speaks the same workload (go/).
#ifndef HMAP_BENCH_ADAPTERS_GO_H_
#define HMAP_BENCH_ADAPTERS_GO_H_

#include <string>
#include <vector>

#include "base/workload.h"

namespace hmap::bench {

// The Go version and the types of map, as the program says.
[[nodiscard]] std::string describe_go();

struct GoPhase {
  std::string phase;
  double ops = 0;
  double seconds = 0;
  double cpu_seconds = 0;
};

// Runs the phases named (those of measures/phases.h) and returns what was measured of those that
// the program knows. Throws std::runtime_error if it fails or finds a wrong value.
[[nodiscard]] std::vector<GoPhase> run_go(const Shape& shape, std::uint64_t ops,
                                          const std::vector<std::string>& phases);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_ADAPTERS_GO_H_
