// hmap map: a picture of a store's file.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "hmap/inspect.h"
#include "io/output.h"
#include "io/terminal.h"
#include "report/map.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct MapVerb {
  CommonOptions common;
  bool html = false;
  std::uint64_t cells = 0;
};

constexpr const char* kMapExample =
    "Examples:\n"
    "  hmap map users.hmap\n"
    "  hmap map --html users.hmap > users.html\n"
    "\n"
    "Shows what the extents of the file are used for and how full they are; how long the chains,\n"
    "how large the values, how full and how old the extents; and where the most space is not "
    "used.\n"
    "Large files: a cell stands for several extents; the fill of buckets is that of one block in\n"
    "eight, the sizes of values those of some entries. The page has no links to anything else.";

constexpr std::uint64_t kHtmlCells = 12'000;
constexpr std::uint64_t kTerminalLines = 24;
constexpr std::uint64_t kSampleStarts = 64;
constexpr std::uint64_t kSampleEach = 512;

// Entries from places all over the store.
void sample_values(const Store& store, const std::string& path, MapPicture& picture) {
  const std::uint64_t shards = picture.stats.shards.size();
  const bool all = picture.stats.entries <= kSampleStarts * kSampleEach;
  const std::uint64_t starts = all ? 1 : kSampleStarts;
  for (std::uint64_t i = 0; i < starts; ++i) {
    Position position;
    if (!all) {
      position.shard = i % shards;
      position.start = (i + 1) * 0x9E3779B97F4A7C15U;
    }
    Cursor cursor = take(store.cursor(position), path);
    for (std::uint64_t n = 0; all || n < kSampleEach; ++n) {
      const std::optional<Entry> entry = take(cursor.next(), path);
      if (!entry) break;
      ++picture.value_sizes[std::min(bin_of(entry->value.size()), picture.value_sizes.size() - 1)];
      ++picture.sampled;
    }
  }
}

MapPicture picture_of(const std::string& path, std::uint64_t cells) {
  MapPicture picture;
  picture.path = path;
  {
    const Store store = open_to_read(path);
    picture.stats = take(store.stats(StatsDepth::kChains), path);
    sample_values(store, path, picture);
  }
  const Inspector inspector = take(Inspector::open(path), path);
  // The fixed part of the file is no extent; that makes a cell a little too large at most.
  MapBuilder builder(picture, picture.stats.file_bytes / picture.stats.extent_bytes, cells);
  require(inspector.for_each_extent([&](const ExtentFacts& facts) {
    builder.add(facts);
    picture.live = picture.live || (facts.epoch != 0 && facts.use != ExtentUse::kFree);
    return true;
  }),
          path);
  builder.finish();
  return picture;
}

Exit run(const MapVerb& verb) {
  if (verb.html && verb.common.json) throw usage_failure("--html and --json exclude each other");
  const TerminalSize size = terminal_size(STDOUT_FILENO);
  const auto columns = static_cast<std::uint64_t>(std::max(size.columns - 15, 8));
  std::uint64_t cells = verb.html || verb.common.json ? kHtmlCells : columns * kTerminalLines;
  if (verb.cells != 0) cells = verb.cells;
  const MapPicture picture = picture_of(verb.common.file, cells);
  Output out;
  if (verb.html) {
    out.write(map_html(picture));
  } else if (verb.common.json) {
    out.write(map_json(picture));
    out.put('\n');
  } else {
    out.write(map_text(picture, size.columns, wants_colour(STDOUT_FILENO)));
  }
  out.finish();
  return Exit::kYes;
}

}  // namespace

Verb add_map(CLI::App& root) {
  auto verb = std::make_shared<MapVerb>();
  CLI::App& app = add_verb(root, verb->common, "map", "draw a picture of the file", kMapExample);
  app.add_flag("--html", verb->html, "as a page of HTML on standard output");
  add_number(app, "--cells", verb->cells, "draw at most N cells; default: what fits");
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
