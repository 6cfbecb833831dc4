// Waiting for calls to end.
#include "store/retired.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "system/calls.h"
#include "system/process.h"
#include "system/thread.h"

namespace hmap {
namespace {

using std::chrono::milliseconds;

// A call takes microseconds as a rule, but verify() may take an hour.
constexpr milliseconds kFirstLook{1};
constexpr milliseconds kLastLook{1'000};

}  // namespace

// The thread, and what it shares with those who bring handles.
class Retired::Waiter {
 public:
  Waiter() = default;
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;
  ~Waiter();

  void make_room();
  void add(std::shared_ptr<Handle> handle) noexcept;
  [[nodiscard]] bool is_of_this_process() const { return process_life() == life_; }

 private:
  struct Waiting {
    std::shared_ptr<Handle> handle;
    Grace grace;
  };
  void run();
  std::shared_ptr<Handle> take_unused();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Waiting> waiting_;
  bool running_ = false;
  bool added_ = false;  // since run() looked
  bool stop_ = false;
  std::thread thread_;
  const std::uint64_t life_ = process_life();
};

Retired::Waiter::~Waiter() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Retired::Waiter::make_room() {
  const std::lock_guard lock(mutex_);
  waiting_.reserve(waiting_.size() + 1);
}

void Retired::Waiter::add(std::shared_ptr<Handle> handle) noexcept {
  const std::lock_guard lock(mutex_);
  waiting_.push_back({std::move(handle), Grace()});
  if (running_) {
    // It may be in a long pause for an old call's sake. The new handle goes in a moment, as a rule,
    // and each holds a window of address space.
    added_ = true;
    wake_.notify_one();
    return;
  }
  if (thread_.joinable()) thread_.join();
  try {
    thread_ = start_thread("hmap-retired", [this] { run(); });
    running_ = true;
  } catch (const std::exception&) {
    // No more threads, or no memory for one: they go with the store, or with the next one to be
    // replaced.
  }
}

// A handle that nobody can be using any more; null: there is none.
std::shared_ptr<Handle> Retired::Waiter::take_unused() {
  const auto at = std::find_if(waiting_.begin(), waiting_.end(),
                               [](Waiting& waiting) { return waiting.grace.over(); });
  if (at == waiting_.end()) return nullptr;
  std::shared_ptr<Handle> unused = std::move(at->handle);
  waiting_.erase(at);
  return unused;
}

void Retired::Waiter::run() {
  milliseconds pause = kFirstLook;
  std::unique_lock lock(mutex_);
  while (!stop_ && !waiting_.empty()) {
    if (std::exchange(added_, false)) pause = kFirstLook;
    // One at a time, without memory of its own: a thread that is refused some has nobody to tell.
    while (std::shared_ptr<Handle> unused = take_unused()) {
      lock.unlock();
      unused.reset();
      lock.lock();
    }
    wake_.wait_for(lock, pause, [this] { return stop_ || added_ || waiting_.empty(); });
    pause = std::min(2 * pause, kLastLook);
  }
  running_ = false;
}

Retired::Retired() = default;

Retired::~Retired() {
  // A forked child has no such thread, which may have been anywhere: whoever destroys a condition
  // variable waits for those who sleep on it. All of it is given up, as by ~Handle().
  if (waiter_ != nullptr && !waiter_->is_of_this_process()) static_cast<void>(waiter_.release());
}

void Retired::make_room() {
  if (waiter_ == nullptr) waiter_ = std::make_unique<Waiter>();
  waiter_->make_room();
}

void Retired::add(std::shared_ptr<Handle> handle) noexcept { waiter_->add(std::move(handle)); }

}  // namespace hmap
