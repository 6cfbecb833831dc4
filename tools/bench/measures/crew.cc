#include "measures/crew.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <thread>

#include "base/board.h"
#include "base/child.h"
#include "base/timing.h"

namespace hmap::bench {
namespace {

constexpr std::size_t kProcessesMax = 255;
constexpr std::chrono::milliseconds kPoll{2};
constexpr double kShutdownLimit = 60;  // Seconds.

// Where the processes meet.
struct Board {
  struct alignas(64) Result {
    std::uint64_t steps;
    double seconds;
  };
  std::atomic<int> ready;
  std::atomic<bool> go;
  std::atomic<bool> stop;
  Result results[kProcessesMax];  // Each written by its process at its end.
};
static_assert(std::atomic<int>::is_always_lock_free);

// Binds this process to the processor number `id` of those it may use; does nothing if it cannot.
void pin(std::size_t id) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return;
  std::size_t turn = id % static_cast<std::size_t>(CPU_COUNT(&allowed));
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &allowed)) continue;
    if (turn-- > 0) continue;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof(one), &one);
    return;
  }
}

void work(const CrewPlan& plan, Board& board, std::size_t id, Worker& worker) {
  worker.begin();
  for (int i = 0; i < plan.stride; ++i) worker.step();
  worker.end();
  board.ready.fetch_add(1);
  while (!board.go.load(std::memory_order_acquire)) std::this_thread::yield();
  const Stopwatch watch;
  std::uint64_t steps = 0;
  worker.begin();
  while (!board.stop.load(std::memory_order_relaxed)) {
    for (int i = 0; i < plan.stride; ++i) worker.step();
    steps += static_cast<std::uint64_t>(plan.stride);
  }
  worker.end();
  board.results[id] = {steps, watch.seconds()};
  worker.close();
}

// The processes of one run. Those still there at the end are killed.
class Crew {
 public:
  Crew() = default;
  ~Crew() {
    for (const pid_t pid : pids_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  void add(pid_t pid) { pids_.push_back(pid); }
  [[nodiscard]] bool empty() const noexcept { return pids_.empty(); }

  // Sleeps until `done()`, looking after the processes; false if `limit` seconds passed before.
  template <typename Done>
  bool wait_for(double limit, Done&& done) {
    const Stopwatch watch;
    while (!done()) {
      reap();
      if (interrupted()) throw Interrupted();
      if (watch.seconds() >= limit) return false;
      std::this_thread::sleep_for(kPoll);
    }
    return true;
  }

 private:
  // Waits for those that have ended; throws if one of them failed.
  void reap() {
    for (std::size_t i = pids_.size(); i-- > 0;) {
      int status = 0;
      if (waitpid(pids_[i], &status, WNOHANG) != pids_[i]) continue;
      pids_.erase(pids_.begin() + static_cast<std::ptrdiff_t>(i));
      if (status != 0) throw std::runtime_error("a process failed");
    }
  }

  std::vector<pid_t> pids_;
};

}  // namespace

std::vector<double> run_crew(const CrewPlan& plan,
                             const std::function<std::unique_ptr<Worker>(std::size_t)>& make) {
  if (plan.count > kProcessesMax) throw std::runtime_error("at most 255 processes");
  const SharedBoard<Board> board;
  Crew crew;
  for (std::size_t id = 0; id < plan.count; ++id) {
    crew.add(spawn([&] {
      if (plan.pinned) pin(id);
      const std::unique_ptr<Worker> worker = make(id);
      work(plan, *board, id, *worker);
    }));
  }
  const auto all_ready = [&] { return board->ready.load() == static_cast<int>(plan.count); };
  if (!crew.wait_for(kShutdownLimit, all_ready)) {
    throw std::runtime_error("a process did not get ready");
  }
  board->go.store(true, std::memory_order_release);
  crew.wait_for(plan.seconds, [] { return false; });
  board->stop.store(true);
  if (!crew.wait_for(kShutdownLimit, [&] { return crew.empty(); })) {
    throw std::runtime_error("a process did not stop");
  }
  std::vector<double> rates;
  for (std::size_t id = 0; id < plan.count; ++id) {
    const Board::Result& result = board->results[id];
    rates.push_back(static_cast<double>(result.steps) / result.seconds);
  }
  return rates;
}

}  // namespace hmap::bench
