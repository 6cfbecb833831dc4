#include "virtual_time.h"

#include <dlfcn.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>

namespace hmap::test {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
// Far from zero.
constexpr std::uint64_t kBegin = 1'000'000 * kSecond;

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
  // A moment later each time, so that loops over it end. The time of day is always the same, so
  // that those who note it make the same files.
  const bool waits = clock == CLOCK_MONOTONIC;
  const std::uint64_t now = kBegin + (waits ? ++slept_ns : 0);
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
  const long operation = number == SYS_futex ? arguments[1] & FUTEX_CMD_MASK : FUTEX_WAKE;
  const bool waits = operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET;
  if (!on || !waits || arguments[3] == 0) {
    return real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                arguments[5]);
  }
  const std::uint64_t time = nanoseconds(*reinterpret_cast<const timespec*>(arguments[3]));
  // FUTEX_WAIT has how long, FUTEX_WAIT_BITSET until when.
  slept_ns = operation == FUTEX_WAIT ? slept_ns + time : std::max(slept_ns, time - kBegin);
  errno = ETIMEDOUT;
  return -1;
}
}

}  // namespace hmap::test
