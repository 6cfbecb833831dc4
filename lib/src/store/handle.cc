// The life of a handle.
#include "store/handle.h"

#include <bit>
#include <system_error>

#include "format/hash.h"
#include "life/checkpoint.h"
#include "life/commit.h"
#include "store/stats.h"
#include "verify/verify.h"

namespace hmap {

Handle::Handle(std::unique_ptr<Session> session, const Options& options)
    : options_(options),
      life_(process_life()),
      life_now_(process_life_word()),
      writable_(session->attachment != nullptr),
      sees_live_state_(writable_ && !options.guard_sigbus) {
  if (!writable_) {
    views_.push_back(std::move(session));
    use(*views_.back());
    return;
  }
  session_ = std::move(session);
  ahead_ = std::make_unique<Ahead>(session_->engine);
  use(*session_);
  if (sees_live_state_) plain_engine_ = &session_->engine;
}

Result<std::shared_ptr<Handle>> Handle::make(std::unique_ptr<Session> session,
                                             const Options& options) {
  auto handle = std::make_shared<Handle>(std::move(session), options);
  if (Status s = handle->start_checkpointer(); !s.ok()) return s;
  return handle;
}

Status Handle::start_checkpointer() {
  if (!writable_ || session_->durability == Durability::kNone) return {};
  try {
    background_ = std::make_unique<Background>(session_->engine, options_.checkpoint_interval,
                                               options_.checkpoint_bytes);
  } catch (const std::system_error& refused) {
    return {Code::kSystem, "cannot start the thread for checkpoints", 0, refused.code().value()};
  }
  return {};
}

Handle::~Handle() {
  if (process_life() != life_) {
    // The parent goes on with all of this; the child must not run destructors that touch shared
    // state or wait for a thread it does not have. What stays behind is a mapping and some memory.
    static_cast<void>(background_.release());
    static_cast<void>(ahead_.release());
    for (std::unique_ptr<Session>& view : views_) static_cast<void>(view.release());
    static_cast<void>(session_.release());
    return;
  }
  if (!ended_) static_cast<void>(end().ok());
}

bool Handle::view_is_current(const Session& session) const {
  const Result<bool> current = guarded([&]() -> Result<bool> {
    return runtime_is_valid(session, *session.shared_runtime()) == session.live;
  });
  // What cannot be read leads to no better view.
  return !current || *current;
}

void Handle::use(const Session& session) const {
  static constexpr u64 kAsk = 1;
  view_.store(&session, std::memory_order_release);
  replaced_.store(options_.guard_sigbus ? &kAsk : &session.shared_runtime()->replaced,
                  std::memory_order_release);
}

bool Handle::has_lost_name() const {
  const Session& session = *view_.load(std::memory_order_acquire);
  const Result<bool> lost = guarded([&]() -> Result<bool> {
    const format::RuntimeHeader& runtime = *session.shared_runtime();
    return seam::load(runtime.replaced) != 0 && runtime_is_valid(session, runtime) &&
           !session.engine.map->has_name();
  });
  // What cannot be read the call itself will report.
  return lost && *lost;
}

Options Handle::options_to_follow() const {
  Options options = options_;
  options.ignore_log = false;
  options.discard_live_state = false;
  if (!writable_) return options;
  options.mode = Mode::kOpen;
  // What the store was opened with, also if others had chosen it.
  options.durability = session_->durability;
  return options;
}

Status Handle::renew(const Session& old) const {
  const std::lock_guard lock(views_mutex_);
  if (view_.load() != &old) return {};
  Result<std::unique_ptr<Session>> session = reopen_read_only(old, options_);
  if (!session) return session.error();
  views_.push_back(*std::move(session));
  use(*views_.back());
  return {};
}

Status Handle::make_space() {
  return guarded([&] { return hmap::checkpoint(session_->engine, options_.lock_timeout); });
}

Status Handle::make_room_for_blocks(u64 shard) {
  if (Status s = make_space(); !s.ok()) return s;
  // As many as a few small extents of frames hold.
  constexpr HomeStep kSome{256, format::kForever};
  u64 next = 0;
  const Result<u64> moved =
      guarded([&] { return bring_home(session_->engine, shard, kSome, next); });
  if (!moved) return moved.error();
  return *moved != 0 ? make_space() : Status();
}

Status Handle::commit() {
  if (session_->log == nullptr) return {};
  constexpr const char* kNoMemory = "no memory for the checkpoint that a write waits for";
  const Status s = run_to_an_answer(options_.guard_sigbus, kNoMemory, [&]() -> Status {
    // Perhaps with some records of others behind our own: they come in the same flush.
    const u64 position = log_tail(session_->engine);
    u64 before = written_.load();
    while (before < position && !written_.compare_exchange_weak(before, position)) continue;
    if (!options_.wait_for_log) return {};
    return hmap::wait_durable(session_->engine, position);
  });
  // What was written went with the store; there is nothing left to wait for.
  return s.code() == Code::kReplaced ? Status() : s;
}

Status Handle::wait_durable() {
  if (Status s = usable(); !s.ok()) return s;
  if (!writable_) return Status(Code::kReadOnly, "the store was opened read-only");
  if (session_->log == nullptr) return checkpoint();
  return guarded([&] { return hmap::wait_durable(session_->engine, written_.load()); });
}

Status Handle::checkpoint() {
  if (Status s = usable(); !s.ok()) return s;
  if (!writable_) return Status(Code::kReadOnly, "the store was opened read-only");
  return guarded([&] { return hmap::checkpoint(session_->engine, options_.lock_timeout); });
}

Result<TakenSnapshot> Handle::snapshot() {
  if (Status s = usable(); !s.ok()) return s;
  if (!writable_) return Status(Code::kReadOnly, "a snapshot needs a handle that can write");
  return guarded([&] { return take_snapshot(session_->engine, options_.lock_timeout); });
}

Status Handle::close() {
  if (Status s = usable(); !s.ok()) return s;
  if (writable_) {
    const Result<u64> views =
        guarded([&]() -> Result<u64> { return views_of(session_->engine, session_->slot).count; });
    // What cannot be read keeps nobody from closing.
    if (views && *views != 0) {
      return Status(Code::kBusy, "views of the handle are held: end them, then close it",
                    session_->slot);
    }
  }
  if (!shut()) return Status(Code::kClosed, "the handle is closed");
  return end();
}

void Handle::retire() noexcept {
  if (close().code() == Code::kBusy) shut();
}

bool Handle::shut() noexcept {
  plain_engine_ = nullptr;
  return !closed_.exchange(true);
}

Status Handle::end() {
  ended_ = true;
  background_.reset();
  ahead_.reset();
  return writable_ ? close_session(*session_) : Status();
}

Result<bool> Handle::pin(std::string_view key, HeldRecord& held) {
  const Engine& engine = session_->engine;
  const Result<bool> found = guarded([&] {
    engine.count_reads(1);
    return find_held(engine, key, hash_key(key, engine.store_seed), held);
  });
  // With the SIGBUS guard a fault may have come after the pin.
  if (!found) guard_step([&] { held.let_go(engine); });
  return found;
}

void Handle::release(const TakenSnapshot& taken) noexcept {
  // After a fault the cell is the handle's until it is closed.
  if (usable().ok()) guard_step([&] { release_snapshot(session_->engine, taken.cell); });
}

Status Handle::blame_views(const Status& status) const {
  const Result<u64> slot =
      guarded([&]() -> Result<u64> { return slot_of_oldest_view(session_->engine); });
  return slot ? Status(status.code(), status.what(), *slot, status.os_error()) : slot.error();
}

Result<Stats> Handle::stats(StatsDepth depth) const {
  return read_session([&](const Session& session) { return collect_stats(session, depth); });
}

Result<VerifyReport> Handle::verify(const VerifyOptions& options) const {
  return read_session([&](const Session& session) {
    return verify_session(session, writable_ ? &session_->engine : nullptr, options);
  });
}

u64* Handle::take_note() {
  constexpr std::uint32_t kAll = (std::uint32_t{1} << format::kNotes) - 1;
  std::uint32_t taken = notes_taken_.load();
  for (;;) {
    if (taken == kAll) {
      notes_taken_.wait(taken);
      taken = notes_taken_.load();
      continue;
    }
    const int free = std::countr_one(taken);
    if (notes_taken_.compare_exchange_weak(taken, taken | std::uint32_t{1} << free))
      return &session_->engine.slot(session_->slot).notes[free];
  }
}

void Handle::give_note(u64* note) {
  const auto index = note - session_->engine.slot(session_->slot).notes;
  notes_taken_.fetch_and(~(std::uint32_t{1} << index));
  notes_taken_.notify_one();
}

}  // namespace hmap
