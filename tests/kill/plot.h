// What to play: a store in some setting, its past, and calls for a process to die in.
#ifndef HMAP_TESTS_KILL_PLOT_H_
#define HMAP_TESTS_KILL_PLOT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "../process/scenarios.h"
#include "seeds.h"
#include "stores.h"

namespace hmap::test {

// Some random plots are of stores with inline slots: keys of 8 bytes, values of these.
inline constexpr std::uint32_t kInlineValueBytes = 24;
inline bool is_inline(const Options& options) { return options.type.fingerprint != 0; }

struct Plot {
  std::string name;
  const Scenario* scenario = nullptr;  // null: random calls
  Options options;
  bool checkpointed = false;  // the calls begin right after a checkpoint
};

// The histories by number, without end: first each scenario in each setting, then random ones. A
// call of a new kind is added to Step (process/scenarios.h), a history to scenarios() there; calls
// that suit stores of several shards to random_steps() in plot.cc, too.
Plot plot(std::uint64_t number);
std::uint64_t scripted_plots();
// So many random ones show every setting with every number of shards.
std::uint64_t kinds_of_random_plots();

// Gives the store its past, and returns the calls to die in. Throws where something fails.
std::vector<Step> prepare_steps(const Plot& plot, Store& store, KeySource& keys, Random& random);

}  // namespace hmap::test

#endif  // HMAP_TESTS_KILL_PLOT_H_
