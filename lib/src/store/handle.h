// What is behind a Store and its Cursors: the session, its checkpointer, and the checks every call
// begins with.
#ifndef HMAP_SRC_STORE_HANDLE_H_
#define HMAP_SRC_STORE_HANDLE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "hmap/store.h"
#include "life/ahead.h"
#include "life/background.h"
#include "life/open.h"
#include "life/snapshots.h"
#include "map/find.h"
#include "state/guarded.h"
#include "state/log.h"
#include "system/process.h"

namespace hmap {

// Shared by a Store and its Cursors, so that a Cursor that outlives its Store answers kClosed.
class Handle : public std::enable_shared_from_this<Handle> {
 public:
  // With its checkpointer, if it has one. Errors: kSystem (no more threads); the session has been
  // closed then.
  static Result<std::shared_ptr<Handle>> make(std::unique_ptr<Session> session,
                                              const Options& options);
  Handle(std::unique_ptr<Session> session, const Options& options);
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle();

  [[nodiscard]] bool writable() const { return writable_; }
  [[nodiscard]] const FileIdentity& identity() const { return view_.load()->identity; }
  // Those for a handle on the store that took this one's place.
  [[nodiscard]] Options options_to_follow() const;

  // kForked or kClosed, else ok. Every call begins with it.
  [[nodiscard]] Status usable() const {
    if (life_now_.load(std::memory_order_relaxed) != life_) [[unlikely]]
      return Status(Code::kForked,
                    "the handle belongs to the parent process; open the store again");
    if (closed_.load(std::memory_order_acquire)) [[unlikely]]
      return Status(Code::kClosed, "the handle is closed");
    return {};
  }

  // Whether another store has taken this one's name (replacement.h). Every call of a Store that is
  // about its present content asks before it begins (store_impl.h): what has not been replaced by
  // then has not been replaced when the call began.
  [[nodiscard]] bool is_replaced() const {
    if (seam::load(*replaced_.load(std::memory_order_acquire)) == 0) [[likely]]
      return false;
    return has_lost_name();
  }

  // The engine, if nothing keeps a read from using it just so: the store has not been replaced, the
  // handle is usable() and sees the live state. Else null: read() finds out what is the matter.
  [[nodiscard, gnu::always_inline]] const Engine* plain_engine() const {
    if (seam::load(*replaced_.load(std::memory_order_acquire)) != 0 ||
        life_now_.load(std::memory_order_relaxed) != life_) [[unlikely]]
      return nullptr;
    return plain_engine_.load(std::memory_order_acquire);
  }

  // Runs a read: fn(const Engine&) -> Result<T> or Status. A read-only handle that finds its view
  // out of date (a writer set the runtime area up, or took it down) opens a new one and runs fn
  // again.
  template <typename Fn>
  [[gnu::always_inline]] auto read(Fn&& fn) const -> decltype(fn(std::declval<const Engine&>())) {
    return read_session([&](const Session& session)
                            __attribute__((always_inline)) { return fn(session.engine); });
  }
  template <typename Fn>
  [[gnu::always_inline]] auto read_session(Fn&& fn) const
      -> decltype(fn(std::declval<const Session&>())) {
    if (Status s = usable(); !s.ok()) [[unlikely]]
      return s;
    if (sees_live_state_) [[likely]]
      return fn(*view_.load(std::memory_order_acquire));
    return read_with_care(fn);
  }

  // With the SIGBUS guard, or with a view that may be out of date.
  template <typename Fn>
  auto read_with_care(Fn& fn) const -> decltype(fn(std::declval<const Session&>())) {
    if (Status s = usable(); !s.ok()) return s;
    for (;;) {
      const Session& session = *view_.load(std::memory_order_acquire);
      auto result = guarded([&] { return fn(session); });
      if (writable_ || view_is_current(session)) return result;
      if (Status s = renew(session); !s.ok()) return s;
    }
  }

  // Runs a write: fn(Engine&) -> Result<T> or Status. When space runs out, a checkpoint makes what
  // was freed since the last one usable, and room for blocks of `shard`, and fn is run once more;
  // when the commit log is full, a checkpoint empties it, but others may fill it again first.
  template <typename Fn>
  auto write(u64 shard, Fn&& fn) -> decltype(fn(std::declval<Engine&>())) {
    if (Status s = usable(); !s.ok()) return s;
    if (!writable_) return Status(Code::kReadOnly, "the store was opened read-only");
    auto result = guarded([&] { return fn(session_->engine); });
    while (is_log_full(status_of(result))) {
      if (Status s = make_space(); !s.ok()) return s;
      result = guarded([&] { return fn(session_->engine); });
    }
    if (status_of(result).code() == Code::kNoSpace) [[unlikely]] {
      if (make_room_for_blocks(shard).ok()) result = guarded([&] { return fn(session_->engine); });
      if (status_of(result).code() == Code::kNoSpace) return blame_views(status_of(result));
    }
    if (background_) guard_step([&] { background_->wrote(shard); });
    ahead_->wrote();
    return result;
  }

