#include "life.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "../compress/texts.h"
#include "life/open.h"
#include "system_calls.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kRandomSteps = 70;
constexpr std::uint64_t kKeys = 90;
// A record of more than two extents has extents of its own.
constexpr std::size_t kLargeBytes = 8192;

// Of any length below `most` that the store can have; text, which is worth compressing, where it
// compresses.
std::string random_value(const Options& options, Random& random, std::uint64_t most) {
  const std::uint64_t stamp = random.next();
  const std::uint64_t bytes = random.below(most);
  if (options.compression != Compression::kLz4 || random.one_in(4)) {
    return value_of(options.type, stamp, bytes);
  }
  return most > kLargeBytes ? long_text(stamp, bytes) : text_of(stamp);
}

Step random_batch(const Options& options, Random& random) {
  std::vector<Step> parts;
  for (std::uint64_t left = random.between(1, 12); left > 0; --left) {
    std::string key = key_of(options.type, random.below(kKeys));
    if (random.one_in(3)) {
      parts.push_back(erase_step(std::move(key)));
    } else {
      parts.push_back(put_step(std::move(key), random_value(options, random, 300)));
    }
  }
  return batch_step(std::move(parts));
}

// Puts, erasures, batches and clearings that grow a store to 16 buckets and more.
Step random_step(const Options& options, Random& random) {
  const std::uint64_t dice = random.below(1'000);
  if (dice < 12) return clear_step();
  if (dice < 30) return compact_step(random.between(1, 12));
  std::string key = key_of(options.type, random.below(kKeys));
  if (dice < 280) return erase_step(std::move(key));
  if (dice < 380) return random_batch(options, random);
  return put_step(std::move(key), random_value(options, random, dice < 930 ? 90 : 12'000));
}

}  // namespace

std::string new_store_image(const Options& options) {
  TempDir dir(TempDir::Where::kMemory);
  const Status status = create_store(dir.file("store"), options);
  if (!status.ok()) throw std::runtime_error("create_store: " + status.message());
  return read_file(dir.file("store"));
}

Layout layout_of(const std::string& image) {
  format::Superblock superblock;
  std::memcpy(&superblock, image.data(), sizeof superblock);
  return Layout::from(superblock).value();
}

Life::Life(const Plan& plan, const std::string& image, std::size_t model, Truth& truth, Seen& seen)
    : plan_(plan),
      random_(mix(plan.seed)),
      truth_(truth),
      seen_(seen),
      file_(image),
      recorder_(file_, layout_of(image), log_),
      model_(truth.models[model]) {
  recorder_.set_durable_model(model);
}

std::string Life::run() {
  fix_library_randomness(plan_.seed);
  fake_reboot(plan_.boot);
  try {
    open();
    if (plan_.scenario != nullptr) {
      play_scenario();
    } else {
      plan_random_steps();
    }
    perform_all();
    close();
  } catch (const std::exception& failure) {
    recorder_.stop();
    return failure.what();
  }
  recorder_.stop();
  learn_roots();
  return {};
}

void Life::plan_random_steps() {
  for (std::uint64_t i = 0; i < kRandomSteps; ++i) {
    steps_.push_back(random_step(plan_.options, random_));
  }
}

// The steps of process/scenarios.cc, with checkpoints before and between.
void Life::play_scenario() {
  const RawView raw(file_.path());
  KeySource keys(raw);
  const std::vector<Step> steps = plan_.scenario->prepare(*store_, keys);
  recorder_.settle();
  // Its root would count for one of the empty store.
  for (const LogEntry& entry : log_.entries) {
    if (entry.kind == LogEntry::Kind::kRootBegins)
      throw std::runtime_error("a scenario's preparation has made a checkpoint");
  }
  steps_.assign(steps.begin(), steps.end());
  model_ = contents(*store_);
  // Nobody writes meanwhile: the steps are too few to be used up here.
  if (!random_.one_in(4)) make_checkpoint(0);
}

void Life::perform_all() {
  while (!steps_.empty()) {
    perform_next();
    if (random_.one_in(steps_between_checkpoints())) make_checkpoint();
    if (random_.one_in(25)) {
      close();
      open();
      ++seen_.reopenings;
    } else if (random_.one_in(40)) {
      poison();
    }
  }
}

void Life::perform_next() {
  const Step step = std::move(steps_.front());
  steps_.pop_front();
  if (step.kind == Step::Kind::kCheckpoint) return make_checkpoint();
  if (step.kind == Step::Kind::kCompact) return compact(step);
  require(perform(*store_, step));
  perform(model_, step);
  if (step.kind == Step::Kind::kClear) ++seen_.clears;
  if (step.value.size() > kLargeBytes) ++seen_.large;
}

void Life::perform_next_if_it_writes() {
  if (steps_.empty() || steps_.front().kind == Step::Kind::kCheckpoint ||
      steps_.front().kind == Step::Kind::kCompact)
    return;
  perform_next();
  ++seen_.meanwhile;
}

// It changes no contents, and makes checkpoints of its own.
void Life::compact(const Step& step) {
  truth_.models.push_back(model_);
  recorder_.begin_checkpoint(truth_.models.size() - 1, nullptr);
  const Status status = perform(*store_, step);
  recorder_.end_checkpoint();
  require(status);
  ++seen_.compactions;
  if (store_->stats().value().shards[0].half_size_growth) ++seen_.growing_half_size;
}

void Life::make_checkpoint(int writes_meanwhile) {
  note_state();
  truth_.models.push_back(model_);
  int left = writes_meanwhile;
  recorder_.begin_checkpoint(truth_.models.size() - 1, [this, &left](seam::Event event) {
    const bool waiting = event == seam::Event::kFlush || event == seam::Event::kWriteRoot;
    if (left == 0 || !random_.one_in(waiting ? 2 : 12)) return;
    --left;
    try {
      perform_next_if_it_writes();
    } catch (const std::exception& failure) {
      failure_ = failure.what();  // the library's frames below throw nothing
    }
  });
  const Status status = store_->checkpoint();
  recorder_.end_checkpoint();
  if (!failure_.empty()) throw std::runtime_error(failure_);
  require(status);
}

// The power is to fail in the middle of growths, and those to the same size are rare.
std::uint64_t Life::steps_between_checkpoints() const {
  std::uint64_t steps = plan_.scenario != nullptr ? 3 : 9;
  const Stats stats = store_->stats().value();
  for (const Stats::Shard& shard : stats.shards) {
    if (shard.growing) steps = std::min<std::uint64_t>(steps, shard.same_size_growth ? 1 : 2);
  }
  return steps;
}

void Life::note_state() {
  ++seen_.checkpoints;
  const bool is_inline = has_fixed_keys(plan_.options.type);
  const Stats stats = store_->stats(StatsDepth::kChains).value();
  if (stats.overflow_buckets != 0) ++seen_.overflowing;
  if (stats.compressed_values != 0) ++seen_.compressed;
  if (is_inline) ++seen_.inline_slots;
  for (const Stats::Shard& shard : stats.shards) {
    if (!shard.growing) continue;
    ++(shard.same_size_growth ? seen_.growing_same_size : seen_.growing);
    if (is_inline) ++seen_.inline_slots_growing;
  }
}

// The flush of a root fails, which poisons the store: it closes without a checkpoint, and within
// the same boot the next opening finds the new root in the page cache, whatever the disk has.
void Life::poison() {
  truth_.models.push_back(model_);
  recorder_.begin_checkpoint(truth_.models.size() - 1, nullptr);
  fail_flushes_of_roots(true);
  const Status status = store_->checkpoint();
  fail_flushes_of_roots(false);
  recorder_.end_checkpoint();
  if (status.ok()) return;  // nothing had changed
  if (status.code() != Code::kIoError) throw std::runtime_error("not poisoned");
  if (store_->close().code() != Code::kPoisoned) throw std::runtime_error("no longer poisoned");
  recorder_.settle();
  store_.reset();
  open();
  ++seen_.poisonings;
}

void Life::open() {
  Options options = plan_.options;
  options.mode = Mode::kOpen;
  recorder_.begin_opening();
  Result<Store> store = Store::open(file_.path(), options);
  recorder_.end_checkpoint();
  require(store.error());
  store_.emplace(*std::move(store));
  model_ = truth_.models[recorder_.durable_model()];
  if (contents(*store_) != model_) throw std::runtime_error("opened with other contents");
}

void Life::close() {
  note_state();
  truth_.models.push_back(model_);
  recorder_.begin_checkpoint(truth_.models.size() - 1, nullptr);
  const Status status = store_->close();
  recorder_.end_checkpoint();
  store_.reset();
  require(status);
}

void Life::require(const Status& status) {
  if (!status.ok()) throw std::runtime_error("a call failed: " + status.message());
  recorder_.settle();
  if (const std::string where = recorder_.unannounced(); !where.empty()) {
    throw std::runtime_error(where);
  }
}

void Life::learn_roots() {
  for (const LogEntry& entry : log_.entries) {
    if (entry.kind != LogEntry::Kind::kRootBegins) continue;
    const std::string bytes = log_.data.substr(entry.data, entry.bytes);
    format::Root root;
    std::memcpy(&root, bytes.data(), sizeof root);
    // A life after a power cut may write the very bytes that one before wrote for other contents.
    truth_.roots.insert_or_assign(bytes, KnownRoot{root.generation, entry.model});
  }
}

}  // namespace hmap::test
