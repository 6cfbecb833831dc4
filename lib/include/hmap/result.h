// Result<T>: a value, or the Status that says why there is none.
#ifndef HMAP_RESULT_H_
#define HMAP_RESULT_H_

#include <optional>
#include <type_traits>
#include <utility>

#include "hmap/status.h"

namespace hmap {

// Either a T or a failed Status. The member names are those of C++23's std::expected, so that a
// later move is a typedef. Thread safety: that of T.
template <typename T>
class [[nodiscard]] Result {
  // Numbers, pointers and the like need no room to be absent in: the Status says whether there is
  // one. Results of the inner calls of a get are then as cheap as what they hold.
  static constexpr bool kPlain = std::is_scalar_v<T>;

 public:
  // Success. Implicit, so that a function returning Result<T> can return a T.
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  // Failure. `status` must not be ok(). Implicit for the same reason.
  Result(Status status) noexcept
      : value_(), status_(status) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const noexcept {
    if constexpr (kPlain) {
      return status_.ok();
    } else {
      return value_.has_value();
    }
  }
  explicit operator bool() const noexcept { return has_value(); }

  // The Status: ok() if there is a value.
  [[nodiscard]] Status error() const noexcept { return status_; }

  // The value; without one, undefined. Check has_value() first.
  T& operator*() & noexcept { return get(value_); }
  const T& operator*() const& noexcept { return get(value_); }
  T&& operator*() && noexcept { return std::move(get(value_)); }
  T* operator->() noexcept { return &get(value_); }
  const T* operator->() const noexcept { return &get(value_); }

  // The value; without one, throws hmap::Error with the Status.
  T& value() & {
    require();
    return get(value_);
  }
  const T& value() const& {
    require();
    return get(value_);
  }
  // By value, so that `for (auto& x : store.stats().value().shards)` is safe.
  T value() && {
    require();
    return std::move(get(value_));
  }

 private:
  using Held = std::conditional_t<kPlain, T, std::optional<T>>;
  template <typename H>
  static auto& get(H& held) noexcept {
    if constexpr (kPlain) {
      return held;
    } else {
      return *held;
    }
  }
  void require() const {
    if (!has_value()) throw Error(status_);
  }

  Held value_;
  Status status_;
};

}  // namespace hmap

#endif  // HMAP_RESULT_H_
