// Result<T>: a value, or the Status that says why there is none.
#ifndef HMAP_RESULT_H_
#define HMAP_RESULT_H_

#include <optional>
#include <utility>

#include "hmap/status.h"

namespace hmap {

// Either a T or a failed Status. The member names are those of C++23's std::expected, so that a
// later move is a typedef. Thread safety: that of T.
template <typename T>
class [[nodiscard]] Result {
 public:
  // Success. Implicit, so that a function returning Result<T> can return a T.
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  // Failure. `status` must not be ok(). Implicit for the same reason.
  Result(Status status) noexcept : status_(status) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept { return value_.has_value(); }
  explicit operator bool() const noexcept { return value_.has_value(); }

  // The Status: ok() if there is a value.
  [[nodiscard]] Status error() const noexcept { return status_; }

  // The value; without one, undefined. Check has_value() first.
  T& operator*() & noexcept { return *value_; }
  const T& operator*() const& noexcept { return *value_; }
  T&& operator*() && noexcept { return *std::move(value_); }
  T* operator->() noexcept { return &*value_; }
  const T* operator->() const noexcept { return &*value_; }

  // The value; without one, throws hmap::Error with the Status.
  T& value() & {
    require();
    return *value_;
  }
  const T& value() const& {
    require();
    return *value_;
  }
  // By value, so that `for (auto& x : store.stats().value().shards)` is safe.
  T value() && {
    require();
    return *std::move(value_);
  }

 private:
  void require() const {
    if (!value_.has_value()) throw Error(status_);
  }

  std::optional<T> value_;
  Status status_;
};

}  // namespace hmap

#endif  // HMAP_RESULT_H_
