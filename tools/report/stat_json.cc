// See stat_json.h.
#include "report/stat_json.h"

#include <nlohmann/json.hpp>
#include <string_view>

#include "report/json.h"
#include "report/stat_advice.h"
#include "text/hex.h"

namespace hmap::tool {
namespace {

using Json = nlohmann::ordered_json;

Json shard_json(const Stats::Shard& shard) {
  Json object = {{"entries", shard.entries},
                 {"buckets_log2", shard.buckets_log2},
                 {"overflow_buckets", shard.overflow_buckets},
                 {"growing", shard.growing}};
  if (shard.growing) {
    object["same_size_growth"] = shard.same_size_growth;
    object["half_size_growth"] = shard.half_size_growth;
    object["old_buckets"] = shard.old_buckets;
    object["evacuated"] = shard.evacuated;
  }
  object["spans"] = shard.spans;
  object["epoch_changes"] = shard.epoch_changes;
  object["inserted"] = shard.inserted;
  object["replaced"] = shard.replaced;
  object["erased"] = shard.erased;
  object["lock_waits"] = shard.lock_waits;
  object["lock_waited_ns"] = shard.lock_waited_ns;
  return object;
}

Json space_json(const Stats& stats) {
  return {{"file_bytes", stats.file_bytes},
          {"allocated_bytes", stats.allocated_bytes},
          {"span_bytes", stats.span_bytes},
          {"large_bytes", stats.large_bytes},
          {"bucket_bytes", stats.bucket_bytes},
          {"frame_bytes", stats.frame_bytes},
          {"retired_bytes", stats.retired_bytes},
          {"held_bytes", stats.held_bytes},
          {"free_bytes", stats.free_bytes},
          {"other_bytes", stats.other_bytes},
          {"unassigned_bytes", unassigned_bytes(stats)}};
}

std::string uuid_text(const Stats& stats) {
  std::string text;
  for (std::size_t i = 0; i < stats.uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    const char byte = static_cast<char>(stats.uuid[i]);
    append_hex({&byte, 1}, text);
  }
  return text;
}

const char* durability_name(Durability durability) {
  if (durability == Durability::kCommit) return "commit";
  return durability == Durability::kNone ? "none" : "checkpoint";
}

}  // namespace

Json type_json(const TypeInfo& type) {
  const auto part = [](const TypeInfo::Part& p) {
    if (p.kind == TypeInfo::Kind::kBytes) return Json{{"kind", "bytes"}};
    return Json{{"kind", "fixed"}, {"bytes", p.bytes}, {"align", p.align}};
  };
  Json object = {{"key", part(type.key)}, {"value", part(type.value)}};
  if (type.fingerprint == 0) return object;
  set_bytes(object, "name", type.name);
  std::string fingerprint;
  for (int shift = 56; shift >= 0; shift -= 8)
    append_hex(std::string(1, static_cast<char>(type.fingerprint >> shift & 0xff)), fingerprint);
  object["fingerprint"] = fingerprint;
  return object;
}

Json snapshots_json(const std::vector<Stats::HeldSnapshot>& snapshots) {
  Json list = Json::array();
  for (const Stats::HeldSnapshot& snapshot : snapshots) {
    list.push_back({{"epoch", snapshot.epoch}, {"slot", snapshot.slot}, {"alive", snapshot.alive}});
  }
  return list;
}

Json stat_json(const Stats& stats, const std::string& path, bool with_chains) {
  Json object = {{"entries", stats.entries}};
  set_bytes(object, "file", path);
  object["buckets"] = stats.buckets;
  object["overflow_buckets"] = stats.overflow_buckets;
  object["load_factor"] = stats.load_factor;
  if (with_chains) object["chains"] = stats.chains;
  object["growing"] = false;
  object["shards"] = Json::array();
  for (const Stats::Shard& shard : stats.shards) {
    if (shard.growing) object["growing"] = true;
    object["shards"].push_back(shard_json(shard));
  }
  object["space"] = space_json(stats);
  object["compression"] = stats.compression == Compression::kLz4 ? "lz4" : "none";
  object["dictionary_bytes"] = stats.dictionary_bytes;
  if (with_chains && stats.compression != Compression::kNone) {
    object["compressed"] = {{"values", stats.compressed_values},
                            {"bytes", stats.compressed_bytes},
                            {"uncompressed_bytes", stats.uncompressed_bytes}};
  }
  object["durability"] = durability_name(stats.durability);
  if (stats.durability == Durability::kCommit) {
    object["log"] = {{"written", stats.log_written},
                     {"durable", stats.log_durable},
                     {"used", stats.log_used},
                     {"replayed", stats.log_replayed}};
  }
  object["epoch"] = stats.epoch;
  object["durable_epoch"] = stats.durable_epoch;
  object["checkpoints"] = stats.checkpoints;
  object["poisoned"] = stats.poisoned;
  object["processes"] = Json::array();
  for (const Stats::Process& process : stats.processes) {
    object["processes"].push_back({{"slot", process.slot},
                                   {"pid", process.pid},
                                   {"alive", process.alive},
                                   {"views", process.views},
                                   {"views_seconds", process.views_seconds},
                                   {"counts_reads", process.counts_reads},
                                   {"reads", process.reads}});
  }
  object["snapshots"] = snapshots_json(stats.snapshots);
  object["slots"] = stats.slots;
  object["shard_bits"] = stats.shard_bits;
  object["block_bytes"] = stats.block_bytes;
  object["extent_bytes"] = stats.extent_bytes;
  object["type"] = type_json(stats.type);
  object["format_version"] = stats.format_version;
  object["uuid"] = uuid_text(stats);
  object["healthy"] = healthy(stats);
  object["advice"] = advice(stats);
  return object;
}

}  // namespace hmap::tool
