// `hmap recover --json`: every number of hmap::RecoverReport.
#ifndef HMAP_TOOLS_REPORT_RECOVER_JSON_H_
#define HMAP_TOOLS_REPORT_RECOVER_JSON_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "hmap/recover.h"

namespace hmap::tool {

[[nodiscard]] nlohmann::ordered_json recover_json(const RecoverReport& report,
                                                  const std::string& damaged,
                                                  const std::string& fresh);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_REPORT_RECOVER_JSON_H_
