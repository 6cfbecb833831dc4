// The text format of Prometheus. See watch_text.h.
#include <fmt/format.h>

#include <string>
#include <string_view>

#include "report/json.h"
#include "report/watch_text.h"
#include "text/escape.h"

namespace hmap::tool {
namespace {

// A label's value: backslash, quote and line feed are escaped, the rest is UTF-8.
std::string label(std::string_view bytes) {
  std::string text;
  for (const char c : readable(bytes)) {
    if (c == '\n') {
      text += "\\n";
      continue;
    }
    if (c == '\\' || c == '"') text += '\\';
    text += c;
  }
  return text;
}

class Exposition {
 public:
  explicit Exposition(const std::string& path) : file_(fmt::format("file=\"{}\"", label(path))) {}

  // The lines of one metric follow each other: first this, then its values.
  void metric(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  template <typename Number>
  void value(Number number, std::string_view labels = {}) {
    text_ +=
        fmt::format("{}{{{}{}{}}} {}\n", name_, file_, labels.empty() ? "" : ",", labels, number);
  }
  template <typename Number>
  void single(std::string_view name, std::string_view type, std::string_view help, Number number) {
    metric(name, type, help);
    value(number);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string file_;
  std::string name_;
  std::string text_;
};

void add_shards(const Stats& stats, Exposition& out) {
  out.metric("hmap_shard_entries", "gauge", "Entries by shard.");
  for (std::size_t s = 0; s < stats.shards.size(); ++s)
    out.value(stats.shards[s].entries, fmt::format("shard=\"{}\"", s));
  out.metric("hmap_changes_total", "counter",
             "Writes and steps of growths since the store was set up in this boot.");
  for (std::size_t s = 0; s < stats.shards.size(); ++s)
    out.value(stats.shards[s].epoch_changes, fmt::format("shard=\"{}\"", s));
  out.metric("hmap_growing_ratio", "gauge",
             "Evacuated share of the old buckets; 1 while not growing.");
  for (std::size_t s = 0; s < stats.shards.size(); ++s) {
    const Stats::Shard& shard = stats.shards[s];
    const bool grows = shard.growing && shard.old_buckets != 0;
    out.value(
        grows ? static_cast<double>(shard.evacuated) / static_cast<double>(shard.old_buckets) : 1.0,
        fmt::format("shard=\"{}\"", s));
  }
}

void add_work(const Stats& stats, Exposition& out) {
  const Work work = work_in(stats);
  out.metric("hmap_writes_total", "counter",
             "Entries written and erased since the store was set up in this boot.");
  out.value(work.inserted, "kind=\"inserted\"");
  out.value(work.replaced, "kind=\"replaced\"");
  out.value(work.erased, "kind=\"erased\"");
  out.single("hmap_lock_waits_total", "counter", "Waits of writers for the lock of a shard.",
             work.lock_waits);
  out.single("hmap_lock_wait_seconds_total", "counter", "For how long.",
             static_cast<double>(work.lock_waited_ns) / 1e9);
  if (work.readers == 0) return;
  out.single("hmap_reads", "gauge", "Look-ups of the attached processes that count them.",
             work.reads);
}

void add_space(const Stats& stats, Exposition& out) {
  out.metric("hmap_space_bytes", "gauge", "Bytes of the file by use.");
  out.value(stats.span_bytes, "use=\"records\"");
  out.value(stats.large_bytes, "use=\"large_records\"");
  out.value(stats.bucket_bytes, "use=\"buckets\"");
  out.value(stats.frame_bytes, "use=\"displaced_blocks\"");
  out.value(stats.retired_bytes, "use=\"retired\"");
  out.value(stats.held_bytes, "use=\"held_by_views\"");
  out.value(stats.free_bytes, "use=\"free\"");
  out.value(stats.other_bytes, "use=\"other\"");
  out.single("hmap_file_bytes", "gauge", "Size of the file.", stats.file_bytes);
  out.single("hmap_allocated_bytes", "gauge", "Disk that the file takes.", stats.allocated_bytes);
}

void add_activity(const Activity& activity, Exposition& out) {
  std::size_t alive = 0;
  for (const AttachedProcess& process : activity.processes) alive += process.alive ? 1 : 0;
  out.metric("hmap_processes", "gauge", "Handles attached for writing.");
  out.value(alive, "state=\"alive\"");
  out.value(activity.processes.size() - alive, "state=\"dead\"");
  out.single("hmap_snapshots", "gauge", "Snapshots held.", activity.snapshots.size());
  out.single("hmap_locks_held", "gauge", "Locks that somebody held at this moment.",
             activity.locks.size());
  out.single("hmap_held_bytes", "gauge", "Freed, but needed by a checkpoint or a snapshot.",
             activity.held_bytes);
  out.single("hmap_dirty_bytes", "gauge", "Stored since the last cut, roughly.",
             activity.dirty_bytes);
  if (!activity.checkpoint_known) return;
  out.single("hmap_checkpoint_age_seconds", "gauge", "Since the last completed checkpoint.",
             static_cast<double>(activity.checkpoint_age_ms) / 1000);
}

}  // namespace

std::string prometheus_text(const Sample& now, const std::string& path) {
  const Stats& stats = now.stats;
  Exposition out(path);
  out.single("hmap_entries", "gauge", "Entries of the store.", stats.entries);
  out.single("hmap_buckets", "gauge", "Main buckets.", stats.buckets);
  out.single("hmap_overflow_buckets", "gauge", "Overflow buckets in use.", stats.overflow_buckets);
  add_shards(stats, out);
  add_work(stats, out);
  add_space(stats, out);
  out.single("hmap_epoch", "gauge", "Current epoch.", stats.epoch);
  out.single("hmap_durable_epoch", "gauge", "Last epoch in a completed checkpoint.",
             stats.durable_epoch);
  out.single("hmap_checkpoints_total", "counter", "Checkpoints since the store was made.",
             stats.checkpoints);
  out.single("hmap_poisoned", "gauge", "1 if a flush failed and the store takes no writes.",
             stats.poisoned ? 1 : 0);
  if (stats.durability == Durability::kCommit) {
    out.single("hmap_log_written_bytes_total", "counter", "Position of the commit log's end.",
               stats.log_written);
    out.single("hmap_log_used_bytes", "gauge", "Of the commit log, not yet in a checkpoint.",
               stats.log_used);
  }
  const HeldViews views = views_in(stats);
  out.single("hmap_views", "gauge", "Values that are read where they lie.", views.count);
  out.single("hmap_views_age_seconds", "gauge", "For how long the oldest view is held.",
             views.seconds);
  add_activity(now.activity, out);
  return out.text();
}

}  // namespace hmap::tool
