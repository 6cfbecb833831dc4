// Processes that write and read one store and note what they did and saw, each in a log of its own
// in shared memory, so that the log survives their death.
#ifndef HMAP_TESTS_KILL_WITNESSES_H_
#define HMAP_TESTS_KILL_WITNESSES_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "linear.h"
#include "stores.h"

namespace hmap::test {

// What a process does. The first kWriters places are taken by writers.
enum class Role : std::uint8_t {
  kWriter,        // all calls, look-ups too
  kReader,        // look-ups through a handle that could write
  kReadOnly,      // look-ups through one that could not
  kWalker,        // cursors over everything
  kPhotographer,  // look-ups and cursors in snapshots
  // A reader that holds pinned views belongs here: a view is a look-up at the moment it was taken,
  // and says the same when it is read again later.
};
inline constexpr std::array kRoles = {Role::kWriter,      Role::kWriter,   Role::kWriter,
                                      Role::kReader,      Role::kReadOnly, Role::kWalker,
                                      Role::kPhotographer};
inline constexpr std::uint64_t kWitnesses = kRoles.size();

inline constexpr std::uint64_t kTrackedMax = 1'024;  // keys whose calls are noted
inline constexpr std::uint64_t kCallsMax = 250'000;  // of each process in a round

struct Testimony {
  std::atomic<std::uint64_t> calls;  // begun
  std::array<Call, kCallsMax> call;
};

// What they share.
struct Court {
  std::atomic<std::uint64_t> clock;                               // stamps
  std::atomic<bool> adjourned;                                    // all go home
  std::atomic<std::uint64_t> counters;                            // reads of counters
  std::array<std::atomic<std::uint64_t>, kWitnesses> next_value;  // the next value's number
  std::array<std::atomic<std::uint64_t>, kWitnesses> counted;     // the writer's counter, begun
  std::array<std::atomic<std::uint64_t>, kWitnesses> seen;        // the highest anybody has seen
  std::array<Testimony, kWitnesses> testimonies;
};

struct Case {
  std::string path;
  Options options;
  std::uint64_t keys = 400;
  std::uint64_t clear_in = 10'000;  // one call in so many of a writer clears the store
  bool dies_in_writes = true;       // many writers die before a store of their own
};

std::string tracked_key(std::uint64_t key);

// The value that says which write it was.
std::uint64_t value_number(std::uint64_t witness, std::uint64_t n);
std::string value_text(std::uint64_t key, std::uint64_t number);

// The body of process `witness`. Returns when the court is adjourned or its log is full; 1 after an
// error or something that is wrong by itself.
int testify(const Case& of, Court& court, std::uint64_t witness, std::uint64_t seed);

}  // namespace hmap::test

#endif  // HMAP_TESTS_KILL_WITNESSES_H_
