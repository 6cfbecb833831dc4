// The outcome of `hmap verify` for people.
#ifndef HMAP_TOOLS_REPORT_VERIFY_TEXT_H_
#define HMAP_TOOLS_REPORT_VERIFY_TEXT_H_

#include <string>

#include "hmap/verify.h"

namespace hmap::tool {

// What is to be told beside the findings.
struct VerifyRemarks {
  std::string refused;    // Why the store could not be opened; empty if it could.
  std::string unchecked;  // What is in neither state yet; empty: nothing.
};

[[nodiscard]] std::string verify_text(const VerifyReport& report, const std::string& path,
                                      const VerifyRemarks& remarks);

// What to do next; empty if nothing is wrong.
[[nodiscard]] std::string verify_advice(const VerifyReport& report, const std::string& path,
                                        const VerifyRemarks& remarks);

// "DAMAGE", "LEAK", "NOTE".
[[nodiscard]] std::string severity_text(Severity severity);
// "bucket", "span", ...; empty for kNothing.
[[nodiscard]] std::string unit_text(FindingUnit unit);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_REPORT_VERIFY_TEXT_H_
