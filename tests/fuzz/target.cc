// The list of targets.
#include "target.h"

#include <unistd.h>

#include <csignal>
#include <ctime>
#include <stdexcept>

#include "oracle.h"

namespace hmap::test {
namespace {

// What takes milliseconds without sanitizers.
constexpr time_t kSecondsMax = 4;

// Ends the process where it is, so that the finding shows what it does for so long.
void too_long(int) { fail("an input takes more than " + std::to_string(kSecondsMax) + " s"); }

// Seconds of the processor of this thread, so that neither a busy machine is a finding nor what
// another thread does.
class Deadline {
 public:
  Deadline() {
    struct sigaction action {};
    action.sa_handler = too_long;
    ::sigaction(SIGPROF, &action, nullptr);
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = SIGPROF;
    event._sigev_un._tid = ::gettid();
    if (::timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer_) != 0)
      throw std::runtime_error("no timer");
  }
  void begin() { set(kSecondsMax); }
  void end() { set(0); }

 private:
  void set(time_t seconds) {
    itimerspec time{};
    time.it_value.tv_sec = seconds;
    if (::timer_settime(timer_, 0, &time, nullptr) != 0) throw std::runtime_error("no timer");
  }
  timer_t timer_{};
};

}  // namespace

const std::vector<Target>& targets() {
  static const std::vector<Target> all{store_target(), recover_target(), flips_target(),
                                       log_target(),   model_target(),   formats_target()};
  return all;
}

const Target& target_named(const std::string& name) {
  for (const Target& target : targets()) {
    if (target.name == name) return target;
  }
  throw std::runtime_error("no such target: " + name);
}

void run_bounded(const Target& target, Bytes input) {
  static thread_local Deadline deadline;
  deadline.begin();
  target.run(input);
  deadline.end();
}

}  // namespace hmap::test
