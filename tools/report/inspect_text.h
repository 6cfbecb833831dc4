// What `hmap inspect` says, for people.
#ifndef HMAP_TOOLS_REPORT_INSPECT_TEXT_H_
#define HMAP_TOOLS_REPORT_INSPECT_TEXT_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "hmap/inspect.h"

namespace hmap::tool {

// One line for each node down to `depth` levels below the first: offset, name, value, meaning. What
// is wrong begins with "!", and is red if `colour` is set.
[[nodiscard]] std::string inspect_text(const InspectNode& node, std::uint64_t depth, bool colour);

// Sixteen bytes a line, as xxd writes them; "*" for lines like the one before.
[[nodiscard]] std::string hex_dump(std::string_view bytes, std::uint64_t offset);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_REPORT_INSPECT_TEXT_H_
