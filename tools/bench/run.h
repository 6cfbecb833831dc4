// The phases, and one run of them on one store.
#ifndef HMAP_BENCH_RUN_H_
#define HMAP_BENCH_RUN_H_

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "adapter.h"
#include "workload.h"

namespace hmap::bench {

// In the order in which they run; README.md says what each of them is.
enum class Phase { kFill, kGetHit, kGetMiss, kUpdate, kIterate, kErase };
inline constexpr std::array kPhases = {Phase::kFill,   Phase::kGetHit,  Phase::kGetMiss,
                                       Phase::kUpdate, Phase::kIterate, Phase::kErase};
[[nodiscard]] std::string_view name(Phase phase) noexcept;

struct PhaseResult {
  Phase phase = Phase::kFill;
  std::uint64_t ops = 0;
  double seconds = 0;
  double cpu_seconds = 0;  // All threads of the process: shows work done in the background.

  [[nodiscard]] double rate() const noexcept { return static_cast<double>(ops) / seconds; }
};

// All that was measured on one store in one round.
struct StoreRun {
  std::string store;
  int round = 0;
  std::vector<PhaseResult> phases;
  std::uint64_t file_bytes = 0;  // Blocks on disk after the fill.
  double open_seconds = 0;
  double close_seconds = 0;
};

// What to run. `phases` always begins with the fill, which the others need.
struct Plan {
  Shape shape;
  std::uint64_t ops = 0;  // Operations of each phase but fill and iterate.
  int repeat = 1;
  std::vector<std::string> stores;
  std::vector<Phase> phases;
  std::filesystem::path dir;
};

// Runs `repeat` rounds; each runs every store once, in an order that rotates from round to round,
// in a fresh directory below plan.dir that is removed before the next store begins.
// Throws std::runtime_error when a store fails or a result is wrong.
[[nodiscard]] std::vector<StoreRun> run_rounds(const Plan& plan);

// What the program itself spends on one operation, so that ratios can be judged.
struct HarnessCost {
  double put_ns = 0;  // Make the key and the value.
  double get_ns = 0;  // Make the key and check the value.
};
[[nodiscard]] HarnessCost measure_harness(const Shape& shape);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_RUN_H_
