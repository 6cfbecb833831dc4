// RLIMIT_FSIZE: a call that would make a file longer than that is answered with EFBIG and SIGXFSZ,
// which ends the process. And calls that signals interrupt.
#ifndef HMAP_SRC_SYSTEM_SIZE_LIMIT_H_
#define HMAP_SRC_SYSTEM_SIZE_LIMIT_H_

#include <pthread.h>
#include <sys/resource.h>

#include <cerrno>
#include <csignal>
#include <ctime>

namespace hmap {

// A call may be interrupted by a signal. From the second try on all are blocked, so that this many
// tries fail only where signals are not the reason.
inline constexpr int kTries = 100;

// One system call; blocking the signal takes two. A limit that is set between the two calls ends
// the process as it ends any other that writes then.
inline bool has_size_limit() noexcept {
  rlimit limit{};
  return ::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY;
}

// Blocks SIGXFSZ in this thread and, at the end, eats the one that we caused; with `kNone`, of
// calls that cause none, it asks nothing of the kernel.
class FileSizeSignal {
 public:
  enum class Cause { kNone, kLimit };

  explicit FileSizeSignal(Cause cause = Cause::kLimit) noexcept {
    sigemptyset(&signal_);
    if (cause == Cause::kNone) return;
    sigaddset(&signal_, SIGXFSZ);
    ::pthread_sigmask(SIG_BLOCK, &signal_, &before_);
    is_changed_ = true;
    // One that was not blocked has been delivered.
    pending_before_ = sigismember(&before_, SIGXFSZ) == 1 && pending();
  }
  FileSizeSignal(const FileSizeSignal&) = delete;
  FileSizeSignal& operator=(const FileSizeSignal&) = delete;
  ~FileSizeSignal() {
    if (!is_changed_) return;
    const int error = errno;
    constexpr timespec kNow{};  // the signal comes with this error, and never without
    if (error == EFBIG && !pending_before_ && pending()) ::sigtimedwait(&signal_, nullptr, &kNow);
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    errno = error;
  }
  // After an interruption: a timer faster than the call would interrupt it for ever, where each try
  // starts again from nothing.
  void block_all() noexcept {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, is_changed_ ? nullptr : &before_);
    is_changed_ = true;
  }

 private:
  static bool pending() noexcept {
    sigset_t set;
    return ::sigpending(&set) == 0 && sigismember(&set, SIGXFSZ) == 1;
  }
  sigset_t signal_;
  sigset_t before_;
  bool is_changed_ = false;  // the mask
  bool pending_before_ = false;
};

// Calls until it is not interrupted, at most kTries times. `call` answers as system calls do.
template <typename Call>
auto uninterrupted(FileSizeSignal& signals, Call call) noexcept {
  auto result = call();
  for (int i = 1; i < kTries && result < 0 && errno == EINTR; ++i) {
    signals.block_all();
    result = call();
  }
  return result;
}

}  // namespace hmap

#endif  // HMAP_SRC_SYSTEM_SIZE_LIMIT_H_
