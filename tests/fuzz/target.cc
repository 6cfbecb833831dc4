// The list of targets.
#include "target.h"

#include <ctime>
#include <stdexcept>

#include "oracle.h"

namespace hmap::test {
namespace {

// What takes milliseconds without sanitizers.
constexpr double kSecondsMax = 4;

double seconds_used() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

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
  const double begin = seconds_used();
  target.run(input);
  const double used = seconds_used() - begin;
  if (used > kSecondsMax) fail("an input took " + std::to_string(used) + " s");
}

}  // namespace hmap::test
