// See recover_json.h.
#include "report/recover_json.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "report/json.h"

namespace hmap::tool {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kEvidence[] = {"bucket", "bitmap", "scan"};
constexpr const char* kSuperblockWords[] = {"intact", "repaired", "confirmed", "given", "spare"};
constexpr const char* kState[] = {"live", "durable", "none"};

Json lost_json(const RecoverReport::Lost& lost) {
  Json object = {{"offset", lost.offset}, {"evidence", kEvidence[static_cast<int>(lost.evidence)]}};
  if (lost.key) {
    set_bytes(object, "key_unverified", *lost.key);
    object["value_bytes_unverified"] = lost.value_bytes;
  }
  return object;
}

}  // namespace

Json recover_json(const RecoverReport& report, const std::string& damaged,
                  const std::string& fresh) {
  Json object = {{"complete", report.complete()}, {"entries", report.entries}};
  object["claimed"] = report.claimed ? Json(*report.claimed) : Json();
  object["by_bucket"] = report.by_bucket;
  object["by_bitmap"] = report.by_bitmap;
  object["by_scan"] = report.by_scan;
  object["conflicts"] = report.conflicts;
  object["lost"] = report.lost_total;
  object["lost_list"] = Json::array();
  for (const RecoverReport::Lost& lost : report.lost)
    object["lost_list"].push_back(lost_json(lost));
  object["damaged_places"] = report.damage_total;
  object["damaged_list"] = Json::array();
  for (const RecoverReport::Damage& damage : report.damage) {
    object["damaged_list"].push_back({{"offset", damage.offset}, {"what", damage.what}});
  }
  set_bytes(object, "damaged", damaged);
  set_bytes(object, "new", fresh);
  object["superblock"] = kSuperblockWords[static_cast<int>(report.superblock)];
  object["seed"] = fmt::format("{:016x}", report.store_seed);
  object["state"] = kState[static_cast<int>(report.state)];
  object["state_certain"] = report.certain;
  object["generation"] = report.generation;
  object["log_needed"] = report.log_needed;
  object["log_records"] = report.log_records;
  object["log_operations"] = report.log_operations;
  object["log_trouble"] = report.log_status.ok() ? Json() : Json(report.log_status.message());
  object["file_bytes"] = report.file_bytes;
  object["scanned"] = report.scanned;
  object["scan_intact"] = report.scan_intact;
  object["scan_skipped"] = report.scan_skipped;
  return object;
}

}  // namespace hmap::tool
