// What one put asks of the system while the store grows.
#ifndef HMAP_BENCH_MEASURES_WORK_H_
#define HMAP_BENCH_MEASURES_WORK_H_

#include "measures/experiment.h"

namespace hmap::bench {

// Fills each store under ptrace and counts the system calls of the thread that puts, put by put.
// Threads that the store starts are not counted.
[[nodiscard]] Experiment measure_work(Plan plan);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_MEASURES_WORK_H_
