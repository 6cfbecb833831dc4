// What can be fuzzed. Each target takes any input, and ends the process if
// something breaks that must hold for all of them (oracle.h).
#ifndef HMAP_TESTS_FUZZ_TARGET_H_
#define HMAP_TESTS_FUZZ_TARGET_H_

#include <ostream>
#include <string>
#include <vector>

#include "bytes.h"
#include "script.h"

namespace hmap::test {

struct Target {
  const char* name;
  void (*run)(Bytes input);
  // A mutation in place; returns the new length.
  std::size_t (*mutate)(std::uint8_t* data, std::size_t bytes, std::size_t bytes_max, unsigned seed,
                        MutateBytes mutate);
  std::vector<std::string> (*seeds)();
  std::size_t bytes_max;  // of an input
  friend std::ostream& operator<<(std::ostream& out, const Target& target) {
    return out << target.name;
  }
};

Target store_target();    // a store file: opened, read, verified, written
Target recover_target();  // a store file: recover()
Target flips_target();    // a store file that changes while it is read and written
Target log_target();      // a commit log: replayed
Target model_target();    // calls, compared with std::unordered_map
Target formats_target();  // what `hmap load` reads

const std::vector<Target>& targets();
const Target& target_named(const std::string& name);

// Runs one input, and ends the process if that takes for ever: seconds of the
// processor, so that a machine that is busy is no finding.
void run_bounded(const Target& target, Bytes input);

}  // namespace hmap::test

#endif  // HMAP_TESTS_FUZZ_TARGET_H_
