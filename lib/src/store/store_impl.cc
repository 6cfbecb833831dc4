// Following from one store to the next.
#include "store/store_impl.h"

#include <chrono>
#include <thread>
#include <utility>

#include "life/open.h"
#include "system/file.h"

namespace hmap {
namespace {

constexpr std::chrono::milliseconds kPatience{1'000};
constexpr std::chrono::microseconds kPause{100};

}  // namespace

// Absolute, because the process may change its directory.
Store::Impl::Impl(std::shared_ptr<Handle> handle, const std::string& path)
    : path_(absolute_path(path)), current_(handle.get()), owner_(std::move(handle)) {}

Status Store::Impl::usable() const {
  const InCall inside;
  return now().usable();
}

bool Store::Impl::writable() const {
  const InCall inside;
  return now().writable();
}

Status Store::Impl::close() { return owner_->close(); }

void Store::Impl::retire() noexcept { owner_->retire(); }

Status Store::Impl::follow(const std::shared_ptr<Handle>& replaced) {
  const std::lock_guard lock(mutex_);
  if (owner_ != replaced) return {};
  const Options options = owner_->options_to_follow();
  const auto start = std::chrono::steady_clock::now();
  Result<std::unique_ptr<Session>> session = open_session(path_, options);
  while (session ? (*session)->identity == owner_->identity()
                 : session.error().code() == Code::kLockedExclusively) {
    // In the middle of a rename the old file has lost its link, and its name still leads to it: a
    // moment in the kernel. Or it was opened by a way that always will (/proc/PID/fd). And of a
    // publisher that died behind its rename the kernel takes one lock after the other away.
    if (std::chrono::steady_clock::now() - start > kPatience)
      return session ? Engine::replaced() : session.error();
    std::this_thread::sleep_for(kPause);
    session = open_session(path_, options);
  }
  if (!session) return session.error();
  Result<std::shared_ptr<Handle>> handle = Handle::make(*std::move(session), options);
  if (!handle) return handle.error();
  // Before calls can find the new one: the old one must not go under the feet of the others.
  retired_.make_room();
  current_.store(handle->get(), std::memory_order_release);
  // Never null: a child forked in this moment destroys its copy.
  owner_.swap(*handle);
  retired_.add(*std::move(handle));
  return {};
}

}  // namespace hmap
