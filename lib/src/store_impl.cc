// Following from one store to the next.
#include "store_impl.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "open.h"

namespace hmap {
namespace {

// The process may change its directory.
std::string absolute(const std::string& path) {
  std::error_code error;
  const std::filesystem::path whole = std::filesystem::absolute(path, error);
  return error ? path : whole.string();
}

}  // namespace

Store::Impl::Impl(std::shared_ptr<Handle> handle, const std::string& path)
    : path_(absolute(path)), current_(handle.get()), owner_(std::move(handle)) {}

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

Status Store::Impl::follow(const Handle* replaced) {
  const std::lock_guard lock(mutex_);
  if (owner_.get() != replaced) return {};
  const Options options = owner_->options_to_follow();
  Result<std::unique_ptr<Session>> session = open_session(path_, options);
  if (!session) return session.error();
  // A file without a name that was opened all the same: there is nothing else to go to.
  if ((*session)->identity == owner_->identity()) return Engine::replaced();
  auto handle = std::make_shared<Handle>(*std::move(session), options);
  current_.store(handle.get(), std::memory_order_release);
  retired_.add(std::exchange(owner_, std::move(handle)));
  return {};
}

}  // namespace hmap
