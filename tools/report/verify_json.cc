// See verify_json.h.
#include "report/verify_json.h"

#include <nlohmann/json.hpp>

#include "report/json.h"
#include "report/verify_text.h"

namespace hmap::tool {
namespace {

using Json = nlohmann::ordered_json;

Json counts_json(const VerifyCounts& counts) {
  return {{"entries", counts.entries}, {"large_records", counts.large_records},
          {"buckets", counts.buckets}, {"blocks", counts.blocks},
          {"spans", counts.spans},     {"extents", counts.extents},
          {"bytes", counts.bytes}};
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == ' ') c = '_';
  }
  return text;
}

Json finding_json(const Finding& finding) {
  Json json = {{"kind", std::string(name(finding.kind))},
               {"severity", lower(severity_text(finding.severity))},
               {"state", finding.live ? "live" : "durable"},
               {"offset", finding.offset}};
  if (finding.shard != Finding::kNoShard) json["shard"] = finding.shard;
  if (finding.unit != FindingUnit::kNothing) json[lower(unit_text(finding.unit))] = finding.number;
  json["text"] = finding.text;
  return json;
}

}  // namespace

Json verify_json(const VerifyReport& report, const std::string& path, const std::string& refused) {
  Json json = {{"clean", report.clean() && refused.empty()}};
  set_bytes(json, "file", path);
  json["complete"] = report.complete;
  if (!report.complete) json["incomplete_why"] = report.incomplete_why;
  if (!refused.empty()) json["refused"] = readable(refused);
  json["damages"] = report.damages;
  json["leaks"] = report.leaks;
  json["leaked_bytes"] = report.leaked_bytes;
  json["notes"] = report.notes;
  json["generation"] = report.generation;
  if (report.durable.checked) json["durable"] = counts_json(report.durable);
  if (report.live.checked) {
    json["live"] = counts_json(report.live);
    json["live"]["quiet"] = report.live_quiet;
  }
  json["findings"] = Json::array();
  for (const Finding& finding : report.findings) json["findings"].push_back(finding_json(finding));
  const std::string advice = verify_advice(report, path, refused);
  if (!advice.empty()) json["advice"] = readable(advice);
  return json;
}

}  // namespace hmap::tool
