// See watch_text.h.
#include "report/watch_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "report/activity.h"
#include "report/json.h"
#include "text/escape.h"
#include "text/numbers.h"

namespace hmap::tool {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kEvacuationColumns = 20;

// What happened between two moments, by the second.
struct Rates {
  double changes = 0;
  double entries = 0;  // net
  double log_bytes = 0;
  Work work;
};

double per_second(std::uint64_t now, std::uint64_t before, double seconds) {
  // A store that was set up anew meanwhile counts from 0.
  if (seconds <= 0) return 0;
  return (static_cast<double>(now) - static_cast<double>(before)) / seconds;
}

// 0 for a counter that began anew meanwhile, as those of reads do when a process goes.
std::uint64_t rate_of(std::uint64_t now, std::uint64_t before, double seconds) {
  return now <= before ? 0
                       : static_cast<std::uint64_t>(std::llround(per_second(now, before, seconds)));
}

// What of Work rises.
constexpr std::array kCounters = {&Work::inserted, &Work::replaced,   &Work::erased,
                                  &Work::reads,    &Work::lock_waits, &Work::lock_waited_ns};

std::optional<Rates> rates(const Sample& now, const Sample* before) {
  if (before == nullptr) return std::nullopt;
  const double seconds = std::chrono::duration<double>(now.time - before->time).count();
  Rates rates;
  rates.changes =
      std::max(0.0, per_second(changes_in(now.stats), changes_in(before->stats), seconds));
  rates.entries = per_second(now.stats.entries, before->stats.entries, seconds);
  rates.log_bytes =
      std::max(0.0, per_second(now.stats.log_written, before->stats.log_written, seconds));
  const Work work = work_in(now.stats);
  const Work done = work_in(before->stats);
  rates.work.readers = work.readers;
  for (std::uint64_t Work::*const counter : kCounters)
    rates.work.*counter = rate_of(work.*counter, done.*counter, seconds);
  return rates;
}

std::string rate_text(double rate) {
  return grouped(static_cast<std::uint64_t>(std::llround(std::max(rate, 0.0))));
}

std::string bar(double share) {
  const int full =
      std::clamp(static_cast<int>(std::lround(share * kEvacuationColumns)), 0, kEvacuationColumns);
  return fmt::format("[{:#<{}}{:.<{}}]", "", full, "", kEvacuationColumns - full);
}

std::string counter_line(std::string_view name, std::uint64_t now,
                         const std::optional<std::uint64_t>& rate, std::string_view remark = {}) {
  return fmt::format("{:<12}{:>15}{}{}", name, grouped(now),
                     rate ? fmt::format("  {}/s", grouped(*rate)) : "", remark);
}

// Writes by kind, look-ups where somebody counts them, and what writers wait for each other.
void add_work(const Sample& now, const std::optional<Rates>& rate,
              std::vector<std::string>& lines) {
  const Work work = work_in(now.stats);
  const auto of = [&](std::uint64_t Work::*kind) {
    return rate ? std::optional(rate->work.*kind) : std::nullopt;
  };
  lines.push_back(counter_line("inserted", work.inserted, of(&Work::inserted)));
  lines.push_back(counter_line("replaced", work.replaced, of(&Work::replaced)));
  lines.push_back(counter_line("erased", work.erased, of(&Work::erased)));
  if (work.readers != 0) {
    lines.push_back(counter_line(
        "reads", work.reads, of(&Work::reads),
        fmt::format("  of {} that count{} them", work.readers, work.readers == 1 ? "s" : "")));
  }
  lines.push_back(counter_line(
      "lock waits", work.lock_waits, of(&Work::lock_waits),
      fmt::format("  {:.3f} s in all", static_cast<double>(work.lock_waited_ns) / 1e9)));
}

void add_growth(const Sample& now, const Sample* before, std::vector<std::string>& lines) {
  bool any = false;
  for (std::size_t s = 0; s < now.stats.shards.size(); ++s) {
    const Stats::Shard& shard = now.stats.shards[s];
    if (!shard.growing || shard.old_buckets == 0) continue;
    const double share =
        static_cast<double>(shard.evacuated) / static_cast<double>(shard.old_buckets);
    std::string line =
        fmt::format("{:<12}shard {} {} {:3.0f} % of {} old buckets evacuated{}",
                    any ? "" : "growth", s, bar(share), share * 100, grouped(shard.old_buckets),
                    shard.same_size_growth   ? " (same size)"
                    : shard.half_size_growth ? " (to half the size)"
                                             : "");
    if (before != nullptr && before->stats.shards[s].growing &&
        shard.evacuated > before->stats.shards[s].evacuated) {
      const double seconds = std::chrono::duration<double>(now.time - before->time).count();
      const double rate = per_second(shard.evacuated, before->stats.shards[s].evacuated, seconds);
      line += fmt::format(
          ", {} left",
          human_seconds(static_cast<double>(shard.old_buckets - shard.evacuated) / rate));
    }
    lines.push_back(std::move(line));
    any = true;
  }
  if (!any) lines.emplace_back("growth      none in progress");
}

std::string checkpoint_line(const Sample& now) {
  std::string line =
      fmt::format("checkpoint  epoch {}, durable {}", now.stats.epoch, now.stats.durable_epoch);
  if (now.activity.checkpoint_known) {
    line += fmt::format("; {} ago",
                        human_seconds(static_cast<double>(now.activity.checkpoint_age_ms) / 1000));
  }
  line += fmt::format(", about {} changed since", human_bytes(now.activity.dirty_bytes));
  if (now.stats.poisoned) line += "; POISONED: a flush failed";
  return line;
}

std::string space_line(const Sample& now) {
  std::string line =
      fmt::format("space       file {}, {} on disk, {} free", human_bytes(now.stats.file_bytes),
                  human_bytes(now.stats.allocated_bytes), human_bytes(now.stats.free_bytes));
  if (now.activity.held_bytes != 0) {
    line += fmt::format(", {} held back{}", human_bytes(now.activity.held_bytes),
                        now.activity.held_by_snapshot ? " by a snapshot" : "");
  }
  if (now.stats.held_bytes != 0)
    line += fmt::format(", {} held by views", human_bytes(now.stats.held_bytes));
  return line;
}

void add_activity_lines(const Sample& now, const std::string& path,
                        std::vector<std::string>& lines) {
  std::istringstream text(activity_text(now.activity, path));
  for (std::string line; std::getline(text, line);) {
    // The sums are above already.
    if (line.starts_with(readable(path))) line.erase(0, readable(path).size() + 2);
    if (line.starts_with("space held back") || line.starts_with("changed since")) continue;
    if (!line.empty()) lines.push_back(std::move(line));
  }
}

// `reads`: only of those who count them.
Json work_json(const Work& work) {
  Json object = {{"inserted", work.inserted},
                 {"replaced", work.replaced},
                 {"erased", work.erased},
                 {"lock_waits", work.lock_waits},
                 {"lock_waited_ns", work.lock_waited_ns}};
  if (work.readers != 0) object["reads"] = work.reads;
  return object;
}

}  // namespace

