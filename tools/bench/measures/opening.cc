#include "measures/opening.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "base/board.h"
#include "base/child.h"
#include "base/random.h"
#include "base/scratch.h"
#include "base/statistics.h"
#include "base/timing.h"
#include "measures/fill.h"

namespace hmap::bench {
namespace {

constexpr int kOpenings = 5;
// No further opening of one kind after so long: some stores read the whole file.
constexpr double kSecondsMax = 10;
// The killed process has put so many values when it is killed, or as many as there are entries.
constexpr std::uint64_t kPutsBeforeKill = 20'000;
constexpr std::uint64_t kSamples = 1'000;
constexpr unsigned kPatience = 120;  // Seconds.

using MakeAdapter = std::unique_ptr<Adapter> (*)();

class Opener {
 public:
  Opener(const Shape& shape, const StoreKind& kind, const std::filesystem::path& dir, Run& run)
      : workload_(shape), kind_(kind), dir_(dir), run_(run), random_(shape.seed + 7) {}

  void time_normal() {
    time("open", kind_.make, [] {});
  }
  void time_after_kill() {
    time("open after kill -9", kind_.make, [&] { kill_a_writer(); });
  }
  // What the killed writer left is what a power cut would find, on the disk: nothing waits in the
  // page cache to be written.
  void time_after_power_cut() {
    if (kind_.make_after_power_cut == nullptr) return;
    time("open after power cut", kind_.make_after_power_cut, [&] {
      kill_a_writer();
      for_each_file(dir_, [](int fd) { return fdatasync(fd) == 0 ? 0 : errno; });
    });
  }

 private:
  [[nodiscard]] const Shape& shape() const noexcept { return workload_.shape(); }

  void put(Adapter& adapter, std::uint64_t index, std::uint64_t version) {
    workload_.key(index, key_);
    workload_.value(key_, version, value_);
    adapter.put(key_, value_);
  }

  // Whether the entry is there with a value that was once put under its key.
  bool is_right(Adapter& adapter, std::uint64_t index) {
    workload_.key(index, key_);
    return adapter.get(key_, value_) && workload_.version_of(key_, value_).has_value();
  }

  // Opens the store several times, each after `before`, and reports the median.
  template <typename Before>
  void time(const char* figure, MakeAdapter make, Before&& before) {
    std::vector<double> seconds;
    double wrong = 0;
    try {
      const Stopwatch all;
      for (int i = 0; i < kOpenings && (i == 0 || all.seconds() < kSecondsMax); ++i) {
        before();
        const std::uint64_t seed = random_.next();
        const Run run = run_apart([&] { return open_once(make, seed); });
        seconds.push_back(run.figure("seconds").value());
        wrong += run.figure("wrong").value();
      }
      run_.add(figure, median(seconds));
    } catch (const Interrupted&) {
      throw;
    } catch (const std::exception& error) {
      run_.notes.push_back(fmt::format("{}: {}", figure, error.what()));
    }
    if (wrong > 0) {
      run_.notes.push_back(fmt::format("{}: {} of {} entries lost or wrong", figure, wrong,
                                       kSamples * seconds.size()));
    }
  }

  // In a process of its own: opens the store, gets one entry, and then looks at others, untimed.
  // A store that waits for ever (for the lock of one that was killed) is ended by SIGALRM.
  Run open_once(MakeAdapter make, std::uint64_t seed) {
    alarm(kPatience);
    Random random(seed);
    const std::unique_ptr<Adapter> adapter = make();
    const std::uint64_t first = random.below(shape().entries);
    const Stopwatch watch;
    adapter->open(dir_, shape());
    adapter->begin(Access::kRead);
    std::uint64_t wrong = is_right(*adapter, first) ? 0 : 1;
    Run run;
    run.add("seconds", watch.seconds());
    for (std::uint64_t sample = 1; sample < kSamples; ++sample) {
      wrong += is_right(*adapter, random.below(shape().entries)) ? 0 : 1;
    }
    adapter->end();
    adapter->close();
    run.add("wrong", static_cast<double>(wrong));
    return run;
  }

  // A process that puts values of the same size until it is killed.
  void kill_a_writer() {
    const SharedBoard<std::atomic<std::uint64_t>> puts;
    const pid_t pid = spawn([&] {
      const std::unique_ptr<Adapter> adapter = kind_.make();
      adapter->open(dir_, shape());
      adapter->begin(Access::kWrite);
      for (std::uint64_t version = 1;; ++version) {
        put(*adapter, random_.below(shape().entries), version);
        puts->fetch_add(1);
      }
    });
    int status = 0;
    while (puts->load() < std::min(kPutsBeforeKill, shape().entries) && !interrupted()) {
      if (waitpid(pid, &status, WNOHANG) == pid) {
        throw std::runtime_error("the process that was to be killed ended by itself");
      }
      usleep(200);
    }
    kill(pid, SIGKILL);
    if (waitpid(pid, &status, 0) != pid) {
      throw std::system_error(errno, std::generic_category(), "waitpid");
    }
    if (interrupted()) throw Interrupted();
  }

  Workload workload_;
  const StoreKind& kind_;
  const std::filesystem::path& dir_;
  Run& run_;
  Random random_;
  std::string key_;
  std::string value_;
};

Run measure_openings(const Shape& shape, const StoreKind& kind, const std::filesystem::path& dir) {
  Run run;
  fill_store(shape, kind, dir);
  Opener opener(shape, kind, dir, run);
  run.add("bytes/entry",
          static_cast<double>(allocated_bytes(dir)) / static_cast<double>(shape.entries));
  opener.time_normal();
  opener.time_after_kill();
  opener.time_after_power_cut();
  return run;
}

}  // namespace

Experiment measure_opening(Plan plan) {
  plan.kinds = {{"bytes/entry", Unit::kBytes, false},
                {"open", Unit::kSeconds, false},
                {"open after kill -9", Unit::kSeconds, false},
                {"open after power cut", Unit::kSeconds, false}};
  plan.needs_file = true;
  return run_rounds(plan, [&](const StoreKind& kind, const std::filesystem::path& dir) {
    return measure_openings(plan.shape, kind, dir);
  });
}

}  // namespace hmap::bench
