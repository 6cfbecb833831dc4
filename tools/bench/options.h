// The command line.
#ifndef HMAP_BENCH_OPTIONS_H_
#define HMAP_BENCH_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "base/workload.h"
#include "measures/processes.h"

namespace hmap::bench {

struct Options {
  std::vector<std::string> measures = {"phases"};
  std::vector<std::uint64_t> entries;  // Empty: each measure's own sizes.
  std::vector<std::string> stores;     // Empty: each measure's own.
  std::vector<std::string> phases;     // Empty: all.
  int repeat = 0;                      // 0: the default.
  std::uint64_t ops = 0;               // 0: the default.
  Shape shape;
  std::string dir = ".";
  double seconds = 0;  // 0: each measure's own.
  Crowd crowd;
  bool quick = false;

  std::vector<std::string> from;  // Results of earlier runs; nothing is measured.
  std::string json;
  std::string html;
  bool scorecard = false;
  bool check = false;
  bool list = false;
};

// The measures, in the order in which they run.
[[nodiscard]] const std::vector<std::string>& measure_names();

// Reads the command line. Nothing: the program is to end with `exit_code` (--help, or an error,
// which has been printed).
[[nodiscard]] std::optional<Options> read_options(int argc, char** argv, int& exit_code);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_OPTIONS_H_
