// `hmap stat` for people: the state of a store in words.
#ifndef HMAP_TOOLS_REPORT_STAT_TEXT_H_
#define HMAP_TOOLS_REPORT_STAT_TEXT_H_

#include <string>

#include "hmap/options.h"

namespace hmap::tool {

// `with_chains`: Stats::chains is filled.
[[nodiscard]] std::string stat_text(const Stats& stats, const std::string& path, bool with_chains);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_REPORT_STAT_TEXT_H_
