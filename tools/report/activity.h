// What `hmap ps` and `hmap watch` say of an Activity.
#ifndef HMAP_TOOLS_REPORT_ACTIVITY_H_
#define HMAP_TOOLS_REPORT_ACTIVITY_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "hmap/activity.h"

namespace hmap::tool {

// "shard 3", "space", "checkpoint", ...
[[nodiscard]] std::string lock_name(const HeldLock& lock);

[[nodiscard]] std::string activity_text(const Activity& activity, const std::string& path);

// Adds processes, locks, snapshots and what is held back to an object.
void add_activity(nlohmann::ordered_json& object, const Activity& activity);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_REPORT_ACTIVITY_H_
