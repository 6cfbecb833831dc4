// Cuts the power at the moments of a life's log and judges what the disk may hold then.
#ifndef HMAP_TESTS_POWER_EXPLORER_H_
#define HMAP_TESTS_POWER_EXPLORER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "device.h"
#include "judge.h"
#include "life.h"

namespace hmap::test {

// Names one image of a run; a cut or a selection that is not given means all of them.
struct Coordinates {
  std::uint64_t history = 0;
  std::uint64_t life = 0;
  std::optional<std::uint64_t> cut;
  std::optional<std::uint64_t> selection;
};

struct Effort {
  std::uint64_t ordinary_cuts = 60;  // moments outside of checkpoints and openings, per life
  std::uint64_t later_stride = 4;    // inside: all in the first life, one in so many in the others
  std::size_t all_subsets_of = 5;    // try every subset of up to as many dirty sectors
};

struct Totals {
  std::uint64_t images = 0;  // all different
  std::uint64_t cuts = 0;
  std::uint64_t torn_roots = 0;   // images with a root that is neither the old nor the new one
  std::uint64_t new_roots = 0;    // images with the new root before its flush was complete
  std::uint64_t double_cuts = 0;  // images of lives that began with a power cut
  std::vector<std::string> bad;   // what was wrong, with coordinates
};

// What a power cut left, for the next life.
struct Remains {
  std::string image;
  std::size_t model = 0;
};

class Explorer {
 public:
  Explorer(const Options& options, const Lies& lies, const Effort& effort, Totals& totals);

  // All cuts of one life, or the one in `only`. Returns the image of a cut chosen by the seed.
  Remains explore(const Life& life, const std::string& image, const Truth& truth,
                  std::uint64_t seed, const Coordinates& where, const Coordinates* only);

 private:
  struct Scene;
  void cut(Scene& scene, std::uint64_t at);
  void judge(Scene& scene, const Selection& selection);
  void plan_selections(const Scene& scene, std::uint64_t at);
  [[nodiscard]] std::size_t expected_model(const Scene& scene, const std::string& image);

  Judge judge_;
  Lies lies_;
  Effort effort_;
  Totals& totals_;
  std::string image_;
  std::vector<Selection> selections_;
  std::unordered_set<std::uint64_t> judged_;  // fingerprints of images
};

// Writes where a run is to standard error when the process dies of a signal.
void tell_on_death();

}  // namespace hmap::test

#endif  // HMAP_TESTS_POWER_EXPLORER_H_
