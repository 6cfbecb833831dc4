// See recover_json.h.
#include "report/recover_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "report/json.h"

namespace hmap::tool {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kEvidence[] = {"bucket", "bitmap", "scan"};
constexpr const char* kSuperblock[] = {"intact", "repaired", "confirmed", "given"};
constexpr const char* kState[] = {"live", "durable", "none"};

Json lost_json(const RecoverReport::Lost& lost) {
  Json json = {{"offset", lost.offset}, {"evidence", kEvidence[static_cast<int>(lost.evidence)]}};
  if (lost.key) {
    set_bytes(json, "key_unverified", *lost.key);
    json["value_bytes_unverified"] = lost.value_bytes;
  }
  return json;
}

}  // namespace

Json recover_json(const RecoverReport& report, const std::string& damaged,
                  const std::string& fresh) {
  Json json = {{"complete", report.complete()}, {"entries", report.entries}};
  json["claimed"] = report.claimed ? Json(*report.claimed) : Json();
  json["by_bucket"] = report.by_bucket;
  json["by_bitmap"] = report.by_bitmap;
  json["by_scan"] = report.by_scan;
  json["conflicts"] = report.conflicts;
  json["lost"] = report.lost_total;
  json["lost_list"] = Json::array();
  for (const RecoverReport::Lost& lost : report.lost) json["lost_list"].push_back(lost_json(lost));
  json["damaged_places"] = report.damage_total;
  json["damaged_list"] = Json::array();
  for (const RecoverReport::Damage& damage : report.damage) {
    json["damaged_list"].push_back({{"offset", damage.offset}, {"what", damage.what}});
  }
  set_bytes(json, "damaged", damaged);
  set_bytes(json, "new", fresh);
  json["superblock"] = kSuperblock[static_cast<int>(report.superblock)];
  json["seed"] = fmt::format("{:016x}", report.store_seed);
  json["state"] = kState[static_cast<int>(report.state)];
  json["state_certain"] = report.certain;
  json["generation"] = report.generation;
  json["file_bytes"] = report.file_bytes;
  json["scanned"] = report.scanned;
  json["scan_intact"] = report.scan_intact;
  json["scan_skipped"] = report.scan_skipped;
  return json;
}

}  // namespace hmap::tool
