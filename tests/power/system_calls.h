// System calls that this program answers itself: the library's randomness, made repeatable, and
// flushes of roots that fail.
#ifndef HMAP_TESTS_POWER_SYSTEM_CALLS_H_
#define HMAP_TESTS_POWER_SYSTEM_CALLS_H_

#include <cstdint>

namespace hmap::test {

// From now on the library's random bytes follow from the seed, so that a history makes the same
// stores each time, byte for byte.
void fix_library_randomness(std::uint64_t seed);

// While it is on, a write that is to be flushed on its own reaches the page cache and answers EIO.
void fail_flushes_of_roots(bool fail);
bool flushes_of_roots_fail();

}  // namespace hmap::test

#endif  // HMAP_TESTS_POWER_SYSTEM_CALLS_H_
