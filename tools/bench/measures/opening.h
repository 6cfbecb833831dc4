// How long it takes to open a store that is there, and how large it is.
#ifndef HMAP_BENCH_MEASURES_OPENING_H_
#define HMAP_BENCH_MEASURES_OPENING_H_

#include "measures/experiment.h"

namespace hmap::bench {

// Fills each store that has files, closes it, looks at the blocks of its files, and then opens it:
// normally; after a process that was writing was killed (SIGKILL); as after a power cut, where that
// can be simulated. Warm: the file is in the page cache. Each opening is timed with one get, so
// that no work is put off until after the clock; afterwards random entries are looked up, and what
// is lost or wrong is noted.
[[nodiscard]] Experiment measure_opening(Plan plan);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_MEASURES_OPENING_H_
