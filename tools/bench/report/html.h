// One page with everything: scorecard, plots, figures. Nothing is loaded from elsewhere.
#ifndef HMAP_BENCH_REPORT_HTML_H_
#define HMAP_BENCH_REPORT_HTML_H_

#include <string>
#include <vector>

#include "report/document.h"
#include "report/scorecard.h"

namespace hmap::bench {

// Well-formed XML as well, so that it can be checked and picked apart.
[[nodiscard]] std::string html_of(const Document& document, const std::vector<Score>& scores);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_REPORT_HTML_H_
