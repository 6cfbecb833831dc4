// One life of a store, from its opening to its closing or to a power cut that tests choose later:
// the calls made, the log of what they stored, and the contents that each root stands for.
#ifndef HMAP_TESTS_POWER_LIFE_H_
#define HMAP_TESTS_POWER_LIFE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "../process/scenarios.h"
#include "format/layout.h"
#include "memory_file.h"
#include "recorder.h"
#include "seeds.h"
#include "stores.h"

namespace hmap::test {

// What a root that was written stands for.
struct KnownRoot {
  std::uint64_t generation = 0;
  std::size_t model = 0;
};

// Of all lives of a store: the contents at each checkpoint, and the roots by their bytes.
struct Truth {
  std::vector<Contents> models;
  std::map<std::string, KnownRoot> roots;
};

// What the histories have gone through, so that a run can say that it tested something.
struct Seen {
  std::uint64_t checkpoints = 0;
  std::uint64_t growing = 0;  // checkpoints with a half-done evacuation
  std::uint64_t growing_same_size = 0;
  std::uint64_t growing_half_size = 0;  // compactions that ended in one
  std::uint64_t compactions = 0;
  std::uint64_t overflowing = 0;  // checkpoints with overflow buckets
  std::uint64_t meanwhile = 0;    // writes between a cut and the end of its checkpoint
  std::uint64_t large = 0;
  std::uint64_t clears = 0;
  std::uint64_t reopenings = 0;
  std::uint64_t poisonings = 0;
  std::uint64_t inline_slots = 0;          // checkpoints of stores with keys and values in buckets
  std::uint64_t inline_slots_growing = 0;  // of these, with a half-done evacuation
  std::uint64_t compressed = 0;            // checkpoints with compressed values
};

// A new store, just created: what lies in the file.
std::string new_store_image(const Options& options);
Layout layout_of(const std::string& image);

class Life {
 public:
  struct Plan {
    std::uint64_t seed = 0;
    unsigned boot = 1;
    Options options;
    const Scenario* scenario = nullptr;  // null: random steps
  };

  // The file holds what lies in `image`, which has the contents number `model`.
  Life(const Plan& plan, const std::string& image, std::size_t model, Truth& truth, Seen& seen);

  // Lives to the end. Returns an empty string, or what went wrong.
  std::string run();
  [[nodiscard]] const Log& log() const { return log_; }

 private:
  void plan_random_steps();
  void play_scenario();
  void perform_all();
  void perform_next();
  void perform_next_if_it_writes();
  void compact(const Step& step);
  void make_checkpoint(int writes_meanwhile = 3);
  void open();
  void close();
  void poison();
  [[nodiscard]] std::uint64_t steps_between_checkpoints() const;
  void note_state();
  void require(const Status& status);
  void learn_roots();

  Plan plan_;
  Random random_;
  Truth& truth_;
  Seen& seen_;
  MemoryFile file_;
  Log log_;
  Recorder recorder_;
  std::optional<Store> store_;
  Contents model_;
  std::deque<Step> steps_;
  std::string failure_;  // of a step made meanwhile
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_POWER_LIFE_H_
