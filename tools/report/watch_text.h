// What `hmap watch` shows of two moments of a store.
#ifndef HMAP_TOOLS_REPORT_WATCH_TEXT_H_
#define HMAP_TOOLS_REPORT_WATCH_TEXT_H_

#include <chrono>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "hmap/activity.h"
#include "hmap/options.h"

namespace hmap::tool {

// One moment.
struct Sample {
  Stats stats;
  Activity activity;
  std::chrono::steady_clock::time_point time;
};

// What views hold: values that are read where they lie.
struct HeldViews {
  std::uint64_t count = 0;
  std::uint64_t seconds = 0;  // for how long the oldest is held
};
[[nodiscard]] HeldViews views_in(const Stats& stats);

// What was done since the store was set up in this boot.
struct Work {
  std::uint64_t inserted = 0;
  std::uint64_t replaced = 0;
  std::uint64_t erased = 0;
  std::uint64_t readers = 0;  // attached processes that count their look-ups ...
  std::uint64_t reads = 0;    // ... and these
  std::uint64_t lock_waits = 0;
  std::uint64_t lock_waited_ns = 0;
};
[[nodiscard]] Work work_in(const Stats& stats);

// Changes since the store was set up in this boot, in all shards: writes, and steps of growths.
[[nodiscard]] std::uint64_t changes_in(const Stats& stats);

// The lines of the display; `before` is null for the first moment, of which there are no rates.
[[nodiscard]] std::vector<std::string> watch_lines(const Sample& now, const Sample* before,
                                                   const std::string& path);

// The same as an object.
[[nodiscard]] nlohmann::ordered_json watch_json(const Sample& now, const Sample* before,
                                                const std::string& path);

// The text format of Prometheus (exposition format 0.0.4), for its node exporter's textfile
// collector.
[[nodiscard]] std::string prometheus_text(const Sample& now, const std::string& path);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_REPORT_WATCH_TEXT_H_
