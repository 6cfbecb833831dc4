// See stat_text.h.
#include "report/stat_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "report/row.h"
#include "report/stat_advice.h"
#include "text/escape.h"
#include "text/numbers.h"

namespace hmap::tool {
namespace {

constexpr double kLoadFactorMax = 6.5;  // Beyond it Go's map, and hmap, grow.
constexpr std::size_t kListedMax = 8;   // Growing shards shown one by one.
constexpr std::uint64_t kBarColumns = 40;

std::string bar(std::uint64_t part, std::uint64_t whole) {
  if (part == 0 || whole == 0) return {};
  const double columns =
      static_cast<double>(kBarColumns) * static_cast<double>(part) / static_cast<double>(whole);
  // Whatever is there is seen, however little.
  return "  " + std::string(static_cast<std::size_t>(std::max(1L, std::lround(columns))), '#');
}

// "B 12", or "B 11 (3 shards) to 12 (5 shards)".
std::string buckets_log2_text(const Stats& stats) {
  std::map<std::uint64_t, std::size_t> counts;
  for (const Stats::Shard& shard : stats.shards) ++counts[shard.buckets_log2];
  if (counts.empty()) return "none";
  if (counts.size() == 1) {
    return fmt::format("B = {}{}", counts.begin()->first,
                       stats.shards.size() > 1 ? " in every shard" : "");
  }
  std::string text = "B = ";
  for (const auto& [buckets_log2, shards] : counts) {
    if (!text.ends_with(' ')) text += ", ";
    text += fmt::format("{} ({} shard{})", buckets_log2, shards, shards == 1 ? "" : "s");
  }
  return text;
}

std::string hmap_text(const Stats& stats) {
  std::string text = row("entries", grouped(stats.entries));
  if (!same_type(stats.type, TypeInfo())) text += row("type", readable(to_string(stats.type)));
  const std::size_t shards = stats.shards.size();
  text += row("shards", shards == 1 ? "1" : fmt::format("{}, written independently", shards));
  text += row("buckets",
              fmt::format("{} of 8 slots; {}", grouped(stats.buckets), buckets_log2_text(stats)));
  text += row("load factor", fmt::format("{:.2f} entries per bucket; grows beyond {}",
                                         stats.load_factor, kLoadFactorMax));
  text += row("overflow buckets",
              stats.buckets == 0
                  ? grouped(stats.overflow_buckets)
                  : fmt::format("{} ({} of the buckets)", grouped(stats.overflow_buckets),
                                percent(stats.overflow_buckets, stats.buckets)));
  return text;
}

std::string growth_line(const Stats::Shard& shard) {
  const std::string to =
      shard.same_size_growth
          ? fmt::format("rewriting {} buckets at the same size", grouped(shard.old_buckets))
          : fmt::format(
                "from {} to {} buckets", grouped(shard.old_buckets),
                grouped(shard.half_size_growth ? shard.old_buckets / 2 : shard.old_buckets * 2));
  return fmt::format("{}, {} evacuated ({})", to, grouped(shard.evacuated),
                     percent(shard.evacuated, shard.old_buckets));
}

std::string growth_text(const Stats& stats) {
  std::vector<std::size_t> growing;
  std::uint64_t old_buckets = 0;
  std::uint64_t evacuated = 0;
  for (std::size_t i = 0; i < stats.shards.size(); ++i) {
    if (!stats.shards[i].growing) continue;
    growing.push_back(i);
    old_buckets += stats.shards[i].old_buckets;
    evacuated += stats.shards[i].evacuated;
  }
  if (growing.empty()) return row("growth", "none in progress");
  if (stats.shards.size() == 1) return row("growth", growth_line(stats.shards[0]));
  std::string text =
      row("growth", fmt::format("{} of {} shards; {} of {} old buckets evacuated ({})",
                                growing.size(), stats.shards.size(), grouped(evacuated),
                                grouped(old_buckets), percent(evacuated, old_buckets)));
  for (const std::size_t shard : growing) {
    if (shard == growing[std::min(kListedMax, growing.size() - 1)] && growing.size() > kListedMax) {
      text += row("", fmt::format("and {} more (stat --json)", growing.size() - kListedMax));
      break;
    }
    text += row("", fmt::format("shard {}: {}", shard, growth_line(stats.shards[shard])));
  }
  return text;
}

std::string chains_text(const Stats& stats) {
  std::uint64_t total = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < stats.chains.size(); ++i) {
    total += stats.chains[i];
    if (stats.chains[i] != 0) last = i;
  }
  std::string text = "\nchain length (a bucket and the overflow buckets behind it)\n";
  for (std::size_t i = 0; i <= last; ++i) {
    const bool open_end = i + 1 == stats.chains.size();
    text += fmt::format("  {:<20}{:>15} {:>8}{}\n", fmt::format("{}{}", i + 1, open_end ? "+" : ""),
                        grouped(stats.chains[i]), percent(stats.chains[i], total),
                        bar(stats.chains[i], total));
  }
  return text;
}

std::string compression_text(const Stats& stats, bool with_chains) {
  if (stats.compression == Compression::kNone) return {};
  std::string text = "\ncompression\n";
  text +=
      row("method", stats.dictionary_bytes == 0 ? "lz4"
                                                : fmt::format("lz4 with a dictionary of {}",
                                                              human_bytes(stats.dictionary_bytes)));
  if (!with_chains) return text;
  text += row("compressed values",
              fmt::format("{} ({} of the entries)", grouped(stats.compressed_values),
                          percent(stats.compressed_values, stats.entries)));
  return text +
         row("their bytes", fmt::format("{} of {} ({})", grouped(stats.compressed_bytes),
                                        grouped(stats.uncompressed_bytes),
                                        percent(stats.compressed_bytes, stats.uncompressed_bytes)));
}

std::string space_text(const Stats& stats) {
  struct Use {
    std::string_view name;
    std::uint64_t bytes;
  };
  const std::array<Use, 9> uses = {{{"records", stats.span_bytes},
                                    {"large records", stats.large_bytes},
                                    {"buckets", stats.bucket_bytes},
                                    {"displaced blocks", stats.frame_bytes},
                                    {"retired", stats.retired_bytes},
                                    {"held by views", stats.held_bytes},
                                    {"free", stats.free_bytes},
                                    {"headers, tables", stats.other_bytes},
                                    {"not yet used", unassigned_bytes(stats)}}};
  std::string text = "\nspace by use (bytes)\n";
  for (const Use& use : uses) {
    text += fmt::format("  {:<20}{:>15} {:>8}{}\n", use.name, grouped(use.bytes),
                        percent(use.bytes, stats.file_bytes), bar(use.bytes, stats.file_bytes));
  }
  text += fmt::format("  {:<20}{:>15}  {}\n", "file", grouped(stats.file_bytes),
                      human_bytes(stats.file_bytes));
  text += fmt::format("  {:<20}{:>15}  {}\n", "taken on disk", grouped(stats.allocated_bytes),
                      human_bytes(stats.allocated_bytes));
  return text;
}

std::string durability_text(const Stats& stats) {
  std::string text = "\ndurability\n";
  const bool commit = stats.durability == Durability::kCommit;
  text +=
      row("a power cut leaves", commit ? "every write that returned"
                                : stats.durability == Durability::kNone ? "the last sync or close"
                                                                        : "the last checkpoint");
  if (commit) {
    text += row("commit log",
                fmt::format("{} not in a checkpoint, {} not on disk", human_bytes(stats.log_used),
                            human_bytes(stats.log_written - stats.log_durable)));
  }
  text += row("epoch", grouped(stats.epoch));
  text += row("durable epoch", grouped(stats.durable_epoch));
  text += row("checkpoints", grouped(stats.checkpoints));
  return text;
}

std::string views_text(const Stats::Process& process) {
  if (process.views == 0) return {};
  return fmt::format(", {} view{} for up to {} s", grouped(process.views),
                     process.views == 1 ? "" : "s", grouped(process.views_seconds));
}

std::string processes_text(const Stats& stats) {
  std::string text =
      fmt::format("\nattached for writing: {} of {} slots\n", stats.processes.size(), stats.slots);
  for (const Stats::Process& process : stats.processes) {
    text += row(fmt::format("slot {}", process.slot),
                fmt::format("pid {:<10}{}{}", process.pid,
                            process.alive ? "alive" : "dead, to be tidied up by the next writer",
                            views_text(process)));
  }
  if (stats.snapshots.empty()) return text;
  text += fmt::format("\nsnapshots held: {}\n", stats.snapshots.size());
  for (const Stats::HeldSnapshot& snapshot : stats.snapshots) {
    text += row(fmt::format("epoch {}", grouped(snapshot.epoch)),
                fmt::format("by slot {}{}", snapshot.slot,
                            snapshot.alive ? "" : ", which is dead: until the next checkpoint"));
  }
  return text;
}

}  // namespace

std::string stat_text(const Stats& stats, const std::string& path, bool with_chains) {
  std::string text = fmt::format("{}: hmap store, format version {}, {}\n\n", readable(path),
                                 stats.format_version, human_bytes(stats.file_bytes));
  text += hmap_text(stats) + growth_text(stats);
  if (with_chains) text += chains_text(stats);
  text += compression_text(stats, with_chains);
  text += space_text(stats) + durability_text(stats) + processes_text(stats);
  text += fmt::format("\n{}\n", healthy(stats) ? "healthy: yes" : "healthy: NO");
  for (const std::string& line : advice(stats)) text += fmt::format("  {}\n", line);
  return text;
}

}  // namespace hmap::tool
