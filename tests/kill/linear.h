// Whether what many processes saw of one key can be put in one order: the register of Herlihy and
// Wing (1990), checked for each key by itself, because keys are independent. The method is Lowe's
// "just-in-time linearization" (2017): a call takes effect, in thought, not before it must.
#ifndef HMAP_TESTS_KILL_LINEAR_H_
#define HMAP_TESTS_KILL_LINEAR_H_

#include <cstdint>
#include <string>
#include <vector>

namespace hmap::test {

// One call on one key. Every value is written once only; 0 is absence.
struct Call {
  enum class Kind : std::uint8_t { kPut, kInsert, kReplace, kErase, kClear, kGet };
  // kUnknown: whoever made it died, so that it has happened by `responded`, or never will.
  enum class End : std::uint8_t { kPending, kDone, kUnknown };

  std::uint64_t invoked = 0;    // stamps: a call whose answer came before another was made ...
  std::uint64_t responded = 0;  // ... comes before it in the order
  std::uint64_t value = 0;      // written, or found by kGet
  std::uint32_t key = 0;
  Kind kind = Kind::kGet;
  End end = End::kPending;
  bool answer = false;  // of kInsert, kReplace, kErase
};

// An empty string if the calls, in any order of theirs, can be put in one order that explains them
// all, starting with `value`; else what cannot be explained.
std::string explain(std::vector<Call> calls, std::uint64_t value);

}  // namespace hmap::test

#endif  // HMAP_TESTS_KILL_LINEAR_H_
