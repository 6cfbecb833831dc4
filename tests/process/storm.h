// A store under fire: writers and readers that are killed and replaced, and what they must agree
// on.
//
// Each writer owns keys of its own. What it has begun and what was acknowledged is noted in memory
// outside the store, one word per key: version << 1 | present. So at any moment a key's state is
// one of those from the acknowledged word to the begun one.
#ifndef HMAP_TESTS_PROCESS_STORM_H_
#define HMAP_TESTS_PROCESS_STORM_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "child.h"
#include "seeds.h"
#include "shared_memory.h"
#include "stores.h"

namespace hmap::test {

inline constexpr std::uint64_t kStormWriters = 2;
inline constexpr std::uint64_t kStormReaders = 2;
inline constexpr std::uint64_t kStormProcesses = kStormWriters + kStormReaders;
inline constexpr std::uint64_t kStormKeysMax = 4096;

// What the processes share beside the store.
struct StormBoard {
  struct Key {
    std::atomic<std::uint64_t> begun;         // stored before the call
    std::atomic<std::uint64_t> acknowledged;  // stored after it
  };
  std::array<std::array<Key, kStormKeysMax>, kStormWriters> keys;
  std::array<std::atomic<std::uint64_t>, kStormWriters> current;     // key being written + 1
  std::array<std::atomic<std::uint64_t>, kStormProcesses> progress;  // calls finished
  std::atomic<std::uint64_t> reads_of_values;
};

constexpr std::uint64_t version_of(std::uint64_t word) { return word >> 1; }
constexpr bool is_present(std::uint64_t word) { return (word & 1) != 0; }

struct StormPlan {
  std::string path;
  Options options;
  std::uint64_t keys = 600;  // of each writer
  std::uint64_t kills = 200;
  std::uint64_t pause_us = 60'000;  // at most, between two kills
  bool stops = true;                // some are stopped for a moment instead
  bool dies_in_writes = true;       // half of the writers die before a store of their own, too
  bool reboots = false;             // at the end: what was acknowledged must be in the commit log
};

std::string storm_key(std::uint64_t writer, std::uint64_t key);
std::uint64_t storm_key_id(std::uint64_t writer, std::uint64_t key);

// The bodies of the processes; they run until they are killed, or return after an error.
int run_storm_writer(const StormPlan& plan, StormBoard& board, std::uint64_t writer,
                     std::uint64_t seed);
int run_storm_reader(const StormPlan& plan, StormBoard& board, std::uint64_t reader,
                     std::uint64_t seed);

// Checks one state found between two words noted before and after. Returns what is wrong, or an
// empty string.
std::string judge(std::uint64_t id, const std::optional<std::string>& value, std::uint64_t low,
                  std::uint64_t high);

// The whole storm: starts the processes, kills, replaces; checks all keys at the end.
class Storm {
 public:
  Storm(const StormPlan& plan, std::uint64_t seed) : plan_(plan), random_(seed) {}
  void run();
  [[nodiscard]] std::uint64_t kills() const { return kills_; }

 private:
  Child start(std::uint64_t process);
  void strike();
  void replace(std::uint64_t process);
  void check_all_alive();
  void pause(std::uint64_t microseconds);
  void check_everything(Store& store);

  StormPlan plan_;
  Random random_;
  Shared<StormBoard> board_;
  std::vector<Child> children_;
  std::array<std::uint64_t, kStormProcesses> last_progress_{};
  std::array<Clock::time_point, kStormProcesses> last_change_{};
  std::uint64_t kills_ = 0;
  std::uint64_t deaths_in_writes_ = 0;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_PROCESS_STORM_H_