  // After a write that changed something, in commit mode: waits as the options say.
  Status commit();
  // Waits for everything this handle has written so far, whatever the options say.
  Status wait_durable();

  Status checkpoint();
  Result<TakenSnapshot> snapshot();
  Status close();
  // For a Store that goes while others keep the handle: closes it, or, while views are held, at
  // least answers kClosed from now on; the last one to let go of the handle closes it then.
  void retire() noexcept;

  // Of a usable writing handle: a record pinned for a View, which lets go of it with unpin(), but
  // not in a forked child: it is the parent's.
  Result<bool> pin(std::string_view key, HeldRecord& held);
  void unpin(const Pin& pin) noexcept {
    if (life_now_.load(std::memory_order_relaxed) != life_) return;
    guard_step([&] { drop_pin(session_->engine, pin); });
  }
  // Of a Snapshot that ends, unless the handle is not usable(): a closed one has given its cells
  // back.
  void release(const TakenSnapshot& taken) noexcept;

  [[nodiscard]] Result<Stats> stats(StatsDepth depth) const;
  [[nodiscard]] Result<VerifyReport> verify(const VerifyOptions& options) const;

  // Of a writing handle.
  [[nodiscard]] const Engine& engine() const { return session_->engine; }
  [[nodiscard]] Engine& engine_to_write() { return session_->engine; }
  [[nodiscard]] Session& session_to_write() { return *session_; }

  // A free note of the slot, for one large record; returned by give_note(). Waits while all are
  // used.
  u64* take_note();
  void give_note(u64* note);

 private:
  static const Status& status_of(const Status& status) { return status; }
  template <typename T>
  static Status status_of(const Result<T>& result) {
    return result.error();
  }

  template <typename Fn>
  auto guarded(Fn&& fn) const -> decltype(fn()) {
    return run_guarded(options_.guard_sigbus, fn);
  }
  // Of work that has no answer, and is left to whoever comes later if a fault ends it.
  template <typename Fn>
  void guard_step(Fn&& fn) const noexcept {
    static_cast<void>(guarded([&]() -> Status {
                        fn();
                        return {};
                      }).ok());
  }

  Status start_checkpointer();
  [[nodiscard]] bool view_is_current(const Session& session) const;
  void use(const Session& session) const;
  [[nodiscard]] bool has_lost_name() const;
  Status renew(const Session& old) const;
  Status make_space();
  Status make_room_for_blocks(u64 shard);
  Status blame_views(const Status& status) const;
  // Calls that begin from now on answer kClosed. Whether they did not before.
  bool shut() noexcept;
  Status end();

  Options options_;
  std::uint64_t life_;                          // of the process that opened the handle
  const std::atomic<std::uint64_t>& life_now_;  // of the process that uses it
  bool writable_;
  bool sees_live_state_;                               // for good, and without a guard
  std::unique_ptr<Session> session_;                   // of a writing handle: never replaced
  mutable std::atomic<const Session*> view_{nullptr};  // the session in use
  std::atomic<const Engine*> plain_engine_{nullptr};  // its engine; null: closed, or with care only
  // Its RuntimeHeader::replaced; with the SIGBUS guard another word, which is never 0.
  mutable std::atomic<const u64*> replaced_{nullptr};
  // Of a read-only handle: all sessions there have been, because other threads may still be reading
  // through an older one. It is replaced when the store is first written after a reboot or a failed
  // flush, so there are few.
  mutable std::mutex views_mutex_;
  mutable std::vector<std::unique_ptr<Session>> views_;
  std::unique_ptr<Background> background_;
  std::unique_ptr<Ahead> ahead_;  // none in a read-only handle
  std::atomic<bool> closed_{false};
  bool ended_ = false;
  std::atomic<u64> written_{0};  // log position behind the last write of this handle
  // Bit by bit the notes of the slot. Nothing that has to be destroyed: threads that a forked child
  // does not have may be waiting for one.
  std::atomic<std::uint32_t> notes_taken_{0};
};

}  // namespace hmap

#endif  // HMAP_SRC_STORE_HANDLE_H_
