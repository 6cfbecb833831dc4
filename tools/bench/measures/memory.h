// A store that is larger than the memory it may use.
#ifndef HMAP_BENCH_MEASURES_MEMORY_H_
#define HMAP_BENCH_MEASURES_MEMORY_H_

#include "measures/experiment.h"

namespace hmap::bench {

// Fills each store that has files, throws its pages out of the page cache, and then gets random
// keys in a memory cgroup that allows half of the store's blocks (caches of its own included).
// Reports the gets a second, the page faults (those that wait for the disk, and all) and the bytes
// read from the disk for one get. Everything is skipped where no such cgroup can be made.
[[nodiscard]] Experiment measure_memory(Plan plan);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_MEASURES_MEMORY_H_
