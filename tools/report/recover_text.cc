// See recover_text.h.
#include "report/recover_text.h"

#include <fmt/format.h>

#include <cstdint>
#include <string_view>

#include "report/row.h"
#include "text/escape.h"
#include "text/numbers.h"

namespace hmap::tool {
namespace {

std::string number_row(std::string_view name, std::uint64_t number, std::string_view text) {
  return fmt::format("  {:<20}{:>15}  {}\n", name, grouped(number), text);
}

std::string source_text(const RecoverReport& report) {
  constexpr std::string_view kSuperblock[] = {
      "intact", "damaged; one field was computed again from its checksum",
      "damaged; its seed verifies what was found", "damaged; the seed was given",
      "damaged; taken from its spare behind a root"};
  std::string state = "none could be read: records were searched for everywhere";
  if (report.state == RecoverReport::State::kLive) {
    state = "live: with everything written since the last checkpoint";
  } else if (report.state == RecoverReport::State::kDurable) {
    state = fmt::format("that of the last checkpoint (root {}){}", report.generation,
                        report.certain ? "" : ", unless a newer root was destroyed");
  }
  return row("superblock", kSuperblock[static_cast<int>(report.superblock)]) + row("state", state);
}

std::string entries_text(const RecoverReport& report) {
  std::string text = number_row(
      "entries", report.entries,
      report.claimed ? fmt::format("of {}", grouped(*report.claimed)) : "of an unknown number");
  text += number_row("  by buckets", report.by_bucket, "certain");
  if (!report.scanned) return text;
  text += number_row("  by bitmaps", report.by_bitmap, "certain; their buckets are lost");
  text += number_row("  by search", report.by_scan,
                     "the rest is lost: perhaps erased or replaced before");
  text += number_row("intact records", report.scan_intact, "in the file, old versions included");
  if (report.scan_skipped != 0) {
    text += number_row("not looked at", report.scan_skipped, "places like very long records");
  }
  return text;
}

std::string log_text(const RecoverReport& report) {
  if (!report.log_needed) return {};
  return number_row("from the log", report.log_operations,
                    fmt::format("writes since then, in {} record{}", grouped(report.log_records),
                                report.log_records == 1 ? "" : "s"));
}

// Writes that were acknowledged and of which nothing else knows.
std::string log_trouble_text(const RecoverReport& report) {
  if (report.log_status.ok()) return {};
  return fmt::format("\nlost, perhaps: writes that only the commit log has{}\n  {}\n",
                     report.log_records == 0 ? "" : ", behind those taken from it",
                     report.log_status.message());
}

std::string more(std::uint64_t total, std::size_t listed) {
  if (total <= listed) return {};
  return fmt::format("  and {} more (--list)\n", grouped(total - listed));
}

std::string lost_text(const RecoverReport& report) {
  if (report.lost_total == 0) return {};
  std::string text = fmt::format("\nlost: {} damaged record{}\n", grouped(report.lost_total),
                                 report.lost_total == 1 ? "" : "s");
  for (const RecoverReport::Lost& lost : report.lost) {
    text += fmt::format("  at {:<17}{}\n", grouped(lost.offset),
                        lost.key ? fmt::format("key {} perhaps, value of {} bytes",
                                               quote(*lost.key), grouped(lost.value_bytes))
                                 : "key unknown");
  }
  return text + more(report.lost_total, report.lost.size());
}

std::string damage_text(const RecoverReport& report) {
  if (report.damage_total == 0) return {};
  std::string text = fmt::format("\ndamaged structures: {}\n", grouped(report.damage_total));
  for (const RecoverReport::Damage& damage : report.damage) {
    text += fmt::format("  at {:<17}{}\n", grouped(damage.offset), damage.what);
  }
  return text + more(report.damage_total, report.damage.size());
}

}  // namespace

std::string recover_text(const RecoverReport& report, const std::string& damaged,
                         const std::string& fresh) {
  std::string text = fmt::format("{}, {}, into {}\n\n", readable(damaged),
                                 human_bytes(report.file_bytes), readable(fresh));
  text += source_text(report) + entries_text(report) + log_text(report);
  if (report.conflicts != 0) {
    text += number_row("conflicts", report.conflicts,
                       "keys or values that may be newer than those taken (--conflicts)");
  }
  text += lost_text(report) + log_trouble_text(report) + damage_text(report);
  text += fmt::format("\ncomplete: {}\n", report.complete() ? "yes" : "NO");
  return text;
}

}  // namespace hmap::tool
