// The shape of a line in reports for people.
#ifndef HMAP_TOOLS_REPORT_ROW_H_
#define HMAP_TOOLS_REPORT_ROW_H_

#include <fmt/format.h>

#include <string>
#include <string_view>

namespace hmap::tool {

inline std::string row(std::string_view name, std::string_view text) {
  return fmt::format("  {:<20}{}\n", name, text);
}

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_REPORT_ROW_H_
