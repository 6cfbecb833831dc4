// How long a single put takes while the store grows: percentiles up to the maximum.
#ifndef HMAP_BENCH_MEASURES_LATENCY_H_
#define HMAP_BENCH_MEASURES_LATENCY_H_

#include "measures/experiment.h"

namespace hmap::bench {

// Fills plan.shape.entries entries into each store, from empty, without hints, and times each put.
//
// A machine does other things, too: a loop that does nothing but look at the clock sees gaps, of
// milliseconds even. Such a control loop runs by turns with the puts, in the same thread, for
// slices of the same length, each of its steps as long as a put is on average. What its percentiles
// show is the machine's, not the store's; "beyond" is the difference of the two.
[[nodiscard]] Experiment measure_latency(Plan plan);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_MEASURES_LATENCY_H_
