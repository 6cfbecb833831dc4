// Asking verify, and saying what it found when that is not what was expected.
#ifndef HMAP_TESTS_SUPPORT_VERIFY_SUPPORT_H_
#define HMAP_TESTS_SUPPORT_VERIFY_SUPPORT_H_

#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "stores.h"

namespace hmap::test {

inline std::string words(const VerifyReport& report) {
  std::ostringstream out;
  for (const Finding& finding : report.findings) {
    out << name(finding.kind) << (finding.live ? " live" : " durable") << " at " << finding.offset
        << ": " << finding.text << "\n";
  }
  if (!report.complete) out << "not complete: " << report.incomplete_why << "\n";
  return out.str();
}

inline ::testing::AssertionResult finds_nothing(const char*, const Result<VerifyReport>& report) {
  if (!report) return ::testing::AssertionFailure() << report.error();
  if (report->clean() && report->complete && report->notes == 0) {
    return ::testing::AssertionSuccess();
  }
  return ::testing::AssertionFailure() << words(*report);
}

inline bool has(const VerifyReport& report, FindingKind kind) {
  for (const Finding& finding : report.findings) {
    if (finding.kind == kind) return true;
  }
  return false;
}

inline VerifyOptions only(VerifyState state) {
  VerifyOptions options;
  options.state = state;
  return options;
}

}  // namespace hmap::test

#define EXPECT_FINDS_NOTHING(report) EXPECT_PRED_FORMAT1(::hmap::test::finds_nothing, report)

#endif  // HMAP_TESTS_SUPPORT_VERIFY_SUPPORT_H_
