#include "measures/processes.h"

#include <fmt/format.h>

#include <memory>
#include <stdexcept>

#include "base/random.h"
#include "base/statistics.h"
#include "measures/crew.h"
#include "measures/fill.h"

namespace hmap::bench {
namespace {

constexpr int kTurns = 5;
constexpr int kStride = 256;

// So many processes of each sort, on so many stores of the same content.
struct Scene {
  std::size_t writers;
  std::size_t readers;
  std::size_t stores;
};

std::filesystem::path store_dir(const std::filesystem::path& dir, std::size_t number) {
  return dir / std::to_string(number);
}

class Member final : public Worker {
 public:
  Member(const Shape& shape, const StoreKind& kind, const std::filesystem::path& dir,
         std::size_t id, bool writes)
      : workload_(shape),
        adapter_(kind.make()),
        random_(shape.seed + 1000 + id),
        // No two values that are ever put are the same.
        version_(std::uint64_t{id + 1} << 40),
        writes_(writes) {
    adapter_->open(dir, shape);
  }

  void begin() override { adapter_->begin(writes_ ? Access::kWrite : Access::kRead); }

  void step() override {
    workload_.key(random_.below(workload_.shape().entries), key_);
    if (writes_) {
      workload_.value(key_, ++version_, value_);
      adapter_->put(key_, value_);
    } else if (!adapter_->get(key_, value_) || !workload_.version_of(key_, value_)) {
      throw std::runtime_error("a reader got a value that was never put under its key");
    }
  }

  void end() override { adapter_->end(); }

  void close() override { adapter_->close(); }

 private:
  Workload workload_;
  std::unique_ptr<Adapter> adapter_;
  Random random_;
  std::uint64_t version_;
  bool writes_;
  std::string key_;
  std::string value_;
};

struct Rates {
  double written = 0;
  double read = 0;
};

Rates play(const Scene& scene, const Shape& shape, const StoreKind& kind,
           const std::filesystem::path& dir, double seconds) {
  const auto rates =
      run_crew({.count = scene.writers + scene.readers,
                .seconds = seconds / kTurns,
                .stride = kStride,
                .pinned = true},
               [&](std::size_t id) {
                 return std::make_unique<Member>(shape, kind, store_dir(dir, id % scene.stores), id,
                                                 id < scene.writers);
               });
  Rates sum;
  for (std::size_t id = 0; id < rates.size(); ++id) {
    (id < scene.writers ? sum.written : sum.read) += rates[id];
  }
  return sum;
}

// The figures of all turns, by name.
class Turns {
 public:
  void add(const std::string& figure, double value) {
    for (auto& [name, values] : figures_) {
      if (name == figure) return values.push_back(value);
    }
    figures_.push_back({figure, {value}});
  }
  void report(Run& run) const {
    for (const auto& [name, values] : figures_) run.add(name, median(values));
  }

 private:
  std::vector<std::pair<std::string, std::vector<double>>> figures_;
};

std::string crowd_name(const Crowd& crowd, const char* who) {
  return fmt::format("{} of {} writers, {} readers", who, crowd.writers, crowd.readers);
}

Run run_store(const Shape& shape, double seconds, const Crowd& crowd, const StoreKind& kind,
              const std::filesystem::path& dir) {
  for (const std::size_t number : {0U, 1U}) {
    std::filesystem::create_directories(store_dir(dir, number));
    fill_store(shape, kind, store_dir(dir, number));
  }
  const auto now = [&](const Scene& scene) { return play(scene, shape, kind, dir, seconds); };
  Turns turns;
  for (int turn = 0; turn < kTurns; ++turn) {
    const double apart = now({0, 2, 2}).read;
    const double together = now({0, 2, 1}).read;
    const double alone = now({0, 1, 1}).read;
    const Rates beside = now({1, 1, 1});
    turns.add("2 readers, 2 stores", apart);
    turns.add("2 readers, 1 store", together);
    turns.add("one store over two", together / apart);
    turns.add("1 reader", alone);
    turns.add("1 reader beside a writer", beside.read);
    turns.add("kept beside a writer", beside.read / alone);
    turns.add("1 writer beside a reader", beside.written);
    turns.add("2 writers", now({2, 0, 1}).written);
    if (crowd.writers + crowd.readers == 0) continue;
    const Rates many = now({crowd.writers, crowd.readers, 1});
    turns.add(crowd_name(crowd, "puts"), many.written);
    turns.add(crowd_name(crowd, "gets"), many.read);
  }
  Run run;
  turns.report(run);
  return run;
}

}  // namespace

Experiment measure_processes(Plan plan, double seconds, Crowd crowd) {
  plan.kinds = {{"2 readers, 2 stores", Unit::kRate, true},
                {"2 readers, 1 store", Unit::kRate, true},
                {"one store over two", Unit::kNumber, std::nullopt},
                {"1 reader", Unit::kRate, true},
                {"1 reader beside a writer", Unit::kRate, true},
                {"kept beside a writer", Unit::kNumber, std::nullopt},
                {"1 writer beside a reader", Unit::kRate, true},
                {"2 writers", Unit::kRate, true}};
  if (crowd.writers + crowd.readers > 0) {
    plan.kinds.push_back({crowd_name(crowd, "puts"), Unit::kRate, true});
    plan.kinds.push_back({crowd_name(crowd, "gets"), Unit::kRate, true});
  }
  plan.needs_processes = true;
  return run_rounds(plan, [&](const StoreKind& kind, const std::filesystem::path& dir) {
    return run_store(plan.shape, seconds, crowd, kind, dir);
  });
}

}  // namespace hmap::bench
