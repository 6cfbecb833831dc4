// Calls under the SIGBUS guard (Options::guard_sigbus), and what a fault in one leaves to others.
//
// A fault ends such a call where it is: no destructor of what it made runs. What it took of the
// heap is lost, a few vectors and strings as a rule; while a commit log is replayed, a descriptor.
// Its locks are left as the dead leave theirs. Anything else that must not stay behind belongs to
// the caller and not into the call: a mutex of this process, the OPEN byte, a Session.
#ifndef HMAP_SRC_STATE_GUARDED_H_
#define HMAP_SRC_STATE_GUARDED_H_

#include <cerrno>
#include <cstddef>
#include <exception>
#include <new>
#include <optional>

#include "hmap/result.h"
#include "hmap/status.h"
#include "state/engine.h"
#include "system/guard.h"

namespace hmap {

// Runs fn() -> Result<T> or Status; with the guard a fault makes kIoError of it. Nested calls are
// allowed: a fault ends the innermost one, and the others keep what they hold.
template <typename Fn>
auto run_guarded(bool guarded, Fn&& fn) -> decltype(fn()) {
  if (!guarded) [[likely]]
    return fn();
  using Answer = decltype(fn());
  std::optional<Answer> result;
  std::exception_ptr thrown;  // no exception leaves guard::run()
  auto call = [&] {
    try {
      result.emplace(fn());
    } catch (...) {
      thrown = std::current_exception();
    }
  };
  using Call = decltype(call);
  const std::size_t held_before = remembered_locks();
  if (guard::run([](void* opaque) { (*static_cast<Call*>(opaque))(); }, &call)) {
    if (thrown != nullptr) std::rethrow_exception(thrown);
    return *std::move(result);
  }
  abandon_locks_beyond(held_before);
  return Status(Code::kIoError, "a page of the store could not be read or written (SIGBUS)");
}

// The same for who must have an answer, be there memory or not, because something has happened
// that an exception would hide: kSystem with ENOMEM, where `what` says for what there was none.
template <typename Fn>
auto run_to_an_answer(bool guarded, const char* what, Fn&& fn) -> decltype(fn()) {
  try {
    return run_guarded(guarded, fn);
  } catch (const std::bad_alloc&) {
    return Status(Code::kSystem, what, 0, ENOMEM);
  }
}

}  // namespace hmap

#endif  // HMAP_SRC_STATE_GUARDED_H_
