// Which measures run on which stores at which sizes.
#ifndef HMAP_BENCH_PROGRAM_H_
#define HMAP_BENCH_PROGRAM_H_

#include <filesystem>
#include <functional>

#include "options.h"
#include "report/document.h"

namespace hmap::bench {

// Versions and settings of the stores of this build.
[[nodiscard]] Document describe_setup(const std::filesystem::path& dir);

// Runs the chosen measures, with files in `dir`, and adds them to the document; calls `done` after
// each experiment, so that what was measured is kept if a later one fails.
void run_measures(const Options& options, const std::filesystem::path& dir, Document& document,
                  const std::function<void()>& done);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_PROGRAM_H_
