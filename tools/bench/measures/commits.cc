#include "measures/commits.h"

#include <memory>
#include <numeric>

#include "measures/crew.h"

namespace hmap::bench {
namespace {

constexpr std::size_t kManyProcesses = 8;

// Puts values of the same size under the keys of its own, one after the other.
class Committer final : public Worker {
 public:
  Committer(const Shape& shape, const StoreKind& kind, const std::filesystem::path& dir,
            std::size_t id)
      : workload_(shape), adapter_(kind.make()), first_(std::uint64_t{id} << 32) {
    adapter_->open(dir, shape);
  }

  void begin() override { adapter_->begin(Access::kWrite); }

  void step() override {
    workload_.key(first_ + count_ % workload_.shape().entries, key_);
    workload_.value(key_, count_++, value_);
    adapter_->put(key_, value_);
  }

  void end() override { adapter_->end(); }

  void close() override { adapter_->close(); }

 private:
  Workload workload_;
  std::unique_ptr<Adapter> adapter_;
  std::uint64_t first_;  // Index of its first key.
  std::uint64_t count_ = 0;
  std::string key_;
  std::string value_;
};

// All processes together, in puts a second.
double rate(const Shape& shape, const StoreKind& kind, const std::filesystem::path& dir,
            std::size_t processes, double seconds) {
  const auto rates =
      run_crew({.count = processes, .seconds = seconds, .stride = 1},
               [&](std::size_t id) { return std::make_unique<Committer>(shape, kind, dir, id); });
  return std::accumulate(rates.begin(), rates.end(), 0.0);
}

Run run_store(const Shape& shape, double seconds, const StoreKind& kind,
              const std::filesystem::path& dir) {
  // Open for as long as the processes are, so that none of them is the first or the last one.
  const std::unique_ptr<Adapter> keeper = kind.shared ? kind.make() : nullptr;
  if (keeper) keeper->open(dir, shape);
  Run run;
  run.add("1 process", rate(shape, kind, dir, 1, seconds));
  if (kind.shared) run.add("8 processes", rate(shape, kind, dir, kManyProcesses, seconds));
  if (keeper) keeper->close();
  return run;
}

}  // namespace

Experiment measure_commits(Plan plan, double seconds) {
  plan.kinds = {{"1 process", Unit::kRate, true}, {"8 processes", Unit::kRate, true}};
  plan.durable = true;
  return run_rounds(plan, [&](const StoreKind& kind, const std::filesystem::path& dir) {
    return run_store(plan.shape, seconds, kind, dir);
  });
}

}  // namespace hmap::bench
