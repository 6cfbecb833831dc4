// See stat_advice.h.
#include "report/stat_advice.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "text/numbers.h"

namespace hmap::tool {
namespace {

std::size_t dead_processes(const Stats& stats) {
  return static_cast<std::size_t>(
      std::count_if(stats.processes.begin(), stats.processes.end(),
                    [](const auto& process) { return !process.alive; }));
}

}  // namespace

std::uint64_t unassigned_bytes(const Stats& stats) {
  const std::uint64_t assigned = stats.span_bytes + stats.large_bytes + stats.bucket_bytes +
                                 stats.frame_bytes + stats.retired_bytes + stats.held_bytes +
                                 stats.free_bytes + stats.other_bytes;
  // A store that grows while it is looked at may count more than its file had a moment ago.
  return stats.file_bytes - std::min(stats.file_bytes, assigned);
}

bool healthy(const Stats& stats) { return !stats.poisoned; }

std::vector<std::string> advice(const Stats& stats) {
  std::vector<std::string> lines;
  if (stats.poisoned) {
    lines.emplace_back(
        "a flush to disk failed: the store refuses writes until every process has closed it");
  }
  if (const std::size_t dead = dead_processes(stats); dead > 0) {
    lines.push_back(fmt::format(
        "{} process{} ended without closing; the next writer tidies up, nothing is lost", dead,
        dead == 1 ? "" : "es"));
  }
  // Longer than anybody works with a view, and worth the trouble.
  constexpr std::uint64_t kLongSeconds = 600;
  constexpr std::uint64_t kHeldBytes = std::uint64_t{1} << 20U;
  for (const Stats::Process& process : stats.processes) {
    if (process.views == 0 || process.views_seconds < kLongSeconds || stats.held_bytes < kHeldBytes)
      continue;
    lines.push_back(fmt::format("slot {} (pid {}) has held views for {} s; {} cannot be used again",
                                process.slot, process.pid, grouped(process.views_seconds),
                                human_bytes(stats.held_bytes)));
  }
  const bool many_slots_taken =
      stats.slots > 0 && stats.processes.size() * 10 >= std::size_t{stats.slots} * 9;
  if (many_slots_taken) {
    lines.push_back(fmt::format("{} of {} process slots are taken (create --slots makes more)",
                                stats.processes.size(), stats.slots));
  }
  // More than half of the disk that it takes, and worth the trouble. What lies in holes is free
  // and takes none.
  constexpr std::uint64_t kWorthwhileBytes = std::uint64_t{16} << 20U;
  const std::uint64_t used = stats.file_bytes - std::min(stats.file_bytes, stats.free_bytes);
  const std::uint64_t surplus = stats.allocated_bytes - std::min(stats.allocated_bytes, used);
  if (surplus > kWorthwhileBytes && surplus > stats.allocated_bytes / 2) {
    lines.push_back(
        fmt::format("about {} on disk are free for new records; hmap compact gives "
                    "them back (with --online while others have the store open)",
                    human_bytes(surplus)));
  }
  return lines;
}

}  // namespace hmap::tool
