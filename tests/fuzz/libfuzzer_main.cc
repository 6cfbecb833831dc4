// One target under libFuzzer, which has main(): fuzz_TARGET [options] CORPUS...
#include <algorithm>
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
  bytes_max = std::min(bytes_max, target().bytes_max);
  return target().mutate(data, std::min(bytes, bytes_max), bytes_max, seed, LLVMFuzzerMutate);
}

// What costs more than it finds: a trace of each allocation (a finding that needs them is run again
// with ASAN_OPTIONS=malloc_context_size=30), and freed memory that is kept for longer than some
// inputs.
extern "C" const char* __asan_default_options() {  // NOLINT
  return "malloc_context_size=0:quarantine_size_mb=16:thread_local_quarantine_size_kb=256:"
         "clear_shadow_mmap_threshold=524288";
}

// A reader of a damaged shard yields a hundred times before it gives up, and nobody here needs it.
extern "C" int sched_yield() noexcept { return 0; }

}  // namespace hmap::test
