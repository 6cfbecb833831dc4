// Tables for a terminal.
#ifndef HMAP_BENCH_REPORT_TEXT_H_
#define HMAP_BENCH_REPORT_TEXT_H_

#include <string>

#include "report/document.h"

namespace hmap::bench {

// A figure with its unit, three or four digits: "1.234 M/s", "56.7 us".
[[nodiscard]] std::string with_unit(double value, Unit unit);

// Machine, stores with their settings, stores that are not there.
[[nodiscard]] std::string text_of_setup(const Document& document);

// The figures of one experiment, and how many times better its first store is than the others.
[[nodiscard]] std::string text_of(const Experiment& experiment);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_REPORT_TEXT_H_
