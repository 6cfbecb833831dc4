// The opt-in SIGBUS guard.
//
// A store or a load in a mapping whose disk fails, or whose file a stranger cut short, is answered
// with SIGBUS in the thread that made it. The handler leaves through the innermost run() of that
// thread if the address is in one of our windows, and else behaves as if it were not there: whoever
// handled SIGBUS before us is called just as the kernel would have called it.
//
// SA_NODEFER with an empty mask: the handler changes no signal mask, so that run() need not save
// and restore one, which would be a system call each. SA_ONSTACK: threads of other languages have
// small stacks and an alternate one.
//
// What remains: a handler installed later than ours sees our faults first and must chain as we do.
#include "system/guard.h"

#include <pthread.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csetjmp>
#include <csignal>
#include <cstdint>

namespace hmap::guard {
namespace {

struct Frame {
  sigjmp_buf environment;
  Frame* outer;
};

// initial-exec: reached without a call, so that the handler can look in a thread that never did.
__attribute__((tls_model("initial-exec"))) thread_local Frame* innermost = nullptr;

// bytes == 0: not guarded. base claims the entry.
struct Window {
  std::atomic<std::uintptr_t> base{0};
  std::atomic<std::size_t> bytes{0};
};
std::array<Window, 64> windows;

// Written once, before our handler is installed.
struct sigaction previous;
std::atomic<bool> installed{false};
std::atomic<bool> previous_spent{false};  // it was installed with SA_RESETHAND and has been called

bool in_a_window(std::uintptr_t address) noexcept {
  for (const Window& window : windows) {
    const std::size_t bytes = window.bytes.load(std::memory_order_acquire);
    const std::uintptr_t base = window.base.load(std::memory_order_acquire);
    // The size once more: the entry may have been given to another window between the two.
    if (bytes != window.bytes.load(std::memory_order_acquire)) continue;
    if (address >= base && address - base < bytes) return true;
  }
  return false;
}

// A fault of this very thread, at si_addr; not a signal that somebody sent.
bool is_fault(const siginfo_t* info) noexcept {
  return info->si_code == BUS_ADRALN || info->si_code == BUS_ADRERR ||
         info->si_code == BUS_OBJERR || info->si_code == BUS_MCEERR_AR;
}

void die_by_default(const siginfo_t* info) noexcept {
  struct sigaction action {};
  action.sa_handler = SIG_DFL;
  ::sigaction(SIGBUS, &action, nullptr);
  // A fault happens again when the handler returns; a signal that was sent does not.
  if (!is_fault(info)) ::raise(SIGBUS);
}

void chain(int signal, siginfo_t* info, void* context) {
  const auto flags = static_cast<unsigned>(previous.sa_flags);
  if (previous_spent.load() || previous.sa_handler == SIG_DFL) return die_by_default(info);
  if (previous.sa_handler == SIG_IGN) {
    // The kernel does not let a fault be ignored either.
    if (is_fault(info)) die_by_default(info);
    return;
  }
  if ((flags & SA_RESETHAND) != 0) previous_spent.store(true);
  sigset_t mask = previous.sa_mask;
  if ((flags & SA_NODEFER) == 0) sigaddset(&mask, SIGBUS);
  // Undone by our own return, which restores the mask of the moment of the fault.
  ::pthread_sigmask(SIG_BLOCK, &mask, nullptr);
  if ((flags & SA_SIGINFO) != 0) {
    previous.sa_sigaction(signal, info, context);
  } else {
    previous.sa_handler(signal);
  }
}

void handle(int signal, siginfo_t* info, void* context) {
  Frame* frame = innermost;
  if (frame != nullptr && is_fault(info) &&
      in_a_window(reinterpret_cast<std::uintptr_t>(info->si_addr))) {
    siglongjmp(frame->environment, 1);
  }
  chain(signal, info, context);
}

Status install_now() noexcept {
  if (::sigaction(SIGBUS, nullptr, &previous) != 0) {
    return {Code::kSystem, "cannot ask for the SIGBUS handler", 0, errno};
  }
  struct sigaction action {};
  action.sa_sigaction = handle;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  if (::sigaction(SIGBUS, &action, nullptr) != 0) {
    return {Code::kSystem, "cannot install the SIGBUS handler", 0, errno};
  }
  installed = true;
  return {};
}

}  // namespace

Status install() noexcept {
  static const Status status = install_now();
  return status;
}

bool is_installed() noexcept { return installed; }

void add_window(const void* base, std::size_t bytes) noexcept {
  for (Window& window : windows) {
    std::uintptr_t unused = 0;
    if (!window.base.compare_exchange_strong(unused, reinterpret_cast<std::uintptr_t>(base))) {
      continue;
    }
    window.bytes.store(bytes, std::memory_order_release);
    return;
  }
}

void remove_window(const void* base) noexcept {
  for (Window& window : windows) {
    if (window.base.load() != reinterpret_cast<std::uintptr_t>(base)) continue;
    // Order: the size first; with the base gone the entry may be claimed at once.
    window.bytes.store(0, std::memory_order_release);
    window.base.store(0, std::memory_order_release);
    return;
  }
}

bool run(void (*fn)(void*), void* context) noexcept {
  Frame frame;
  frame.outer = innermost;
  if (sigsetjmp(frame.environment, 0) != 0) {
    innermost = frame.outer;
    return false;
  }
  innermost = &frame;
  // The handler runs in this thread: only the compiler could reorder.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  fn(context);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  innermost = frame.outer;
  return true;
}

}  // namespace hmap::guard
