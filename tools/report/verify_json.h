// The outcome of `hmap verify` as JSON.
#ifndef HMAP_TOOLS_REPORT_VERIFY_JSON_H_
#define HMAP_TOOLS_REPORT_VERIFY_JSON_H_

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "report/verify_text.h"

namespace hmap::tool {

[[nodiscard]] nlohmann::ordered_json verify_json(const VerifyReport& report,
                                                 const std::string& path,
                                                 const VerifyRemarks& remarks);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_REPORT_VERIFY_JSON_H_
