#include "measures/work.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <memory>
#include <stdexcept>
#include <system_error>

#include "base/board.h"
#include "base/child.h"
#include "base/timing.h"

namespace hmap::bench {
namespace {

// Where the traced process says which put it is in; 0: in none.
using CurrentPut = std::atomic<std::uint64_t>;

void require(bool good, const char* what) {
  if (!good) throw std::system_error(errno, std::generic_category(), what);
}

// The traced process.
void fill(const Shape& shape, const StoreKind& kind, const std::filesystem::path& dir,
          CurrentPut& current) {
  const Workload workload(shape);
  const std::unique_ptr<Adapter> adapter = kind.make();
  adapter->open(dir, shape);
  adapter->begin(Access::kWrite);
  require(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0, "ptrace");
  raise(SIGSTOP);  // Until the tracer is ready.
  std::string key;
  std::string value;
  repeat(shape.entries, [&](std::uint64_t index) {
    workload.key(index, key);
    workload.value(key, 0, value);
    current.store(index + 1);
    adapter->put(key, value);
    current.store(0);
  });
  adapter->end();
  adapter->close();
}

struct Calls {
  std::uint64_t all = 0;
  std::uint64_t most = 0;      // Of one put.
  std::uint64_t worst = 0;     // The put with the most.
  std::uint64_t with_any = 0;  // Puts with at least one.
};

// Follows the process to its end.
Calls trace(pid_t pid, const CurrentPut& current) {
  int status = 0;
  require(waitpid(pid, &status, 0) == pid, "waitpid");
  if (!WIFSTOPPED(status)) throw std::runtime_error("the traced process ended early");
  const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
  require(ptrace(PTRACE_SETOPTIONS, pid, nullptr, options) == 0, "ptrace");
  Calls calls;
  std::uint64_t put = 0;
  std::uint64_t of_this_put = 0;
  bool entering = false;
  long signal = 0;
  for (;;) {
    if (interrupted()) throw Interrupted();
    require(ptrace(PTRACE_SYSCALL, pid, nullptr, signal) == 0, "ptrace");
    require(waitpid(pid, &status, 0) == pid, "waitpid");
    if (!WIFSTOPPED(status)) break;
    const bool is_call = WSTOPSIG(status) == (SIGTRAP | 0x80);
    signal = is_call ? 0 : WSTOPSIG(status);
    if (!is_call) continue;
    entering = !entering;
    const std::uint64_t now = current.load();
    if (!entering || now == 0) continue;
    of_this_put = now == put ? of_this_put + 1 : 1;
    put = now;
    calls.all += 1;
    calls.with_any += of_this_put == 1 ? 1 : 0;
    if (of_this_put > calls.most) {
      calls.most = of_this_put;
      calls.worst = put;
    }
  }
  if (status != 0) throw std::runtime_error("the traced process failed");
  return calls;
}

Run run_store(const Shape& shape, const StoreKind& kind, const std::filesystem::path& dir) {
  const SharedBoard<CurrentPut> current;
  const pid_t pid = spawn([&] { fill(shape, kind, dir, *current); });
  const Calls calls = trace(pid, *current);
  const auto puts = static_cast<double>(shape.entries);
  Run run;
  run.add("calls, max", static_cast<double>(calls.most));
  run.add("calls, mean", static_cast<double>(calls.all) / puts);
  run.add("puts with any", static_cast<double>(calls.with_any) / puts);
  run.notes.push_back(fmt::format("the put with the most was number {}", calls.worst));
  return run;
}

}  // namespace

Experiment measure_work(Plan plan) {
  plan.kinds = {{"calls, max", Unit::kNumber, std::nullopt},
                {"calls, mean", Unit::kNumber, std::nullopt},
                {"puts with any", Unit::kNumber, std::nullopt}};
  return run_rounds(plan, [&](const StoreKind& kind, const std::filesystem::path& dir) {
    return run_store(plan.shape, kind, dir);
  });
}

}  // namespace hmap::bench
