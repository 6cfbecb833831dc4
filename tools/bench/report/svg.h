// Plots as inline SVG. Colours come from the classes of the page (report/html.cc).
#ifndef HMAP_BENCH_REPORT_SVG_H_
#define HMAP_BENCH_REPORT_SVG_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hmap::bench {

// Text that may stand anywhere in HTML and SVG.
[[nodiscard]] std::string escaped(std::string_view text);

struct Bar {
  std::string label;
  std::string value_text;
  double value = 0;
  std::string css;  // Class: "ours", "persistent", "memory", "floor".
};

// Horizontal bars, one below the other; lengths in proportion to the values, or to their
// logarithms.
[[nodiscard]] std::string bars_svg(const std::string& title, const std::vector<Bar>& bars,
                                   bool logarithmic);

struct Line {
  std::string label;
  std::vector<std::pair<double, double>> points;
  std::string css;  // Class: "line-1" to "line-9"; "dashed" besides.
};

// Percentiles: x is 1 / (1 - percentile), y is seconds; both axes logarithmic.
[[nodiscard]] std::string percentiles_svg(const std::string& title, const std::vector<Line>& lines);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_REPORT_SVG_H_
