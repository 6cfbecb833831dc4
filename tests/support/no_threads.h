// A process that gets no more threads.
#ifndef HMAP_TESTS_SUPPORT_NO_THREADS_H_
#define HMAP_TESTS_SUPPORT_NO_THREADS_H_

#include <gtest/gtest.h>
#include <pthread.h>

#include <cstddef>

namespace hmap::test {

// Each would need more memory than there are addresses.
class NoThreads {
 public:
  NoThreads() {
    pthread_getattr_default_np(&before_);
    pthread_attr_t huge;
    pthread_attr_init(&huge);
    pthread_attr_setstacksize(&huge, std::size_t{1} << 47);
    EXPECT_EQ(0, pthread_setattr_default_np(&huge));
    pthread_attr_destroy(&huge);
  }
  NoThreads(const NoThreads&) = delete;
  NoThreads& operator=(const NoThreads&) = delete;
  ~NoThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_{};
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_SUPPORT_NO_THREADS_H_
