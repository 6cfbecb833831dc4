#include "processes.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <numeric>
#include <optional>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "hmap/store.h"
#include "report.h"
#include "scratch.h"
#include "timing.h"

namespace hmap::bench {
namespace {

constexpr std::size_t kProcessesMax = 255;
constexpr std::chrono::milliseconds kPoll{2};
constexpr std::chrono::seconds kShutdownLimit{60};

// Where the processes meet: one page or two of anonymous shared memory.
struct Board {
  struct alignas(64) Worker {
    std::uint64_t ops;
    double seconds;
  };
  std::atomic<int> ready;
  std::atomic<bool> go;
  std::atomic<bool> stop;
  Worker workers[kProcessesMax];  // Each written by its process at its end.
};
static_assert(std::atomic<int>::is_always_lock_free);

void require(const Status& status) {
  if (!status.ok()) throw std::runtime_error("hmap: " + status.message());
}

Store open_store(const std::filesystem::path& path, const Options& options) {
  Result<Store> store = Store::open(path.string(), options);
  if (!store) require(store.error());
  return *std::move(store);
}

// The part of a worker that does not depend on its role: wait, work until told to stop, report.
template <typename Op>
void work(Board& board, Board::Worker& mine, Op&& op) {
  constexpr int kStride = 256;
  for (int i = 0; i < kStride * 40; ++i) op();  // Warm up.
  board.ready.fetch_add(1);
  while (!board.go.load(std::memory_order_acquire)) std::this_thread::yield();
  const Stopwatch watch;
  std::uint64_t ops = 0;
  while (!board.stop.load(std::memory_order_relaxed)) {
    for (int i = 0; i < kStride; ++i) op();
    ops += kStride;
  }
  mine = {ops, watch.seconds()};
}

std::size_t count_of(const ProcessPlan& plan) noexcept {
  return static_cast<std::size_t>(plan.writers) + static_cast<std::size_t>(plan.readers);
}

// Random indexes below n.
class RandomIndexes {
 public:
  RandomIndexes(std::uint64_t n, std::uint64_t seed) noexcept : n_(n), state_(scramble(seed)) {}
  std::uint64_t next() noexcept {
    state_ = scramble(state_);
    return ((state_ >> 32) * n_) >> 32;
  }

 private:
  std::uint64_t n_;
  std::uint64_t state_;
};

void write_until_told(const ProcessPlan& plan, Store& store, Board& board, std::size_t id) {
  const Workload workload(plan.shape);
  RandomIndexes indexes(plan.shape.entries, plan.shape.seed + 1000 + id);
  std::string key;
  std::string value;
  std::uint64_t version = std::uint64_t{id + 1} << 48;  // No two values are the same.
  work(board, board.workers[id], [&] {
    workload.key(indexes.next(), key);
    workload.value(key, ++version, value);
    require(store.put(key, value));
  });
}

void read_until_told(const ProcessPlan& plan, const Store& store, Board& board, std::size_t id) {
  const Workload workload(plan.shape);
  RandomIndexes indexes(plan.shape.entries, plan.shape.seed + 1000 + id);
  std::string key;
  std::string value;
  work(board, board.workers[id], [&] {
    workload.key(indexes.next(), key);
    const Result<bool> found = store.get_into(key, value);
    if (!found.has_value()) require(found.error());
    if (!*found || !workload.version_of(key, value)) {
      throw std::runtime_error("a reader got a value that was never put under its key");
    }
  });
}

// The life of a child process; never returns.
[[noreturn]] void be_worker(const ProcessPlan& plan, const std::filesystem::path& path,
                            Board& board, std::size_t id) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGINT, SIG_IGN);  // The parent tells when to stop.
  int code = 0;
  try {
    Options options;
    options.mode = Mode::kOpen;
    Store store = open_store(path, options);
    if (id < static_cast<std::size_t>(plan.writers)) {
      write_until_told(plan, store, board, id);
    } else {
      read_until_told(plan, store, board, id);
    }
    require(store.close());
  } catch (const std::exception& error) {
    fmt::print(stderr, "process {}: {}\n", id, error.what());
    code = 1;
  }
  std::fflush(nullptr);
  _exit(code);
}

// The children of one run. Those still there at the end are killed.
class Crew {
 public:
  Crew() {
    void* const memory =
        mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    board_ = new (memory) Board{};
  }
  ~Crew() {
    for (const pid_t pid : pids_) {
      kill(pid, SIGKILL);
      waitpid(pid, nullptr, 0);
    }
    munmap(board_, sizeof(Board));
  }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  [[nodiscard]] Board& board() noexcept { return *board_; }

  void start(const ProcessPlan& plan, const std::filesystem::path& path, std::size_t count) {
    std::fflush(nullptr);
    for (std::size_t id = 0; id < count; ++id) {
      const pid_t pid = fork();
      if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
      if (pid == 0) be_worker(plan, path, *board_, id);
      pids_.push_back(pid);
    }
  }

  // Waits for those that have ended; throws if one of them failed.
  void reap() {
    for (std::size_t i = pids_.size(); i-- > 0;) {
      int status = 0;
      if (waitpid(pids_[i], &status, WNOHANG) != pids_[i]) continue;
      pids_.erase(pids_.begin() + static_cast<std::ptrdiff_t>(i));
      if (status != 0) throw std::runtime_error("a process failed");
    }
  }

