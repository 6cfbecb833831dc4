// See descriptors.h.
#include "io/descriptors.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>  // NOLINT(modernize-deprecated-headers): sigaction is POSIX.
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>

namespace hmap::tool {
namespace {

constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};

std::atomic<int> noted_signal{0};
static_assert(std::atomic<int>::is_always_lock_free, "stored by a signal handler");

extern "C" void note_signal(int signal) { noted_signal.store(signal, std::memory_order_relaxed); }

void set_handler(int signal, void (*handler)(int)) noexcept {
  struct sigaction action = {};
  action.sa_handler = handler;  // No SA_RESTART: a read that waits for input has to return.
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

bool ignored(int signal) noexcept {
  struct sigaction action = {};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

void reserve_standard_descriptors() noexcept {
  // open() returns the lowest free number, so going upwards fills exactly the holes.
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    if (::open("/dev/null", O_PATH | O_CLOEXEC) != fd) ::_exit(5);
  }
}

void die_of_closed_pipes() noexcept { set_handler(SIGPIPE, SIG_DFL); }

Interruptible::Interruptible() noexcept {
  noted_signal.store(0, std::memory_order_relaxed);
  for (const int signal : kSignals) {
    if (!ignored(signal)) set_handler(signal, note_signal);  // nohup stays nohup.
  }
}

Interruptible::~Interruptible() {
  for (const int signal : kSignals) {
    if (!ignored(signal)) set_handler(signal, SIG_DFL);
  }
}

int pending_interrupt() noexcept { return noted_signal.load(std::memory_order_relaxed); }

void wait_for_input(int fd) noexcept {
  sigset_t signals;
  sigset_t before;
  sigemptyset(&signals);
  for (const int signal : kSignals) sigaddset(&signals, signal);
  // The library's threads take no signals: one that is held back here waits for ppoll().
  ::pthread_sigmask(SIG_BLOCK, &signals, &before);
  struct pollfd wish = {fd, POLLIN, 0};
  while (pending_interrupt() == 0 && ::ppoll(&wish, 1, nullptr, &before) < 0 && errno == EINTR)
    continue;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

void die_of(int signal) noexcept {
  set_handler(signal, SIG_DFL);
  ::raise(signal);
}

}  // namespace hmap::tool
