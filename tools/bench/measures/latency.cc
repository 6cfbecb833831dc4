#include "measures/latency.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <memory>

#include "base/histogram.h"
#include "base/timing.h"

namespace hmap::bench {
namespace {

using Clock = std::chrono::steady_clock;

// A slice of puts and a slice of the control loop take so long each.
constexpr std::uint64_t kSliceNanoseconds = 5'000'000;

constexpr std::array<std::pair<const char*, double>, 6> kPercentiles = {{
    {"p50", 50},
    {"p90", 90},
    {"p99", 99},
    {"p99.9", 99.9},
    {"p99.99", 99.99},
    {"p99.999", 99.999},
}};

std::uint64_t now() noexcept {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
          .count());
}

// Looks at the clock for as long as the slice of puts took, in steps of the mean time of a put.
void run_control(std::uint64_t slice, std::uint64_t step, Histogram& control) {
  const std::uint64_t end = now() + slice;
  for (std::uint64_t begin = now(); begin < end;) {
    std::uint64_t at = begin;
    while (at - begin < step) at = now();
    control.record(at - begin);
    begin = at;
  }
}

struct Latencies {
  Histogram puts;
  Histogram control;
};

Latencies fill_slowly(const Shape& shape, Adapter& adapter) {
  Latencies latencies;
  const Workload workload(shape);
  std::string key;
  std::string value;
  std::uint64_t total = 0;  // Nanoseconds in puts.
  std::uint64_t slice_begin = now();
  adapter.begin(Access::kWrite);
  repeat(shape.entries, [&](std::uint64_t index) {
    workload.key(index, key);
    workload.value(key, 0, value);
    const std::uint64_t begin = now();
    adapter.put(key, value);
    const std::uint64_t end = now();
    latencies.puts.record(end - begin);
    total += end - begin;
    if (end - slice_begin < kSliceNanoseconds) return;
    run_control(end - slice_begin, total / (index + 1), latencies.control);
    slice_begin = now();
  });
  adapter.end();
  return latencies;
}

// Percentiles for a plot, ever closer to 100. x: 1 / (1 - percentile), y: seconds.
Curve curve_of(std::string name, const Histogram& histogram) {
  Curve curve{std::move(name), {}};
  constexpr double kStepsPerDecade = 8;
  const auto count = static_cast<double>(histogram.count());
  for (int step = 0;; ++step) {
    const double x = std::pow(10, step / kStepsPerDecade);
    if (x >= count) break;
    const double percent = 100 - 100 / x;
    curve.points.emplace_back(x, static_cast<double>(histogram.percentile(percent)) * 1e-9);
  }
  curve.points.emplace_back(count, static_cast<double>(histogram.max()) * 1e-9);
  return curve;
}

double seconds_at(const Histogram& histogram, double percent) {
  return static_cast<double>(histogram.percentile(percent)) * 1e-9;
}

Run run_store(const Shape& shape, const StoreKind& kind, const std::filesystem::path& dir) {
  const std::unique_ptr<Adapter> adapter = kind.make();
  adapter->open(dir, shape);
  const Latencies latencies = fill_slowly(shape, *adapter);
  adapter->close();
  Run run;
  for (const auto& [name, percent] : kPercentiles) {
    run.add(name, seconds_at(latencies.puts, percent));
  }
  run.add("max", static_cast<double>(latencies.puts.max()) * 1e-9);
  for (const auto& [name, percent] : kPercentiles) {
    if (percent < 99.9) continue;
    const double machine = seconds_at(latencies.control, percent);
    run.add(fmt::format("control {}", name), machine);
    run.add(fmt::format("{} beyond", name),
            std::max(0.0, seconds_at(latencies.puts, percent) - machine));
  }
  run.add("control max", static_cast<double>(latencies.control.max()) * 1e-9);
  run.curves.push_back(curve_of("puts", latencies.puts));
  run.curves.push_back(curve_of("control", latencies.control));
  return run;
}

}  // namespace

Experiment measure_latency(Plan plan) {
  for (const auto& [name, percent] : kPercentiles)
    plan.kinds.push_back({name, Unit::kSeconds, false});
  plan.kinds.push_back({"max", Unit::kSeconds, false});
  for (const auto& [name, percent] : kPercentiles) {
    if (percent < 99.9) continue;
    plan.kinds.push_back({fmt::format("control {}", name), Unit::kSeconds, std::nullopt});
    plan.kinds.push_back({fmt::format("{} beyond", name), Unit::kSeconds, false});
  }
  plan.kinds.push_back({"control max", Unit::kSeconds, std::nullopt});
  Experiment experiment =
      run_rounds(plan, [&](const StoreKind& kind, const std::filesystem::path& dir) {
        return run_store(plan.shape, kind, dir);
      });
  experiment.notes.emplace_back(
      "where a store batches writes, a put that ends a batch pays for all of it");
  return experiment;
}

}  // namespace hmap::bench
