// The inside of a Store, for calls that are about one and are not its members.
#ifndef HMAP_SRC_STORE_STORE_ACCESS_H_
#define HMAP_SRC_STORE_STORE_ACCESS_H_

#include <utility>

#include "store/store_impl.h"

namespace hmap {

struct StoreAccess {
  // kClosed, kForked, or ok.
  static Status usable(const Store& store) { return store.usable(); }

  // fn(const Engine&) -> Quick, as Store::Impl::look_quickly() runs it.
  template <typename Fn>
  [[gnu::always_inline]] static Quick look_quickly(const Store& store, Fn&& fn) {
    return store.impl_ != nullptr ? store.impl_->look_quickly(fn) : Quick::kUnsure;
  }

  // fn(const Session&) -> Result<T>, as Handle::read_session() runs it.
  template <typename Fn>
  static auto read(const Store& store, Fn&& fn) -> decltype(fn(std::declval<const Session&>())) {
    if (store.impl_ == nullptr) [[unlikely]]
      return store.usable();
    return store.impl_->read_session(fn);
  }

  // fn(Session&) -> Status or Result<T>, as Handle::write() runs it: perhaps twice.
  template <typename Fn>
  static auto write(Store& store, Fn&& fn) -> decltype(fn(std::declval<Session&>())) {
    if (Status s = store.usable(); !s.ok()) return s;
    return store.impl_->run([&](Handle& handle) {
      return handle.write(0, [&](Engine&) { return fn(handle.session_to_write()); });
    });
  }

  // For work of many steps: stays with the store that is there now, and says kReplaced in the end.
  static Result<std::shared_ptr<Handle>> handle(const Store& store) {
    if (Status s = store.usable(); !s.ok()) return s;
    return store.impl_->run([](Handle& handle) -> Result<std::shared_ptr<Handle>> {
      if (Status s = handle.usable(); !s.ok()) return s;
      return handle.shared_from_this();
    });
  }
};

}  // namespace hmap

#endif  // HMAP_SRC_STORE_STORE_ACCESS_H_
