#include "virtual_time.h"

#include <dlfcn.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include <cerrno>
#include <cstdarg>

namespace hmap::test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

thread_local bool on = false;
thread_local std::uint64_t slept_ns = 0;

std::uint64_t nanoseconds(const timespec& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * kSecond +
         static_cast<std::uint64_t>(time.tv_nsec);
}

template <typename Function>
Function* libc(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

VirtualTime::VirtualTime() {
  slept_ns = 0;
  on = true;
}
VirtualTime::~VirtualTime() { on = false; }
std::uint64_t VirtualTime::slept_us() { return slept_ns / 1000; }

// The linker takes these definitions for calls from the library.
extern "C" {

int clock_gettime(clockid_t clock, timespec* time) {  // NOLINT
  static const auto real = libc<int(clockid_t, timespec*)>("clock_gettime");
  if (!on) return real(clock, time);
  // Far from zero; a moment later each time, so that loops over it end. The time of day is always
  // the same, so that those who note it make the same files.
  const bool waits = clock == CLOCK_MONOTONIC;
  const std::uint64_t now = 1'000'000 * kSecond + (waits ? ++slept_ns : 0);
  time->tv_sec = static_cast<time_t>(now / kSecond);
  time->tv_nsec = static_cast<long>(now % kSecond);
  return 0;
}

int nanosleep(const timespec* time, timespec* left) {  // NOLINT
  static const auto real = libc<int(const timespec*, timespec*)>("nanosleep");
  if (!on) return real(time, left);
  slept_ns += nanoseconds(*time);
  return 0;
}

long syscall(long number, ...) noexcept {  // NOLINT
  static const auto real = libc<long(long, ...)>("syscall");
  va_list list;
  va_start(list, number);
  long arguments[6];
  for (long& argument : arguments) argument = va_arg(list, long);
  va_end(list);
  const bool waits = number == SYS_futex && (arguments[1] & FUTEX_CMD_MASK) == FUTEX_WAIT;
  if (!on || !waits || arguments[3] == 0) {
    return real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                arguments[5]);
  }
  slept_ns += nanoseconds(*reinterpret_cast<const timespec*>(arguments[3]));
  errno = ETIMEDOUT;
  return -1;
}
}

}  // namespace hmap::test