  // Sleeps until `done()`, looking after the children; false if `limit` seconds passed before.
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

  [[nodiscard]] bool empty() const noexcept { return pids_.empty(); }

 private:
  Board* board_ = nullptr;
  std::vector<pid_t> pids_;
};

void fill(const ProcessPlan& plan, const std::filesystem::path& path, int shards) {
  Options options;
  options.mode = Mode::kCreate;
  if (shards > 0) options.shard_bits = std::countr_zero(static_cast<unsigned>(shards));
  Store store = open_store(path, options);
  const Workload workload(plan.shape);
  std::string key;
  std::string value;
  repeat(plan.shape.entries, [&](std::uint64_t index) {
    workload.key(index, key);
    workload.value(key, 0, value);
    require(store.put(key, value));
  });
  require(store.close());  // Before fork(), which would leave the children a dead handle.
}

ProcessRun run_once(const ProcessPlan& plan, int shards, int round) {
  const Scratch scratch(plan.dir, "processes");
  const std::filesystem::path path = scratch.path() / "store.hmap";
  fill(plan, path, shards);
  const auto count = count_of(plan);
  Crew crew;
  Board& board = crew.board();
  crew.start(plan, path, count);
  const double limit = std::chrono::duration<double>(kShutdownLimit).count();
  const auto all_ready = [&] { return board.ready.load() == static_cast<int>(count); };
  if (!crew.wait_for(limit, all_ready)) throw std::runtime_error("a process did not get ready");
  board.go.store(true, std::memory_order_release);
  crew.wait_for(plan.seconds, [] { return false; });
  board.stop.store(true);
  const auto all_gone = [&] { return crew.empty(); };
  if (!crew.wait_for(limit, all_gone)) throw std::runtime_error("a process did not stop");

  ProcessRun run{.shards = shards, .round = round, .writer_rates = {}, .reader_rates = {}};
  for (std::size_t id = 0; id < count; ++id) {
    const Board::Worker& worker = board.workers[id];
    const bool writes = id < static_cast<std::size_t>(plan.writers);
    (writes ? run.writer_rates : run.reader_rates)
        .push_back(static_cast<double>(worker.ops) / worker.seconds);
  }
  return run;
}

double sum(const std::vector<double>& values) noexcept {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

}  // namespace

double ProcessRun::written() const noexcept { return sum(writer_rates); }
double ProcessRun::read() const noexcept { return sum(reader_rates); }

std::vector<ProcessRun> run_processes(const ProcessPlan& plan) {
  if (count_of(plan) > kProcessesMax) {
    throw std::runtime_error(fmt::format("at most {} processes", kProcessesMax));
  }
  std::vector<ProcessRun> runs;
  for (int round = 0; round < plan.repeat; ++round) {
    for (std::size_t i = 0; i < plan.shards.size(); ++i) {
      const std::size_t turn = (i + static_cast<std::size_t>(round)) % plan.shards.size();
      runs.push_back(run_once(plan, plan.shards[turn], round));
    }
  }
  return runs;
}

void print_processes(const ProcessPlan& plan, const std::vector<ProcessRun>& runs) {
  fmt::print(
      "\n{} writers and {} readers on one store of {} entries of {}+{} bytes, {} s, "
      "median of {} rounds\n",
      plan.writers, plan.readers, plan.shape.entries, plan.shape.key_bytes, plan.shape.value_bytes,
      plan.seconds, plan.repeat);
  fmt::print("{:>8}{:>16}{:>16}{:>16}{:>16}\n", "shards", "puts M/s", "a writer", "gets M/s",
             "a reader");
  for (const int shards : plan.shards) {
    std::vector<double> written;
    std::vector<double> read;
    for (const ProcessRun& run : runs) {
      if (run.shards != shards) continue;
      written.push_back(run.written() / 1e6);
      read.push_back(run.read() / 1e6);
    }
    const double puts = median(written);
    const double gets = median(read);
    fmt::print("{:>8}{:>16.3f}{:>16.3f}{:>16.3f}{:>16.3f}\n",
               shards == 0 ? std::string("default") : std::to_string(shards), puts,
               puts / std::max(plan.writers, 1), gets, gets / std::max(plan.readers, 1));
  }
}

nlohmann::json to_json(const ProcessPlan& plan, const std::vector<ProcessRun>& runs) {
  nlohmann::json rounds = nlohmann::json::array();
  for (const ProcessRun& run : runs) {
    rounds.push_back({{"shards", run.shards},
                      {"round", run.round + 1},
                      {"writer_ops_per_second", run.writer_rates},
                      {"reader_ops_per_second", run.reader_rates}});
  }
  return {{"entries", plan.shape.entries},
          {"key_bytes", plan.shape.key_bytes},
          {"value_bytes", plan.shape.value_bytes},
          {"seed", plan.shape.seed},
          {"writers", plan.writers},
          {"readers", plan.readers},
          {"seconds", plan.seconds},
          {"rounds", rounds}};
}

}  // namespace hmap::bench
