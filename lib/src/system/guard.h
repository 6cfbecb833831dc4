// The opt-in SIGBUS guard: runs a function and reports a fault inside one of our windows (the disk
// failed, or a stranger cut the file short) as a Status instead of killing the process.
#ifndef HMAP_SRC_SYSTEM_GUARD_H_
#define HMAP_SRC_SYSTEM_GUARD_H_

#include <cstddef>

#include "hmap/status.h"

namespace hmap::guard {

// Installs the process-wide handler once; it chains to the handler found for every other fault.
Status install() noexcept;
[[nodiscard]] bool is_installed() noexcept;

// Registers and forgets a window that the handler answers for (at most 64; more are not guarded).
void add_window(const void* base, std::size_t bytes) noexcept;
void remove_window(const void* base) noexcept;

// Calls fn(context). False if a SIGBUS inside a registered window ended it: everything fn did up to
// then stands, its destructors did not run, and locks it took are held. Nested calls are allowed.
// In a thread that blocks SIGBUS the kernel ends the process all the same.
bool run(void (*fn)(void*), void* context) noexcept;

}  // namespace hmap::guard

#endif  // HMAP_SRC_SYSTEM_GUARD_H_
