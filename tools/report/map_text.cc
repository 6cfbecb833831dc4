// The picture on a terminal. See map.h.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/json.h"
#include "report/map.h"
#include "text/escape.h"
#include "text/numbers.h"

namespace hmap::tool {
namespace {

// Capital: at least half full; small: less. Free is a dot whatever it holds.
constexpr std::string_view kLetters = ".BDTFRLP?";
// Of the 256 that nearly every terminal has.
constexpr std::array<int, kUses> kColours = {240, 33, 37, 61, 166, 71, 136, 160, 196};
constexpr std::size_t kGroupsShown = 10;

char letter(const MapCell& cell) {
  const char capital = kLetters[index_of(cell.use)];
  return cell.fill >= 0.5 || cell.use == ExtentUse::kFree ? capital
                                                          : static_cast<char>(capital | 0x20);
}

std::string grid(const MapPicture& picture, int columns, bool colour) {
  constexpr int kMargin = 14;
  const auto width = static_cast<std::size_t>(std::max(columns - 1 - kMargin, 8));
  std::string text;
  for (std::size_t at = 0; at < picture.cells.size(); at += width) {
    text += fmt::format("{:#012x}  ",
                        picture.heap_offset + picture.cells[at].first * picture.extent_bytes);
    int colour_now = -1;
    for (std::size_t i = at; i < std::min(at + width, picture.cells.size()); ++i) {
      const MapCell& cell = picture.cells[i];
      const int wanted = kColours[index_of(cell.use)];
      if (colour && wanted != colour_now) text += fmt::format("\x1b[38;5;{}m", wanted);
      colour_now = wanted;
      text += letter(cell);
    }
    text += colour ? "\x1b[0m\n" : "\n";
  }
  return text;
}

std::string legend(const MapPicture& picture, bool colour) {
  std::string text;
  for (std::size_t use = 0; use < kUses; ++use) {
    if (picture.bytes[use] == 0) continue;
    const std::string mark =
        colour ? fmt::format("\x1b[38;5;{}m{}\x1b[0m", kColours[use], kLetters[use])
               : std::string(1, kLetters[use]);
    text += fmt::format("  {} {:<18}{:>12}  {:>7} of the file, {} used\n", mark,
                        use_name(static_cast<ExtentUse>(use)), human_bytes(picture.bytes[use]),
                        percent(picture.bytes[use], picture.stats.file_bytes),
                        percent(picture.used_bytes[use], picture.bytes[use]));
  }
  return text;
}

std::string bars(std::string_view title, const std::vector<std::string>& names,
                 const std::uint64_t* counts) {
  constexpr double kColumns = 29;
  std::uint64_t sum = 0;
  std::uint64_t most = 0;
  std::size_t last = 0;
  for (std::size_t i = 0; i < names.size(); ++i) {
    sum += counts[i];
    most = std::max(most, counts[i]);
    if (counts[i] != 0) last = i;
  }
  if (sum == 0) return {};
  std::size_t first = 0;
  while (counts[first] == 0) ++first;
  std::string text = fmt::format("\n{}\n", title);
  for (std::size_t i = first; i <= last; ++i) {
    const double share = static_cast<double>(counts[i]) / static_cast<double>(most);
    std::string line =
        fmt::format("  {:<22}{:>14}  {:>7}  {:#<{}}", names[i], grouped(counts[i]),
                    percent(counts[i], sum), "", static_cast<int>(std::ceil(share * kColumns)));
    text += line.erase(line.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

std::string histograms(const MapPicture& picture) {
  std::vector<std::string> chains;
  std::vector<std::string> fills;
  std::vector<std::string> ages;
  std::vector<std::string> sizes;
  for (std::size_t i = 0; i < picture.stats.chains.size(); ++i)
    chains.push_back(fmt::format("{} bucket{}", i + 1, i == 0 ? "" : "s"));
  for (std::size_t i = 0; i < picture.span_fill.size(); ++i)
    fills.push_back(fmt::format("{} to {} %", i * 10, i * 10 + 10));
  for (std::size_t i = 0; i < picture.ages.size(); ++i)
    ages.push_back(bin_name(i) + (i + 1 == picture.ages.size() ? " and more" : ""));
  for (std::size_t i = 0; i < picture.value_sizes.size(); ++i)
    sizes.push_back(bin_name(i) + (i == 1 ? " byte" : " bytes"));
  return bars("length of chains", chains, picture.stats.chains.data()) +
         bars(fmt::format("size of values (of {} entries)", grouped(picture.sampled)), sizes,
              picture.value_sizes.data()) +
         bars("extents of records by how full they are", fills, picture.span_fill.data()) +
         bars("extents by age, in epochs", ages, picture.ages.data());
}

std::string growth(const MapPicture& picture) {
  constexpr int kColumns = 40;
  std::string text;
  for (std::size_t s = 0; s < picture.stats.shards.size(); ++s) {
    const Stats::Shard& shard = picture.stats.shards[s];
    if (!shard.growing || shard.old_buckets == 0) continue;
    const double share =
        static_cast<double>(shard.evacuated) / static_cast<double>(shard.old_buckets);
    const int full = std::clamp(static_cast<int>(share * kColumns), 0, kColumns);
    text += fmt::format("  shard {:<4}[{:#<{}}{:.<{}}] {:3.0f} % of {} old buckets evacuated\n", s,
                        "", full, "", kColumns - full, share * 100, grouped(shard.old_buckets));
  }
  return text.empty() ? text : "\ngrowing\n" + text;
}

std::string groups(const MapPicture& picture) {
  if (picture.groups.empty()) return {};
  constexpr int kGroupColumns = 44;  // "records of up to 32,768 bytes, shard 255"
  std::string text = fmt::format("\nmost wasteful\n  {:<{}}{:>12}{:>12}{:>9}\n", "", kGroupColumns,
                                 "BYTES", "NOT USED", "FILL");
  std::size_t shown = 0;
  for (const MapGroup& group : picture.groups) {
    if (shown++ == kGroupsShown || group.bytes == 0) break;
    std::string name(use_name(group.use));
    if (group.slot_bytes != 0) name += fmt::format(" of up to {} bytes", group.slot_bytes);
    if (group.outgrown) name += ", outgrown";
    if (group.use != ExtentUse::kFree && group.use != ExtentUse::kExtentTable)
      name += fmt::format(", shard {}", group.shard);
    text +=
        fmt::format("  {:<{}}{:>12}{:>12}{:>9}\n", name, kGroupColumns, human_bytes(group.bytes),
                    human_bytes(group.waste()), percent(group.used_bytes, group.bytes));
  }
  return text;
}

}  // namespace

std::string map_text(const MapPicture& picture, int columns, bool colour) {
  std::string text = fmt::format(
      "{}: {} entries, {}; a letter is {} ({} extent{}), capital if half full\n\n",
      readable(picture.path), grouped(picture.stats.entries), human_bytes(picture.stats.file_bytes),
      human_bytes(picture.cell_extents * picture.extent_bytes), picture.cell_extents,
      picture.cell_extents == 1 ? "" : "s");
  return text + grid(picture, columns, colour) + "\n" + legend(picture, colour) + growth(picture) +
         histograms(picture) + groups(picture);
}

}  // namespace hmap::tool
