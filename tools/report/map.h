// A picture of a store's file: what it is made of, and how it is drawn.
#ifndef HMAP_TOOLS_REPORT_MAP_H_
#define HMAP_TOOLS_REPORT_MAP_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hmap/inspect.h"
#include "hmap/options.h"

namespace hmap::tool {

inline constexpr std::size_t kUses = 9;  // of ExtentUse
[[nodiscard]] constexpr std::size_t index_of(ExtentUse use) {
  return static_cast<std::size_t>(use);
}
// "records", "buckets", ...
[[nodiscard]] std::string_view use_name(ExtentUse use);

// Some extents in a row.
struct MapCell {
  std::uint64_t first = 0;
  std::uint64_t extents = 0;
  ExtentUse use = ExtentUse::kUnknown;  // of most of its bytes
  std::uint32_t shard = 0;              // of the first extent with that use
  double fill = 0;                      // used bytes of all bytes, 0 to 1
  std::uint64_t epoch = 0;              // the latest of them; 0: not known
};

// One kind of thing, of one shard.
struct MapGroup {
  ExtentUse use = ExtentUse::kUnknown;
  std::uint32_t shard = 0;
  std::uint64_t slot_bytes = 0;  // records: of the size class
  bool outgrown = false;
  std::uint64_t bytes = 0;
  std::uint64_t used_bytes = 0;
  [[nodiscard]] std::uint64_t waste() const { return bytes - used_bytes; }
};

struct MapPicture {
  std::string path;
  Stats stats;  // with chains
  std::uint64_t extent_bytes = 0;
  std::uint64_t heap_offset = 0;  // of extent 0
  std::uint64_t extents = 0;
  std::uint64_t cell_extents = 1;  // of each cell but the last
  std::vector<MapCell> cells;
  std::vector<MapGroup> groups;  // by waste, most first
  std::array<std::uint64_t, kUses> bytes{};
  std::array<std::uint64_t, kUses> used_bytes{};
  // Extents of records by how full they are: up to 10 %, up to 20 %, ...
  std::array<std::uint64_t, 10> span_fill{};
  // Extents by age in epochs: 0, 1, 2 to 3, 4 to 7, ...; the last: that and older.
  std::array<std::uint64_t, 12> ages{};
  std::uint64_t ages_known = 0;
  // Values by size: 0, 1, 2 to 3, ..., bytes; of `sampled` entries.
  std::array<std::uint64_t, 34> value_sizes{};
  std::uint64_t sampled = 0;
  bool live = false;
};

// Adds extents, in order, to a picture of at most `cells_max` cells.
class MapBuilder {
 public:
  MapBuilder(MapPicture& picture, std::uint64_t extents, std::uint64_t cells_max);
  void add(const ExtentFacts& facts);
  void finish();

 private:
  void finish_cell();

  MapPicture& picture_;
  MapCell cell_;
  std::array<std::uint64_t, kUses> cell_bytes_{};
  std::array<std::uint32_t, kUses> cell_shard_{};
  std::uint64_t cell_used_ = 0;
};

// For a terminal `columns` wide.
[[nodiscard]] std::string map_text(const MapPicture& picture, int columns, bool colour);
// One page without anything from elsewhere.
[[nodiscard]] std::string map_html(const MapPicture& picture);
// All numbers, the cells included.
[[nodiscard]] std::string map_json(const MapPicture& picture);

// How a bin of `ages` or `value_sizes` is called: "0", "1", "2-3", "4-7".
[[nodiscard]] std::string bin_name(std::size_t bin);
// The bin of a number.
[[nodiscard]] std::size_t bin_of(std::uint64_t number);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_REPORT_MAP_H_
