// Memory that nobody uses: how much there is, and whether it is there at all.
#ifndef HMAP_BENCH_BASE_FREE_MEMORY_H_
#define HMAP_BENCH_BASE_FREE_MEMORY_H_

#include <cstdint>

namespace hmap::bench {

// Bytes that are free, without what the page cache would give back.
[[nodiscard]] std::uint64_t free_memory();

// Writes to so many bytes of free memory, at most half of it, in a process of its own that ends
// then. In a virtual machine the host may have taken what lay idle, and whoever needs it first
// waits for it: stores that take memory in pieces of 2 MiB, which idle longest, more than others.
// Throws as run_in_child().
void touch_free_memory(std::uint64_t bytes);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_BASE_FREE_MEMORY_H_
