// Looks at every death in one history: makes what a kill before each store leaves, and lets others
// go on.
#ifndef HMAP_TESTS_KILL_INQUEST_H_
#define HMAP_TESTS_KILL_INQUEST_H_

#include <cstdint>
#include <string>

#include "heir.h"
#include "history.h"
#include "stage.h"

namespace hmap::test {

// How thorough. One in so many images, 0: none.
struct Care {
  std::uint64_t copies = 64;          // copies are cut off after each piece of so many bytes
  std::uint64_t second_deaths = 160;  // the heir dies, too, at each of its stores
  std::uint64_t openings = 64;        // the heir opens the store, all others being dead
  std::uint64_t dead_openers = 1600;  // who opens it dies, too, while opening and closing it, ...
  std::uint64_t opener_stride = 16;   // ... at one in so many of its stores
};

struct Tally {
  std::uint64_t histories = 0;
  std::uint64_t calls = 0;
  std::uint64_t points = 0;  // stores, copies and flushes of the processes that die
  std::uint64_t images = 0;  // all that were examined
  std::uint64_t second_deaths = 0;
  std::uint64_t openings = 0;
  std::uint64_t dead_openers = 0;
  std::uint64_t states = 0;  // different ones, byte for byte, after the heir's checkpoint
};

class Inquest {
 public:
  Inquest(const Care& care, Tally& tally) : care_(care), tally_(tally) {}

  // Examines every death in the history, or only that before write `only`. What is wrong, and
  // where; or an empty string.
  std::string hold(const Plot& plot, std::uint64_t seed, std::uint64_t only = ~std::uint64_t{0});

 private:
  struct Scene;
  std::string examine(Scene& scene, std::uint64_t number);
  std::string let_heir_die(Scene& scene, const Question& question);
  std::string let_others_open(Scene& scene, const Question& question);
  std::string let_opener_die(Scene& scene, const Question& question);

  Care care_;
  Tally& tally_;
};

// Of a write that is made piece by piece: the end of the piece that begins at `from`.
std::size_t end_of_piece(const Write& write, std::size_t from, std::uint64_t piece);

}  // namespace hmap::test

#endif  // HMAP_TESTS_KILL_INQUEST_H_
