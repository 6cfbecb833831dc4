// `hmap recover` for people: what was salvaged, and what was not.
#ifndef HMAP_TOOLS_REPORT_RECOVER_TEXT_H_
#define HMAP_TOOLS_REPORT_RECOVER_TEXT_H_

#include <string>

#include "hmap/recover.h"

namespace hmap::tool {

[[nodiscard]] std::string recover_text(const RecoverReport& report, const std::string& damaged,
                                       const std::string& fresh);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_REPORT_RECOVER_TEXT_H_
