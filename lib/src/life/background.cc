// The checkpointer's thread.
#include "life/background.h"

#include <algorithm>

#include "life/checkpoint.h"
#include "state/guarded.h"
#include "state/surplus.h"
#include "system/thread.h"

namespace hmap {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kIdleLook{60};
// Longer intervals are as good as that, and no sum of times overflows.
constexpr std::chrono::hours kLongestInterval{24 * 365};
// What a checkpoint waits for a stopped writer before it is put off to the next interval.
constexpr milliseconds kBusyPatience{50};

// Whether the next attempt may be better without another write. kIoError: a flush that failed has
// poisoned the store, which the next attempt finds; a page that cannot be reached may come back.
// kSystem: no memory.
bool may_pass(Code code) {
  return code == Code::kBusy || code == Code::kNoSpace || code == Code::kIoError ||
         code == Code::kSystem;
}

}  // namespace

Background::Background(Engine& engine, milliseconds interval, u64 dirty_bytes)
    : engine_(engine),
      interval_(std::min<milliseconds>(interval, kLongestInterval)),
      dirty_bytes_per_shard_(std::max<u64>(1, dirty_bytes >> engine.layout.shard_bits)) {
  thread_ = start_thread("hmap-checkpoint", [this] { run(); });
}

Background::~Background() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Background::arm() {
  {
    const std::lock_guard lock(mutex_);
    armed_ = true;
  }
  wake_.notify_one();
}

void Background::hurry() {
  if (hurried_.exchange(true)) return;
  { const std::lock_guard lock(mutex_); }
  wake_.notify_one();
}

template <typename Fn>
auto Background::attempt(Fn&& fn) const -> decltype(fn()) {
  return run_to_an_answer(engine_.guarded, "no memory for what is done in the background", fn);
}

bool Background::has_changed() const {
  const Result<bool> changed =
      attempt([&]() -> Result<bool> { return changed_since_checkpoint(engine_); });
  return changed && *changed;
}

// Not longer than until the next checkpoint is due; what is left then is left to that.
void Background::punch(std::unique_lock<std::mutex>& lock, Surplus surplus) {
  const auto end = std::chrono::steady_clock::now() + interval_;
  for (bool more = true; more && !stop_ && !hurried_;) {
    lock.unlock();
    const Result<bool> left = attempt([&] { return punch_surplus(engine_, surplus); });
    more = left && *left && std::chrono::steady_clock::now() < end;
    lock.lock();
  }
}

void Background::run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    wake_.wait_for(lock, kIdleLook, [this] { return stop_ || armed_; });
    if (stop_) return;
    if (!armed_ && !has_changed()) {
      punch(lock, Surplus::kUnused);
      continue;
    }
    wake_.wait_for(lock, interval_, [this] { return stop_ || hurried_; });
    if (stop_) return;
    // Before the cut, so that a write after it arms the thread again.
    armed_ = false;
    lock.unlock();
    const Status status = attempt([&] { return checkpoint(engine_, kBusyPatience); });
    lock.lock();
    hurried_ = false;
    if (status.ok()) punch(lock, Surplus::kUnwanted);
    if (may_pass(status.code())) armed_ = true;
    // After any other failure the store is poisoned or damaged; the next write or sync() says so.
  }
}

}  // namespace hmap
