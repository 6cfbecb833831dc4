// See activity.h.
#include "report/activity.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>
#include <vector>

#include "io/processes.h"
#include "report/json.h"
#include "report/stat_json.h"
#include "text/escape.h"
#include "text/numbers.h"

namespace hmap::tool {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kLockNames[] = {"shard",      "space",      "batch",
                                           "checkpoint", "log append", "log flush"};

std::string state_text(const AttachedProcess& process, const ProcessFacts& facts) {
  if (!process.alive) return "DEAD";
  if (!facts.known) return "alive";
  return facts.state == 'T' || facts.state == 't' ? "STOPPED" : "alive";
}

// What the process in a slot holds: "lock of shard 3 (wanted), snapshot of epoch 7".
std::string holdings(const Activity& activity, const AttachedProcess& process) {
  std::vector<std::string> parts;
  for (const HeldLock& lock : activity.locks) {
    if (lock.slot != process.slot || lock.owner_alive != process.alive) continue;
    parts.push_back(fmt::format("lock of {}{}", lock_name(lock), lock.wanted ? " (wanted)" : ""));
  }
  for (const Stats::HeldSnapshot& snapshot : activity.snapshots) {
    if (snapshot.slot != process.slot || snapshot.alive != process.alive) continue;
    parts.push_back(fmt::format("snapshot of epoch {}", snapshot.epoch));
  }
  if (process.views != 0) {
    parts.push_back(fmt::format("{} view{} for up to {}", grouped(process.views),
                                process.views == 1 ? "" : "s",
                                human_seconds(static_cast<double>(process.views_seconds))));
  }
  if (process.large_records != 0)
    parts.push_back(fmt::format("{} large records being written", process.large_records));
  return parts.empty() ? "-" : fmt::format("{}", fmt::join(parts, ", "));
}

// Holdings of handles that nobody in the table is: their slot was taken by somebody else since.
std::string orphans_text(const Activity& activity) {
  std::string text;
  const auto has_owner = [&activity](std::uint32_t slot, bool alive) {
    return std::any_of(activity.processes.begin(), activity.processes.end(),
                       [&](const AttachedProcess& process) {
                         return process.slot == slot && process.alive == alive;
                       });
  };
  for (const HeldLock& lock : activity.locks) {
    if (has_owner(lock.slot, lock.owner_alive)) continue;
    text += fmt::format("  lock of {}, of a dead process (slot {})\n", lock_name(lock), lock.slot);
  }
  for (const Stats::HeldSnapshot& snapshot : activity.snapshots) {
    if (has_owner(snapshot.slot, snapshot.alive)) continue;
    text += fmt::format("  snapshot of epoch {}, of a dead process (slot {})\n", snapshot.epoch,
                        snapshot.slot);
  }
  return text;
}

std::string processes_text(const Activity& activity) {
  std::string text = fmt::format("  {:>4} {:>8} {:<16} {:<8} {:>9}  {}\n", "SLOT", "PID", "COMMAND",
                                 "STATE", "AGE", "HOLDS");
  for (const AttachedProcess& process : activity.processes) {
    const ProcessFacts facts = process.alive ? facts_of_process(process.pid) : ProcessFacts();
    text += fmt::format("  {:>4} {:>8} {:<16} {:<8} {:>9}  {}\n", process.slot, process.pid,
                        facts.known ? readable(facts.command) : "-", state_text(process, facts),
                        facts.known ? human_seconds(static_cast<double>(facts.age_seconds)) : "-",
                        holdings(activity, process));
  }
  return text;
}

std::string space_text(const Activity& activity) {
  std::string text = fmt::format("\nspace held back: {} freed since epoch {}",
                                 human_bytes(activity.held_bytes), activity.oldest_needed);
  text += activity.held_by_snapshot
              ? fmt::format(", by a snapshot of epoch {}\n", activity.oldest_needed)
              : ", until the next checkpoint\n";
  text +=
      fmt::format("changed since the last checkpoint: about {}", human_bytes(activity.dirty_bytes));
  if (activity.checkpoint_known) {
    text += fmt::format("; that was {} ago",
                        human_seconds(static_cast<double>(activity.checkpoint_age_ms) / 1000));
  }
  return text + "\n";
}

}  // namespace

std::string lock_name(const HeldLock& lock) {
  const std::string_view name = kLockNames[static_cast<std::size_t>(lock.kind)];
  return lock.kind == LockKind::kShard ? fmt::format("shard {}", lock.shard) : std::string(name);
}

std::string activity_text(const Activity& activity, const std::string& path) {
  if (!activity.live)
    return fmt::format("{}: not in use since it was made or the system booted\n", readable(path));
  const auto alive = std::count_if(activity.processes.begin(), activity.processes.end(),
                                   [](const AttachedProcess& process) { return process.alive; });
  std::string text = fmt::format("{}: {} attached for writing, {} dead\n", readable(path), alive,
                                 activity.processes.size() - static_cast<std::size_t>(alive));
  if (!activity.processes.empty()) text += "\n" + processes_text(activity);
  return text + orphans_text(activity) + space_text(activity);
}

void add_activity(Json& object, const Activity& activity) {
  object["live"] = activity.live;
  object["processes"] = Json::array();
  for (const AttachedProcess& process : activity.processes) {
    const ProcessFacts facts = process.alive ? facts_of_process(process.pid) : ProcessFacts();
    Json json = {{"slot", process.slot}, {"pid", process.pid}, {"alive", process.alive}};
    if (facts.known) {
      json["command"] = readable(facts.command);
      json["state"] = std::string(1, facts.state);
      json["age_seconds"] = facts.age_seconds;
    }
    json["large_records"] = process.large_records;
    json["views"] = process.views;
    json["views_seconds"] = process.views_seconds;
    object["processes"].push_back(std::move(json));
  }
  object["locks"] = Json::array();
  for (const HeldLock& lock : activity.locks) {
    object["locks"].push_back({{"lock", lock_name(lock)},
                               {"slot", lock.slot},
                               {"alive", lock.owner_alive},
                               {"wanted", lock.wanted}});
  }
  object["snapshots"] = snapshots_json(activity.snapshots);
  object["epoch"] = activity.epoch;
  object["durable_epoch"] = activity.durable_epoch;
  object["oldest_needed"] = activity.oldest_needed;
  object["held_by_snapshot"] = activity.held_by_snapshot;
  object["held_bytes"] = activity.held_bytes;
  object["dirty_bytes"] = activity.dirty_bytes;
  if (activity.checkpoint_known) object["checkpoint_age_ms"] = activity.checkpoint_age_ms;
}

}  // namespace hmap::tool
