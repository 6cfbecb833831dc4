// One target under libFuzzer, which has main(): fuzz_TARGET [options] CORPUS...
#include <cstdlib>

#include "target.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t bytes,
                                        std::size_t bytes_max);

namespace hmap::test {
namespace {

const Target& target() {
  static const Target& chosen = target_named(HMAP_FUZZ_TARGET);
  return chosen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t bytes) {
  run_bounded(target(), {data, bytes});
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t bytes,
                                               std::size_t bytes_max, unsigned seed) {
  return target().mutate(data, bytes, bytes_max, seed, LLVMFuzzerMutate);
}

}  // namespace hmap::test
