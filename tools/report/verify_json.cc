// See verify_json.h.
#include "report/verify_json.h"

#include <nlohmann/json.hpp>

#include "report/json.h"
#include "report/verify_text.h"
#include "text/escape.h"

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
  Json object = {{"kind", std::string(name(finding.kind))},
                 {"severity", lower(severity_text(finding.severity))},
                 {"state", finding.live ? "live" : "durable"},
                 {"offset", finding.offset}};
  if (finding.shard != Finding::kNoShard) object["shard"] = finding.shard;
  if (finding.unit != FindingUnit::kNothing)
    object[lower(unit_text(finding.unit))] = finding.number;
  object["text"] = finding.text;
  return object;
}

}  // namespace

Json verify_json(const VerifyReport& report, const std::string& path,
                 const VerifyRemarks& remarks) {
  Json object = {{"clean", report.clean() && remarks.refused.empty()}};
  set_bytes(object, "file", path);
  object["complete"] = report.complete;
  if (!report.complete) object["incomplete_why"] = report.incomplete_why;
  if (!remarks.refused.empty()) object["refused"] = readable(remarks.refused);
  if (!remarks.unchecked.empty()) object["unchecked"] = readable(remarks.unchecked);
  object["damages"] = report.damages;
  object["leaks"] = report.leaks;
  object["leaked_bytes"] = report.leaked_bytes;
  object["notes"] = report.notes;
  object["generation"] = report.generation;
  if (report.durable.checked) object["durable"] = counts_json(report.durable);
  if (report.live.checked) {
    object["live"] = counts_json(report.live);
    object["live"]["quiet"] = report.live_quiet;
  }
  object["findings"] = Json::array();
  for (const Finding& finding : report.findings)
    object["findings"].push_back(finding_json(finding));
  const std::string advice = verify_advice(report, path, remarks);
  if (!advice.empty()) object["advice"] = readable(advice);
  return object;
}

}  // namespace hmap::tool
