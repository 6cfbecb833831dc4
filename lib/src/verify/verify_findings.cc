// Collecting findings.
#include "verify/verify_findings.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace hmap {

std::string_view name(FindingKind kind) noexcept {
  constexpr std::array<std::string_view, 28> kNames = {
      "Superblock",  "Root",       "OtherRoot", "Truncated",    "Header",    "Table",
      "Block",       "Place",      "Run",       "Chain",        "SlotState", "Evacuation",
      "WrongBucket", "Duplicate",  "Reference", "Record",       "Count",     "Span",
      "SpanList",    "LeakedSlot", "Extent",    "LeakedExtent", "Version",   "LivePlace",
      "Runtime",     "Intent",     "HashBits",  "OfferedSlot"};
  const auto index = static_cast<std::size_t>(kind);
  return index < kNames.size() ? kNames[index] : "Unknown";
}

namespace checking {

void Findings::add(FindingKind kind, Severity severity, const Spot& spot, std::string text,
                   u64 bytes) {
  ++(severity == Severity::kNote ? notes_ : severity == Severity::kLeak ? leaks_ : damages_);
  leaked_bytes_ += bytes;
  if (kept_.size() >= limit_) return;
  Finding finding;
  finding.kind = kind;
  finding.severity = severity;
  finding.live = live_;
  finding.offset = spot.offset;
  finding.shard = spot.shard;
  finding.unit = spot.unit;
  finding.number = spot.number;
  finding.text = std::move(text);
  kept_.push_back(std::move(finding));
}

void Findings::take(Findings& other) {
  if (other.empty()) return;
  notes_ += other.notes_;
  leaks_ += other.leaks_;
  damages_ += other.damages_;
  leaked_bytes_ += other.leaked_bytes_;
  for (Finding& finding : other.kept_) {
    if (kept_.size() < limit_) kept_.push_back(std::move(finding));
  }
  other.clear();
}

void Findings::clear() {
  if (empty()) return;
  kept_.clear();
  notes_ = leaks_ = damages_ = leaked_bytes_ = 0;
}

void Findings::move_to(VerifyReport& report) {
  report.notes += notes_;
  report.leaks += leaks_;
  report.damages += damages_;
  report.leaked_bytes += leaked_bytes_;
  for (Finding& finding : kept_) {
    if (report.findings.size() < limit_) report.findings.push_back(std::move(finding));
  }
  clear();
}

bool Progress::at(u64 done) {
  constexpr u64 kEvery = 64;
  if (stopped_ || !options_.progress) return !stopped_;
  if (calls_++ % kEvery != 0 && done < total_) return true;
  told_ = std::max(told_, std::min(done, total_));
  stopped_ = !options_.progress(told_, total_);
  return !stopped_;
}

}  // namespace checking
}  // namespace hmap
