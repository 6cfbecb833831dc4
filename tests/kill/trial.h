// A storm over the witnesses of one store, in rounds; after each the testimonies of all are put
// together and must be explained.
#ifndef HMAP_TESTS_KILL_TRIAL_H_
#define HMAP_TESTS_KILL_TRIAL_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "child.h"
#include "seeds.h"
#include "shared_memory.h"
#include "witnesses.h"

namespace hmap::test {

struct Facts {
  std::uint64_t calls = 0;    // explained
  std::uint64_t unknown = 0;  // of them cut off by a death
  std::uint64_t kills = 0;
  std::uint64_t deaths_in_writes = 0;
  std::uint64_t stops = 0;
  std::uint64_t counters = 0;  // reads of counters
  std::uint64_t grown_to = 0;  // B of the largest shard seen
};

class Trial {
 public:
  Trial(const Case& of, std::uint64_t seed);

  // One round of about so many calls, kills a few milliseconds apart. Fails the test if something
  // is wrong.
  void round(std::uint64_t calls);
  // The store is as the last round left it, also when it is opened again.
  void close();
  [[nodiscard]] const Facts& facts() const { return facts_; }

 private:
  void start(std::uint64_t witness);
  void replace(std::uint64_t witness);
  void let_them_work();
  void strike();
  void look_after_the_dead();
  void hold_all_still();
  [[nodiscard]] std::uint64_t calls_so_far() const;
  [[nodiscard]] std::uint64_t deaths_so_far() const {
    return facts_.kills + facts_.deaths_in_writes;
  }
  void check_progress();
  void explain_all();
  std::uint64_t value_now(std::uint64_t key);
  void settle(std::uint64_t witness);

  Case case_;
  Random random_;
  Facts facts_;
  Shared<Court> court_;
  std::optional<Store> store_;  // of the judge: settles what the dead left
  std::vector<std::unique_ptr<Child>> children_;
  std::vector<std::uint64_t> values_;  // of the keys, when the round began
  std::uint64_t calls_before_ = 0;
  Clock::time_point last_progress_;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_KILL_TRIAL_H_
