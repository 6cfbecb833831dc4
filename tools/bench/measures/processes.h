// Several processes on one store: do readers disturb each other, do writers disturb readers?
#ifndef HMAP_BENCH_MEASURES_PROCESSES_H_
#define HMAP_BENCH_MEASURES_PROCESSES_H_

#include "measures/experiment.h"

namespace hmap::bench {

// How many processes to try besides the fixed scenes; 0 of both: none.
struct Crowd {
  std::size_t writers = 0;
  std::size_t readers = 0;
};

// On stores that several processes may write. Writers put values of the same size under random
// keys, readers get random keys and check each value. The scenes run by turns, each for `seconds`
// in all, every process on a processor of its own as far as there are enough.
[[nodiscard]] Experiment measure_processes(Plan plan, double seconds, Crowd crowd);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_MEASURES_PROCESSES_H_
