// What hmap demands of itself, and what it reached.
#ifndef HMAP_BENCH_REPORT_SCORECARD_H_
#define HMAP_BENCH_REPORT_SCORECARD_H_

#include <optional>
#include <string>
#include <vector>

#include "report/document.h"

namespace hmap::bench {

enum class Verdict {
  kMet,
  kMissed,
  kOtherSize,  // Measured, but not with the number of entries that the demand is about.
  kNotMeasured,
};

struct Score {
  std::string what;
  std::string demanded;
  std::string reached;  // Empty: not measured.
  std::string against;  // The rival that it was measured against, and other things to know.
  Verdict verdict = Verdict::kNotMeasured;
};

// One score for each demand, in order. The best peer is the counted one with the highest median;
// where one that is not counted is better still, `against` says so.
[[nodiscard]] std::vector<Score> scores_of(const Document& document);

[[nodiscard]] std::string_view words(Verdict verdict) noexcept;
[[nodiscard]] std::string text_of(const std::vector<Score>& scores);
[[nodiscard]] bool all_met(const std::vector<Score>& scores) noexcept;

}  // namespace hmap::bench

#endif  // HMAP_BENCH_REPORT_SCORECARD_H_
