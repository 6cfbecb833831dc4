// What the calling thread does with signals.
#ifndef HMAP_TESTS_SUPPORT_SIGNALS_H_
#define HMAP_TESTS_SUPPORT_SIGNALS_H_

#include <csignal>

namespace hmap::test {

inline bool is_blocked(int number) {
  sigset_t mask;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
  return sigismember(&mask, number) == 1;
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_SUPPORT_SIGNALS_H_
