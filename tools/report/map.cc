// Making the picture. See map.h.
#include "report/map.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <tuple>

#include "report/json.h"

namespace hmap::tool {
namespace {

using Json = nlohmann::ordered_json;

bool same_group(const MapGroup& group, const ExtentFacts& facts) {
  return group.use == facts.use && group.shard == facts.shard &&
         group.slot_bytes == facts.slot_bytes && group.outgrown == facts.outgrown;
}

void add_to_group(const ExtentFacts& facts, std::vector<MapGroup>& groups) {
  // There are few hundred at most, and those met last come first.
  for (auto group = groups.rbegin(); group != groups.rend(); ++group) {
    if (!same_group(*group, facts)) continue;
    group->bytes += facts.bytes;
    group->used_bytes += facts.used_bytes;
    return;
  }
  groups.push_back(
      {facts.use, facts.shard, facts.slot_bytes, facts.outgrown, facts.bytes, facts.used_bytes});
}

}  // namespace

std::string_view use_name(ExtentUse use) {
  constexpr std::array<std::string_view, kUses> kNames = {
      "free",    "buckets",       "span directory", "extent table", "displaced blocks",
      "records", "large records", "being written",  "unknown"};
  return kNames[index_of(use)];
}

std::size_t bin_of(std::uint64_t number) {
  return static_cast<std::size_t>(std::bit_width(number));
}

std::string bin_name(std::size_t bin) {
  if (bin < 2) return std::to_string(bin);
  const std::uint64_t first = std::uint64_t{1} << (bin - 1);
  return fmt::format("{}-{}", first, 2 * first - 1);
}

MapBuilder::MapBuilder(MapPicture& picture, std::uint64_t extents, std::uint64_t cells_max)
    : picture_(picture) {
  picture_.extent_bytes = picture_.stats.extent_bytes;
  picture_.cell_extents = std::max<std::uint64_t>((extents + cells_max - 1) / cells_max, 1);
}

void MapBuilder::add(const ExtentFacts& facts) {
  const std::size_t use = index_of(facts.use);
  if (facts.extent == 0) picture_.heap_offset = facts.offset;
  picture_.extents = facts.extent + 1;
  if (cell_.extents == 0) cell_.first = facts.extent;
  if (cell_bytes_[use] == 0) cell_shard_[use] = facts.shard;
  cell_bytes_[use] += facts.bytes;
  cell_used_ += facts.used_bytes;
  cell_.epoch = std::max(cell_.epoch, facts.use == ExtentUse::kFree ? 0 : facts.epoch);
  picture_.bytes[use] += facts.bytes;
  picture_.used_bytes[use] += facts.used_bytes;
  if (facts.use == ExtentUse::kRecords) {
    const std::uint64_t tenth = (facts.used_bytes * 10 + facts.bytes - 1) / facts.bytes;
    ++picture_.span_fill[std::clamp<std::uint64_t>(tenth, 1, 10) - 1];
  }
  if (facts.use != ExtentUse::kFree && facts.epoch != 0) {
    const std::uint64_t age =
        picture_.stats.epoch > facts.epoch ? picture_.stats.epoch - facts.epoch : 0;
    ++picture_.ages[std::min(bin_of(age), picture_.ages.size() - 1)];
    ++picture_.ages_known;
  }
  add_to_group(facts, picture_.groups);
  if (++cell_.extents == picture_.cell_extents) finish_cell();
}

void MapBuilder::finish_cell() {
  if (cell_.extents == 0) return;
  const auto most = std::max_element(cell_bytes_.begin(), cell_bytes_.end());
  const auto use = static_cast<std::size_t>(most - cell_bytes_.begin());
  cell_.use = static_cast<ExtentUse>(use);
  cell_.shard = cell_shard_[use];
  cell_.fill =
      static_cast<double>(cell_used_) / static_cast<double>(cell_.extents * picture_.extent_bytes);
  picture_.cells.push_back(cell_);
  cell_ = {};
  cell_bytes_.fill(0);
  cell_used_ = 0;
}

void MapBuilder::finish() {
  finish_cell();
  // What the store does not use any more is no waste of a group that does.
  std::stable_sort(picture_.groups.begin(), picture_.groups.end(),
                   [](const MapGroup& a, const MapGroup& b) {
                     return std::tuple(a.waste(), a.bytes) > std::tuple(b.waste(), b.bytes);
                   });
}

std::string map_json(const MapPicture& picture) {
  const Stats& stats = picture.stats;
  Json json;
  set_bytes(json, "file", picture.path);
  json["entries"] = stats.entries;
  json["file_bytes"] = stats.file_bytes;
  json["epoch"] = stats.epoch;
  json["live"] = picture.live;
  json["extent_bytes"] = picture.extent_bytes;
  json["heap_offset"] = picture.heap_offset;
  json["extents"] = picture.extents;
  json["cell_extents"] = picture.cell_extents;
  json["uses"] = Json::array();
  for (std::size_t use = 0; use < kUses; ++use) {
    json["uses"].push_back({{"name", std::string(use_name(static_cast<ExtentUse>(use)))},
                            {"bytes", picture.bytes[use]},
                            {"used_bytes", picture.used_bytes[use]}});
  }
  // use, shard, fill in per cent, epoch
  json["cells"] = Json::array();
  for (const MapCell& cell : picture.cells) {
    json["cells"].push_back(
        {index_of(cell.use), cell.shard, std::lround(cell.fill * 100), cell.epoch});
  }
  json["groups"] = Json::array();
  for (const MapGroup& group : picture.groups) {
    json["groups"].push_back({{"use", index_of(group.use)},
                              {"shard", group.shard},
                              {"slot_bytes", group.slot_bytes},
                              {"outgrown", group.outgrown},
                              {"bytes", group.bytes},
                              {"used_bytes", group.used_bytes}});
  }
  json["shards"] = Json::array();
  for (const Stats::Shard& shard : stats.shards) {
    json["shards"].push_back({{"entries", shard.entries},
                              {"buckets_log2", shard.buckets_log2},
                              {"overflow_buckets", shard.overflow_buckets},
                              {"growing", shard.growing},
                              {"old_buckets", shard.old_buckets},
                              {"evacuated", shard.evacuated}});
  }
  json["chains"] = stats.chains;
  json["span_fill"] = picture.span_fill;
  json["ages"] = picture.ages;
  json["value_sizes"] = picture.value_sizes;
  json["sampled"] = picture.sampled;
  return json.dump();
}

}  // namespace hmap::tool
