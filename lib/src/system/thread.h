// Threads of the library: no signal of the application is ever handled in one; only, once there is
// a SIGBUS guard, a SIGBUS that somebody sends may be.
#ifndef HMAP_SRC_SYSTEM_THREAD_H_
#define HMAP_SRC_SYSTEM_THREAD_H_

#include <pthread.h>

#include <csignal>
#include <thread>
#include <utility>

#include "system/guard.h"

namespace hmap {

// `name`: at most 15 characters. Throws std::system_error.
template <typename Fn>
std::thread start_thread(const char* name, Fn&& fn) {
  // A thread inherits the mask of the one that makes it.
  class BlockSignals {
   public:
    BlockSignals() {
      sigset_t all;
      ::sigfillset(&all);
      // A fault whose signal is blocked ends the process without asking the guard.
      if (guard::is_installed()) ::sigdelset(&all, SIGBUS);
      ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~BlockSignals() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

   private:
    sigset_t before_{};
  };
  const BlockSignals blocked;
  // By itself: another one would have to go through /proc.
  return std::thread([name, run = std::forward<Fn>(fn)] {
    ::pthread_setname_np(::pthread_self(), name);
    run();
  });
}

}  // namespace hmap

#endif  // HMAP_SRC_SYSTEM_THREAD_H_
