#include "report/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/text.h"

namespace hmap::bench {
namespace {

std::string text_at(double x, double y, const char* css, std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\">{}</text>", x, y, css,
                     escaped(text));
}

std::string line_at(double x1, double y1, double x2, double y2, const char* css) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>",
                     x1, y1, x2, y2, css);
}

std::string svg(double width, double height, const std::string& title, const std::string& inner) {
  return fmt::format(
      "<svg viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" role=\"img\" "
      "aria-label=\"{2}\"><title>{2}</title>{3}</svg>\n",
      width, height, escaped(title), inner);
}

// Where values lie on a logarithmic axis of whole decades.
class LogAxis {
 public:
  LogAxis(double low, double high, double from, double to)
      : low_(std::floor(std::log10(low))),
        high_(std::max(std::ceil(std::log10(high)), low_ + 1)),
        from_(from),
        to_(to) {}

  [[nodiscard]] double at(double value) const {
    return from_ + (std::log10(value) - low_) / (high_ - low_) * (to_ - from_);
  }
  [[nodiscard]] std::vector<double> decades() const {
    std::vector<double> values;
    for (double power = low_; power <= high_; power += 1) values.push_back(std::pow(10, power));
    return values;
  }

 private:
  double low_;
  double high_;
  double from_;
  double to_;
};

// The smallest and the largest coordinate of all points that a logarithmic axis can show.
template <typename Coordinate>
std::pair<double, double> range_of(const std::vector<Line>& lines, Coordinate&& coordinate) {
  double low = HUGE_VAL;
  double high = 0;
  for (const Line& line : lines) {
    for (const auto& point : line.points) {
      if (coordinate(point) <= 0) continue;
      low = std::min(low, coordinate(point));
      high = std::max(high, coordinate(point));
    }
  }
  return high > 0 ? std::pair(low, high) : std::pair(1.0, 10.0);
}

// "99.9 %" for 1000.
std::string percentile_name(double x) {
  const int digits = std::max(0, static_cast<int>(std::lround(std::log10(x))) - 2);
  return fmt::format("{:.{}f} %", 100 - 100 / x, digits);
}

std::string polyline(const Line& line, const LogAxis& across, const LogAxis& up) {
  std::string points;
  for (const auto& [x, y] : line.points) {
    if (x <= 0 || y <= 0) continue;
    points += fmt::format("{:.1f},{:.1f} ", across.at(x), up.at(y));
  }
  return fmt::format("<polyline points=\"{}\" class=\"line {}\"><title>{}</title></polyline>",
                     points, line.css, escaped(line.label));
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        // Control characters, which XML does not allow.
        out += static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' ? '?' : c;
    }
  }
  return out;
}

std::string bars_svg(const std::string& title, const std::vector<Bar>& bars, bool logarithmic) {
  constexpr double kWidth = 430;
  constexpr double kTop = 28;
  constexpr double kRow = 21;
  constexpr double kLabel = 118;    // Where the bars begin.
  constexpr double kLongest = 230;  // Room for the value text is behind it.
  double low = HUGE_VAL;
  double high = 0;
  for (const Bar& bar : bars) {
    high = std::max(high, bar.value);
    if (bar.value > 0) low = std::min(low, bar.value);
  }
  std::string inner = text_at(0, 14, "title", title + (logarithmic ? " (logarithmic)" : ""));
  double y = kTop;
  for (const Bar& bar : bars) {
    double length = high > 0 ? bar.value / high * kLongest : 0;
    if (logarithmic) {
      length = bar.value > 0 ? LogAxis(low / 2, high, 0, kLongest).at(bar.value) : 0;
    }
    length = std::max(length, 1.0);
    inner +=
        fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"label\" text-anchor=\"end\">{}</text>",
                    kLabel - 6, y + 12, escaped(bar.label));
    inner += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" rx=\"2\" "
        "class=\"{}\"/>",
        kLabel, y, length, kRow - 6, bar.css);
    inner += text_at(kLabel + length + 5, y + 12, "value", bar.value_text);
    y += kRow;
  }
  return svg(kWidth, y + 4, title, inner);
}

std::string percentiles_svg(const std::string& title, const std::vector<Line>& lines) {
  constexpr double kWidth = 880;
  constexpr double kHeight = 400;
  constexpr double kLeft = 64;
  constexpr double kRight = 690;  // The legend is behind it.
  constexpr double kTop = 30;
  constexpr double kBottom = 362;
  const auto [low_x, high_x] = range_of(lines, [](const auto& point) { return point.first; });
  const auto [low_y, high_y] = range_of(lines, [](const auto& point) { return point.second; });
  if (high_x <= 0 || high_y <= 0) return {};
  const LogAxis across(low_x, high_x, kLeft, kRight);
  const LogAxis up(std::max(low_y, 1e-9), high_y, kBottom, kTop);
  std::string inner = text_at(0, 14, "title", title);
  for (const double x : across.decades()) {
    inner += line_at(across.at(x), kTop, across.at(x), kBottom, "grid");
    inner += fmt::format(
        "<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"label\" text-anchor=\"middle\">{}</text>",
        across.at(x), kBottom + 18, x <= 1 ? "0 %" : percentile_name(x));
  }
  for (const double y : up.decades()) {
    inner += line_at(kLeft, up.at(y), kRight, up.at(y), "grid");
    inner +=
        fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"label\" text-anchor=\"end\">{}</text>",
                    kLeft - 6, up.at(y) + 4, with_unit(y, Unit::kSeconds));
  }
  double legend = kTop + 8;
  for (const Line& line : lines) {
    inner += polyline(line, across, up);
    inner += fmt::format(
        "<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{2:.1f}\" y2=\"{1:.1f}\" class=\"line {3}\"/>",
        kRight + 14, legend - 4, kRight + 40, line.css);
    inner += text_at(kRight + 46, legend, "label", line.label);
    legend += 18;
  }
  return svg(kWidth, kHeight, title, inner);
}

}  // namespace hmap::bench
