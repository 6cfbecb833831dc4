// See verify_text.h.
#include "report/verify_text.h"

#include <fmt/format.h>

#include "text/numbers.h"

namespace hmap::tool {
namespace {

std::string counted(std::uint64_t count, std::string_view what) {
  return fmt::format("{} {}{}", grouped(count), what, count == 1 ? "" : "s");
}

std::string finding_text(const Finding& finding) {
  std::string place = fmt::format("offset {}", finding.offset);
  if (finding.shard != Finding::kNoShard) place += fmt::format(", shard {}", finding.shard);
  if (finding.unit != FindingUnit::kNothing) {
    place += fmt::format(", {} {}", unit_text(finding.unit), finding.number);
  }
  return fmt::format("{} {} ({} state) at {}\n  {}\n", severity_text(finding.severity),
                     name(finding.kind), finding.live ? "live" : "durable", place, finding.text);
}

std::string counts_text(const VerifyCounts& counts, const std::string& path,
                        const std::string& state) {
  if (!counts.checked) return {};
  return fmt::format("{}: {}: {} entries in {} buckets, {} blocks, {} spans; {} checked\n", path,
                     state, grouped(counts.entries), grouped(counts.buckets),
                     grouped(counts.blocks), grouped(counts.spans), human_bytes(counts.bytes));
}

}  // namespace

std::string severity_text(Severity severity) {
  switch (severity) {
    case Severity::kNote:
      return "NOTE";
    case Severity::kLeak:
      return "LEAK";
    default:
      return "DAMAGE";
  }
}

std::string unit_text(FindingUnit unit) {
  switch (unit) {
    case FindingUnit::kBucket:
      return "bucket";
    case FindingUnit::kOldBucket:
      return "old bucket";
    case FindingUnit::kSpan:
      return "span";
    case FindingUnit::kExtent:
      return "extent";
    case FindingUnit::kBlock:
      return "block";
    default:
      return "";
  }
}

std::string verify_advice(const VerifyReport& report, const std::string& path,
                          const VerifyRemarks& remarks) {
  if (report.damages != 0 || !remarks.refused.empty()) {
    return fmt::format(
        "keep a copy of {} as it is; restore a backup, or save every intact record: hmap recover "
        "{} NEW",
        path, path);
  }
  if (report.leaks != 0) {
    return fmt::format(
        "no entry is lost; to have the space back, copy the store: hmap dump {} | hmap load NEW",
        path);
  }
  if (!report.complete) {
    return fmt::format(
        "try again when less is written to the store, or let checkpoints wait meanwhile: hmap "
        "verify --hold {}",
        path);
  }
  if (!remarks.unchecked.empty())
    return fmt::format("to bring them in: hmap ps --clear-dead {}", path);
  return {};
}

std::string verify_text(const VerifyReport& report, const std::string& path,
                        const VerifyRemarks& remarks) {
  std::string text;
  for (const Finding& finding : report.findings) text += finding_text(finding);
  const std::uint64_t all = report.damages + report.leaks + report.notes;
  if (all > report.findings.size()) {
    text += fmt::format("... and {} more findings\n", grouped(all - report.findings.size()));
  }
  text += counts_text(report.live, path, "live state");
  const std::string checkpoint =
      report.generation != 0 ? fmt::format(", checkpoint {}", grouped(report.generation)) : "";
  text += counts_text(report.durable, path, "durable state" + checkpoint);
  if (!remarks.refused.empty())
    text += fmt::format("{}: cannot be opened: {}\n", path, remarks.refused);
  if (!remarks.unchecked.empty()) text += fmt::format("{}: {}\n", path, remarks.unchecked);
  if (!report.complete) text += fmt::format("{}: not complete: {}\n", path, report.incomplete_why);
  if (report.clean() && remarks.refused.empty()) {
    text += fmt::format("{}: nothing is wrong\n", path);
  } else {
    text += fmt::format("{}: {}, {} ({})\n", path, counted(report.damages, "damage"),
                        counted(report.leaks, "leak"), human_bytes(report.leaked_bytes));
  }
  const std::string advice = verify_advice(report, path, remarks);
  if (!advice.empty()) text += fmt::format("  what to do: {}\n", advice);
  return text;
}

}  // namespace hmap::tool
