// A run of a writer, recorded store by store.
#ifndef HMAP_TESTS_KILL_HISTORY_H_
#define HMAP_TESTS_KILL_HISTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "plot.h"
#include "stage.h"
#include "tape.h"
#include "universe.h"

namespace hmap::test {

struct Recording {
  Plot plot;
  std::string new_store;  // what all copies of it begin with
  Image before;           // when the first of the calls began
  Tape tape;              // Write::step counts the calls
  std::vector<Step> steps;
  Universe universe;
  std::vector<Allowed> allowed;  // of each call
};

// The slots of those who have the store open meanwhile.
inline constexpr int kVictimSlot = 1;
inline constexpr int kHeirSlot = 2;
inline constexpr int kSecondHeirSlot = 3;

// Plays it once. The stage keeps the files, closed. Throws where something fails.
void record(const Plot& plot, std::uint64_t seed, Stage& stage, Recording& recording);

}  // namespace hmap::test

#endif  // HMAP_TESTS_KILL_HISTORY_H_
