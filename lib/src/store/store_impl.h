// The inside of a Store: the handle on the store that bears the path, followed from one store to
// the next when publish() puts another one there.
#ifndef HMAP_SRC_STORE_STORE_IMPL_H_
#define HMAP_SRC_STORE_STORE_IMPL_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <string>

#include "map/quick_find.h"
#include "store/handle.h"
#include "store/retired.h"
#include "system/calls.h"

namespace hmap {

class Store::Impl {
 public:
  Impl(std::shared_ptr<Handle> handle, const std::string& path);

  // Runs a call: fn(Handle&) -> Result<T> or Status. When the store was replaced before it began it
  // runs on the one that is in its place, and when it says kReplaced it runs there once more. The
  // handle lives as long as fn runs; who keeps it longer takes handle.shared_from_this().
  template <typename Fn>
  auto run(Fn&& fn) -> decltype(fn(std::declval<Handle&>())) {
    for (;;) {
      std::shared_ptr<Handle> replaced;
      {
        const InCall inside;
        Handle& handle = now();
        if (!handle.is_replaced()) [[likely]] {
          auto result = fn(handle);
          if (!says_replaced(result)) [[likely]]
            return result;
        }
        if (Status s = handle.usable(); !s.ok()) return s;
        replaced = handle.shared_from_this();
      }
      if (Status s = follow(replaced); !s.ok()) return s;
    }
  }

  // The same of a read: fn(const Engine&) or fn(const Session&), as Handle::read() and
  // read_session() run it. It never says kReplaced.
  template <typename Fn>
  [[gnu::always_inline]] auto read(Fn&& fn) -> decltype(fn(std::declval<const Engine&>())) {
    return read_session([&](const Session& session)
                            __attribute__((always_inline)) { return fn(session.engine); });
  }
  template <typename Fn>
  [[gnu::always_inline]] auto read_session(Fn&& fn)
      -> decltype(fn(std::declval<const Session&>())) {
    {
      const InCall inside;
      if (const Handle& handle = now(); !handle.is_replaced()) [[likely]]
        return handle.read_session(fn);
    }
    return run([&](Handle& handle) { return handle.read_with_care(fn); });
  }

  // What nearly every look-up takes: fn(const Engine&) -> Quick, or kUnsure where plain_engine()
  // has none. Whatever that cannot settle is then for read().
  template <typename Fn>
  [[gnu::always_inline]] Quick look_quickly(Fn&& fn) const {
    const InCall inside;
    const Engine* engine = now().plain_engine();
    return engine != nullptr ? fn(*engine) : Quick::kUnsure;
  }

  // kClosed, kForked, or ok.
  [[nodiscard]] Status usable() const;
  [[nodiscard]] bool writable() const;
  Status close();
  // Of a Store that goes: Handle::retire().
  void retire() noexcept;

 private:
  Handle& now() const { return *current_.load(std::memory_order_acquire); }

  static bool says_replaced(const Status& status) { return status.code() == Code::kReplaced; }
  template <typename T>
  static bool says_replaced(const Result<T>& result) {
    return !result && result.error().code() == Code::kReplaced;
  }

  // Opens the store that bears the path now, unless another thread has done so. Errors: those of
  // Store::open(); then the next call tries again. The caller keeps the handle: a new one must not
  // get its address meanwhile, or it would be taken for the one that was replaced.
  Status follow(const std::shared_ptr<Handle>& replaced);

  const std::string path_;  // absolute
  std::atomic<Handle*> current_;
  std::mutex mutex_;               // of those who follow
  std::shared_ptr<Handle> owner_;  // of `current_`
  Retired retired_;
};

}  // namespace hmap

#endif  // HMAP_SRC_STORE_STORE_IMPL_H_
