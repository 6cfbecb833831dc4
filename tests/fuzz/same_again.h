// Makes an execution depend on its input only: the library's randomness comes
// from a seed, and it believes in one boot.
#ifndef HMAP_TESTS_FUZZ_SAME_AGAIN_H_
#define HMAP_TESTS_FUZZ_SAME_AGAIN_H_

#include <cstdint>

namespace hmap::test {

// From here on getrandom() continues the stream of this seed, and the boot is
// always the same.
void same_again(std::uint64_t seed);

}  // namespace hmap::test

#endif  // HMAP_TESTS_FUZZ_SAME_AGAIN_H_
