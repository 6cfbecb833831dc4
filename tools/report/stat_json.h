// `hmap stat --json`: every number of hmap::Stats under its own name.
#ifndef HMAP_TOOLS_REPORT_STAT_JSON_H_
#define HMAP_TOOLS_REPORT_STAT_JSON_H_

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "hmap/options.h"

namespace hmap::tool {

[[nodiscard]] nlohmann::ordered_json stat_json(const Stats& stats, const std::string& path,
                                               bool with_chains);

// The snapshots held, as `hmap ps --json` tells them, too.
[[nodiscard]] nlohmann::ordered_json snapshots_json(
    const std::vector<Stats::HeldSnapshot>& snapshots);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_REPORT_STAT_JSON_H_
