#include "history.h"

#include "seeds.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kKeys = 150;  // of a writer: overwritten and erased again and again

Random dice_of(const Plan& plan, std::uint32_t writer, std::uint64_t number) {
  return Random(mix(plan.seed ^ mix(writer * std::uint64_t{1'000'003} + number)));
}

// Follows which of the state's checkpoints, taken by the library in the background, are durable.
// Cut c has at least everything that was done when the epoch was still c or less.
class Watcher {
 public:
  Watcher(const Store& store, const BlockDevice& device, std::uint32_t writer)
      : store_(store), device_(device), writer_(writer) {}

  Status look(std::uint64_t done) {
    const Result<Stats> stats = store_.stats();
    if (!stats) return stats.error();
    before_[stats->epoch] = done;
    if (stats->durable_epoch == durable_) return {};
    durable_ = stats->durable_epoch;
    // The last look at which the cut had not been taken yet.
    auto at = before_.upper_bound(durable_);
    if (at == before_.begin()) return {};
    device_.mark(EventKind::kDurable, writer_, std::prev(at)->second);
    return {};
  }

 private:
  const Store& store_;
  const BlockDevice& device_;
  std::uint32_t writer_;
  std::uint64_t durable_ = 0;
  std::map<std::uint64_t, std::uint64_t> before_;  // epoch: what was done at the last look in it
};

}  // namespace

Operation operation(const Plan& plan, std::uint32_t writer, std::uint64_t number) {
  Random dice = dice_of(plan, writer, number);
  Operation step;
  if (plan.checkpoint_one_in != 0 && dice.one_in(plan.checkpoint_one_in)) {
    step.kind = Operation::Kind::kCheckpoint;
    return step;
  }
  step.key = std::to_string(writer) + ":key " + std::to_string(dice.below(kKeys));
  if (dice.one_in(4)) {
    step.kind = Operation::Kind::kErase;
    return step;
  }
  std::uint64_t bytes = dice.below(300);
  if (dice.one_in(12)) bytes = dice.below(6'000);
  if (dice.one_in(40)) bytes = 10'000 + dice.below(60'000);  // a record of its own
  step.value = value_of(dice.next(), bytes);
  return step;
}

Status perform(Store& store, const Operation& step) {
  switch (step.kind) {
    case Operation::Kind::kPut:
      return store.put(step.key, step.value);
    case Operation::Kind::kErase:
      return store.erase(step.key).error();
    default:
      return store.checkpoint();
  }
}

std::uint64_t digest_of(std::string_view key, std::string_view value) {
  std::uint64_t digest = 0xcbf29ce484222325;
  for (const std::string_view part : {key, value}) {
    for (const char c : part) digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    digest = mix(digest ^ part.size());
  }
  return digest;
}

std::vector<std::uint64_t> digests(const Plan& plan, std::uint32_t writer,
                                   std::uint64_t operations) {
  std::map<std::string, std::uint64_t> model;
  std::uint64_t sum = 0;
  std::vector<std::uint64_t> all{0};
  for (std::uint64_t number = 1; number <= operations; ++number) {
    const Operation step = operation(plan, writer, number);
    if (step.kind != Operation::Kind::kCheckpoint) {
      if (const auto old = model.find(step.key); old != model.end()) {
        sum -= old->second;
        model.erase(old);
      }
    }
    if (step.kind == Operation::Kind::kPut) {
      sum += model[step.key] = digest_of(step.key, step.value);
    }
    all.push_back(sum);
  }
  return all;
}

std::uint32_t writer_of(std::string_view key) {
  std::uint32_t writer = 0;
  for (const char c : key.substr(0, key.find(':')))
    writer = writer * 10 + static_cast<std::uint32_t>(c - '0');
  return writer;
}

Status live(const Plan& plan, std::uint32_t writer, const std::string& path,
            const BlockDevice& device, std::uint64_t& done) {
  done = 0;
  Result<Store> store = Store::open(path, plan.options);
  if (!store) return store.error();
  device.mark(EventKind::kDurable, writer, 0);  // the store itself is, with its name
  const bool commits = plan.options.durability == Durability::kCommit;
  const bool watches = plan.options.durability == Durability::kCheckpoint;
  Watcher watcher(*store, device, writer);
  for (std::uint64_t number = 1; number <= plan.operations; ++number) {
    const Operation step = operation(plan, writer, number);
    const bool checkpoints = step.kind == Operation::Kind::kCheckpoint;
    if (checkpoints) device.mark(EventKind::kStarted, writer, number);
    if (Status s = perform(*store, step); !s.ok()) return s;
    done = number;
    device.mark(EventKind::kDone, writer, number);
    if (commits || checkpoints) device.mark(EventKind::kDurable, writer, number);
    if (!watches) continue;
    if (Status s = watcher.look(number); !s.ok()) return s;
  }
  device.mark(EventKind::kStarted, writer, plan.operations);
  if (Status s = store->close(); !s.ok()) return s;
  // The last one to close leaves a checkpoint; others may still be at it.
  if (plan.writers == 1) device.mark(EventKind::kDurable, writer, plan.operations);
  return {};
}

Result<Found> look(const Store& store, std::uint32_t writers) {
  Found found;
  found.digests.resize(writers);
  Result<Cursor> cursor = store.cursor();
  if (!cursor) return cursor.error();
  for (;;) {
    const Result<std::optional<Entry>> entry = cursor->next();
    if (!entry) return entry.error();
    if (!entry->has_value()) return found;
    ++found.entries;
    const std::uint32_t writer = writer_of((*entry)->key);
    if (writer < writers) found.digests[writer] += digest_of((*entry)->key, (*entry)->value);
  }
}

}  // namespace hmap::test
