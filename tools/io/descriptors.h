// What the shell hands over to a program: three descriptors, and signals.
#ifndef HMAP_TOOLS_IO_DESCRIPTORS_H_
#define HMAP_TOOLS_IO_DESCRIPTORS_H_

namespace hmap::tool {

// Makes sure that 0, 1 and 2 are open. If the caller closed one (`hmap dump F >&-`), the store
// would get its number, and the dump would be written into the store. The stand-in refuses every
// read and write, so that the verb fails as it should.
void reserve_standard_descriptors() noexcept;

// A closed pipe ends the program quietly, even if the caller ignored SIGPIPE.
void die_of_closed_pipes() noexcept;

// While an Interruptible lives, SIGINT, SIGTERM and SIGHUP are noted instead of ending the
// program, so that it can tidy up. One at a time.
class Interruptible {
 public:
  Interruptible() noexcept;
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
};

// The signal noted, or 0.
[[nodiscard]] int pending_interrupt() noexcept;

// Waits until `fd` can be read or a signal has been noted, be it before the call: a read() alone
// would sleep through one that comes while it is about to begin.
void wait_for_input(int fd) noexcept;

// Dies of `signal` as if it had never been caught: the shell wants to know.
void die_of(int signal) noexcept;

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_IO_DESCRIPTORS_H_
