// Several processes that do the same kind of thing at the same time.
#ifndef HMAP_BENCH_MEASURES_CREW_H_
#define HMAP_BENCH_MEASURES_CREW_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

namespace hmap::bench {

// What one process does; made, used and destroyed in it.
class Worker {
 public:
  virtual ~Worker() = default;
  // Around steps. Between end() and begin() it holds nothing that another one could wait for.
  virtual void begin() = 0;
  virtual void step() = 0;
  virtual void end() = 0;
  // After everything, untimed.
  virtual void close() = 0;
};

struct CrewPlan {
  std::size_t count = 1;  // Processes, 1 to 255.
  double seconds = 1;
  // Steps between two looks at the clock; so many steps are also done before the clock runs.
  int stride = 256;
  bool pinned = false;  // Process i runs on the i-th processor, round and round.
};

// Lets the processes work at the same time; returns the steps a second of each.
// Throws std::runtime_error if one of them fails.
[[nodiscard]] std::vector<double> run_crew(
    const CrewPlan& plan, const std::function<std::unique_ptr<Worker>(std::size_t)>& make);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_MEASURES_CREW_H_
