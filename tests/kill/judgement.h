// Going on with what a dead process left: reading beside it, taking its locks over, writing, making
// a checkpoint and looking for damage.
#ifndef HMAP_TESTS_KILL_JUDGEMENT_H_
#define HMAP_TESTS_KILL_JUDGEMENT_H_

#include <cstdint>
#include <string>
#include <unordered_set>
#include <vector>

#include "stage.h"
#include "universe.h"

namespace hmap::test {

// What an heir does first, before the write that it makes in any case.
enum class FirstAct : std::uint8_t {
  kPut,
  kVerify,
  kCheckpoint,
  kRepeat,  // the very call that the dead process was in
  kPutLarge,
  kSnapshot,
  kErase,
  kBatch,  // over all shards
};

// What is looked for. Of the dead heirs before this one the write may have happened or not.
inline constexpr std::size_t kLargeBytes = 9'000;

struct Question {
  const Universe* universe = nullptr;
  const Allowed* allowed = nullptr;
  const Step* step = nullptr;  // the call that the dead process was in; null: not to be repeated
  std::uint64_t number = 0;    // chooses the first act and what is done now and then only
  std::uint64_t earlier_heirs = 0;
  std::size_t large_bytes = kLargeBytes;  // of what an heir puts for a moment
};

class Judgement {
 public:
  Judgement(const Store& store, const Question& question) : store_(store), question_(question) {}

  // Reads everything. Finds out which of the allowed states the store is in, not before the one
  // found last; what is wrong, or an empty string.
  std::string read();
  // From now on the heir's own write must be there.
  void expect_write() { has_written_ = true; }
  // From now on only the last of the states is allowed.
  void expect_last_state() { state_ = question_.allowed->size() - 1; }
  [[nodiscard]] std::size_t state() const { return state_; }

 private:
  std::string compare(const State& state);
  std::string compare_heirs();
  std::string iterate(const State& state);

  const Store& store_;
  const Question& question_;
  std::size_t state_ = 0;
  bool has_written_ = false;
  std::size_t others_ = 0;  // entries of heirs found
  std::string value_;
};

// What was verified: a file that is the same, byte for byte, need not be verified once more.
class Verified {
 public:
  // The tape has what was stored on the stage beside what was shown there.
  Verified(Stage& stage, const Tape& tape) : stage_(stage), tape_(tape) {}
  // Whether the store's file as it is now is new here.
  bool add();
  [[nodiscard]] std::uint64_t count() const { return hashes_.size(); }

 private:
  std::uint64_t hash_of(std::uint64_t part);
  std::uint64_t hash_now();

  Stage& stage_;
  const Tape& tape_;
  std::vector<std::uint64_t> parts_;  // the hash of each, as it was when this was last asked
  std::uint64_t sum_ = 0;             // of them
  std::uint64_t asked_ = 0;
  std::unordered_set<std::uint64_t> hashes_;
};

// Everything an heir does with the store. What is wrong, or an empty string. `verified` may be
// null: nothing is remembered.
std::string inherit(Store& store, const Question& question, Verified* verified = nullptr);
// Only the first act and the write, to die in.
std::string begin_to_inherit(Store& store, const Question& question);

// One that opens the store after all others are dead. The image is put on the stage first.
std::string open_and_inherit(Stage& stage, const Image& image, const Options& options,
                             const Question& question);

}  // namespace hmap::test

#endif  // HMAP_TESTS_KILL_JUDGEMENT_H_
