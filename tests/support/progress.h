// A long run says once a minute how far it is, and ends early when its time is over.
//
// HMAP_TEST_SECONDS: after how many seconds a test ends with what it has done by then, which its
// last lines say as always. Not set: when it has done what was asked for.
#ifndef HMAP_TESTS_SUPPORT_PROGRESS_H_
#define HMAP_TESTS_SUPPORT_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <cstdio>

#include "seeds.h"

namespace hmap::test {

class Progress {
 public:
  // `what` is counted; the test ends by itself when it has `wanted` of them.
  Progress(const char* what, std::uint64_t wanted) : what_(what), wanted_(wanted) {}

  // Whether there is something left to do, and time for it.
  bool goes_on(std::uint64_t done) { return done < wanted_ && has_time(done); }
  // Whether there is time for more.
  bool has_time(std::uint64_t done) {
    const std::uint64_t now = seconds();
    const bool is_over = now >= seconds_max_;
    if (now / 60 != told_ / 60 || is_over) {
      told_ = now;
      std::printf("%llu of %llu %s, %llu s%s\n", number(done), number(wanted_), what_,
                  number(now), is_over ? "; the time is over" : "");
      std::fflush(stdout);
    }
    return !is_over;
  }

 private:
  using Clock = std::chrono::steady_clock;

  static unsigned long long number(std::uint64_t n) { return n; }
  [[nodiscard]] std::uint64_t seconds() const {
    const auto since = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - start_);
    return static_cast<std::uint64_t>(since.count());
  }

  const char* what_;
  std::uint64_t wanted_;
  std::uint64_t seconds_max_ = environment_number("HMAP_TEST_SECONDS", ~std::uint64_t{0});
  Clock::time_point start_ = Clock::now();
  std::uint64_t told_ = 0;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_SUPPORT_PROGRESS_H_