HeldViews views_in(const Stats& stats) {
  HeldViews views;
  for (const Stats::Process& process : stats.processes) {
    views.count += process.views;
    views.seconds = std::max(views.seconds, process.views_seconds);
  }
  return views;
}

Work work_in(const Stats& stats) {
  Work work;
  for (const Stats::Shard& shard : stats.shards) {
    work.inserted += shard.inserted;
    work.replaced += shard.replaced;
    work.erased += shard.erased;
    work.lock_waits += shard.lock_waits;
    work.lock_waited_ns += shard.lock_waited_ns;
  }
  for (const Stats::Process& process : stats.processes) {
    work.readers += process.counts_reads ? 1 : 0;
    work.reads += process.reads;
  }
  return work;
}

std::uint64_t changes_in(const Stats& stats) {
  std::uint64_t sum = 0;
  for (const Stats::Shard& shard : stats.shards) sum += shard.epoch_changes;
  return sum;
}

std::vector<std::string> watch_lines(const Sample& now, const Sample* before,
                                     const std::string& path) {
  const std::optional<Rates> rate = rates(now, before);
  std::vector<std::string> lines;
  lines.push_back(readable(path));
  std::string entries = fmt::format("entries     {:>15}", grouped(now.stats.entries));
  std::string changes = fmt::format("changes     {:>15}", grouped(changes_in(now.stats)));
  if (rate) {
    entries += fmt::format("  {}{}/s", rate->entries < 0 ? "-" : "+",
                           rate_text(rate->entries < 0 ? -rate->entries : rate->entries));
    changes +=
        fmt::format("  {}/s in {} shards", rate_text(rate->changes), now.stats.shards.size());
  }
  lines.push_back(std::move(entries));
  lines.push_back(std::move(changes));
  add_work(now, rate, lines);
  lines.push_back(fmt::format("buckets     {:>15}  {:.2f} entries each, {} overflow buckets",
                              grouped(now.stats.buckets), now.stats.load_factor,
                              grouped(now.stats.overflow_buckets)));
  add_growth(now, before, lines);
  lines.push_back(checkpoint_line(now));
  if (now.stats.durability == Durability::kCommit) {
    lines.push_back(fmt::format(
        "commit log  {} used{}", human_bytes(now.stats.log_used),
        rate ? fmt::format(", {}/s", human_bytes(static_cast<std::uint64_t>(rate->log_bytes)))
             : ""));
  }
  lines.push_back(space_line(now));
  if (const HeldViews views = views_in(now.stats); views.count != 0) {
    lines.push_back(fmt::format("views       {}, the oldest for {}", grouped(views.count),
                                human_seconds(static_cast<double>(views.seconds))));
  }
  lines.emplace_back();
  add_activity_lines(now, path, lines);
  return lines;
}

Json watch_json(const Sample& now, const Sample* before, const std::string& path) {
  Json json;
  set_bytes(json, "file", path);
  json["entries"] = now.stats.entries;
  json["changes"] = changes_in(now.stats);
  const std::optional<Rates> rate = rates(now, before);
  if (rate) {
    json["entries_per_second"] = rate->entries;
    json["changes_per_second"] = rate->changes;
  }
  json["work"] = work_json(work_in(now.stats));
  if (rate) json["work_per_second"] = work_json(rate->work);
  json["shards"] = Json::array();
  for (const Stats::Shard& shard : now.stats.shards) {
    Json one = {
        {"entries", shard.entries}, {"changes", shard.epoch_changes}, {"growing", shard.growing}};
    if (shard.growing) {
      one["old_buckets"] = shard.old_buckets;
      one["evacuated"] = shard.evacuated;
    }
    json["shards"].push_back(std::move(one));
  }
  json["file_bytes"] = now.stats.file_bytes;
  json["allocated_bytes"] = now.stats.allocated_bytes;
  json["free_bytes"] = now.stats.free_bytes;
  const HeldViews views = views_in(now.stats);
  json["views"] = {
      {"count", views.count}, {"seconds", views.seconds}, {"held_bytes", now.stats.held_bytes}};
  json["poisoned"] = now.stats.poisoned;
  if (now.stats.durability == Durability::kCommit)
    json["log"] = {{"written", now.stats.log_written}, {"used", now.stats.log_used}};
  add_activity(json, now.activity);
  return json;
}

}  // namespace hmap::tool
