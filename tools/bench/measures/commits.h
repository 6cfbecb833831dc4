// Durable commits: puts that are on disk when they return.
#ifndef HMAP_BENCH_MEASURES_COMMITS_H_
#define HMAP_BENCH_MEASURES_COMMITS_H_

#include "measures/experiment.h"

namespace hmap::bench {

// How many puts a second one process, and eight of them together, get to the disk; beside a bare
// loop of pwrite() and fdatasync(). Each for `seconds`.
[[nodiscard]] Experiment measure_commits(Plan plan, double seconds);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_MEASURES_COMMITS_H_
