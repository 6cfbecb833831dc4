// hmap::activity() and hmap::clear_dead(): see hmap/activity.h.
#include "hmap/activity.h"

#include <ctime>

#include "life/snapshots.h"
#include "records/batch_area.h"
#include "state/guarded.h"
#include "state/log.h"
#include "state/pins.h"
#include "state/space.h"
#include "store/stats.h"
#include "store/store_access.h"
#include "system/file.h"

namespace hmap {
namespace {

constexpr u32 kSomebodyWaits = u32{1} << 31;
constexpr u64 kNanosPerMilli = 1'000'000;

u32 slot_of(u64 word) { return static_cast<u32>(word & 0xffff); }

class Picture {
 public:
  explicit Picture(const Session& session)
      : session_(session), engine_(session.engine), runtime_(*session.engine.runtime) {}

  Result<Activity> take() {
    all_.live = session_.live;
    all_.epoch = engine_.epoch();
    all_.durable_epoch = engine_.durable_cut();
    if (!session_.live) return all_;
    add_processes();
    add_locks();
    all_.snapshots = held_snapshots(session_);
    for (u64 d = 0; d <= engine_.layout.shards; ++d)
      all_.dirty_bytes += seam::load(engine_.domain(d).dirty_bytes);
    add_checkpoint_age();
    if (Status s = add_held_bytes(); !s.ok()) return s;
    return all_;
  }

 private:
  void add_processes() {
    for (u32 number = 1; number <= engine_.layout.slots; ++number) {
      const format::Slot& slot = engine_.slot(number);
      AttachedProcess process;
      process.pid = static_cast<u32>(seam::load(slot.pid));
      if (process.pid == 0) continue;
      process.slot = number;
      process.alive = slot_lives(session_, number);
      process.registrations = static_cast<u32>(seam::load(slot.generation));
      for (const u64& note : slot.notes) process.large_records += seam::load(note) != 0 ? 1 : 0;
      const SlotViews views = views_of(engine_, number);
      process.views = views.count;
      process.views_seconds = views.seconds;
      all_.processes.push_back(process);
    }
  }

  void add_lock(const format::Lock& lock, LockKind kind, u64 shard = 0) {
    const u32 word = seam::load(lock.word);
    if (slot_of(word) == 0) return;
    all_.locks.push_back({kind, static_cast<u32>(shard), slot_of(word), owner_lives(session_, word),
                          (word & kSomebodyWaits) != 0});
  }
  void add_locks() {
    for (u64 s = 0; s < engine_.layout.shards; ++s)
      add_lock(engine_.domain(s).lock, LockKind::kShard, s);
    add_lock(engine_.domain(engine_.layout.space_domain()).lock, LockKind::kSpace);
    add_lock(engine_.batch().lock, LockKind::kBatch);
    add_lock(runtime_.checkpoint_lock, LockKind::kCheckpoint);
    add_lock(runtime_.log.append_lock, LockKind::kLogAppend);
    add_lock(runtime_.log.flush_lock, LockKind::kLogFlush);
  }

  void add_checkpoint_age() {
    const u64 then = seam::load(runtime_.checkpoint_ns);
    timespec now{};
    if (then == 0 || ::clock_gettime(CLOCK_BOOTTIME, &now) != 0) return;
    const u64 ns = static_cast<u64>(now.tv_sec) * 1'000'000'000 + static_cast<u64>(now.tv_nsec);
    all_.checkpoint_known = true;
    all_.checkpoint_age_ms = ns > then ? (ns - then) / kNanosPerMilli : 0;
  }

  Status add_held_bytes() {
    const Engine::Needed needed = engine_.needed_cuts();
    all_.oldest_needed = needed.oldest;
    all_.held_by_snapshot = needed.oldest < needed.durable;
    for (u64 extent = 0; extent < seam::load(runtime_.extents_end); ++extent) {
      const Result<u64> word = extent_word(engine_, extent);
      if (!word) return word.error();
      const bool held =
          extent_kind(*word) == format::ExtentKind::kFree && extent_payload(*word) > needed.oldest;
      if (held) all_.held_bytes += engine_.layout.extent_bytes;
    }
    return {};
  }

  const Session& session_;
  const Engine& engine_;
  const format::RuntimeHeader& runtime_;
  Activity all_;
};

bool owner_is_dead(const Engine& engine, const format::Lock& lock) {
  const u32 word = seam::load(lock.word);
  return word != 0 && !engine.locker->owner_alive(word);
}

// Taking a lock whose owner died finishes what it had begun; those of the living are let alone. A
// checkpoint whose maker died is finished by the next one, whoever released the lock.
Status take_over_locks(Engine& engine) {
  if (owner_is_dead(engine, engine.batch().lock)) {
    if (const Result<BatchLock> lock = BatchLock::take(engine); !lock) return lock.error();
  }
  for (u64 d = 0; d <= engine.layout.shards; ++d) {
    if (!owner_is_dead(engine, engine.domain(d).lock)) continue;
    if (const Result<DomainLock> lock = DomainLock::take(engine, d); !lock) return lock.error();
  }
  format::RuntimeHeader& runtime = *engine.runtime;
  if (owner_is_dead(engine, runtime.log.append_lock)) {
    if (Status s = settle_log(engine); !s.ok()) return s;
  }
  for (format::Lock* lock : {&runtime.checkpoint_lock, &runtime.log.flush_lock}) {
    if (!owner_is_dead(engine, *lock)) continue;
    const Result<Acquired> taken = engine.locker->lock(*lock, engine.lock_timeout);
    if (!taken) return taken.error();
    engine.locker->unlock(*lock);
  }
  return {};
}

Status clear_slots_now(Session& session, ClearedDead& cleared) {
  Engine& engine = session.engine;
  for (u32 number = 1; number <= engine.layout.slots; ++number) {
    format::Slot& slot = engine.slot(number);
    if (seam::load(slot.pid) == 0 || slot_lives(session, number)) continue;
    if (Status s = sweep_notes(engine, number, seam::load(slot.generation)); !s.ok()) return s;
    // Crash: it is cleared once more.
    seam::store(slot.pid, 0);
    ++cleared.processes;
  }
  return {};
}

Status clear_slots(Session& session, ClearedDead& cleared) {
  // Slots are given out under the OPEN byte: none of those looked at is taken meanwhile. Through a
  // descriptor of its own, so that another thread that clears waits, too.
  const Result<Fd> file = open_file(proc_path(session.fd.get()).data(), true);
  if (!file) return file.error();
  const Result<OpenGuard> nobody_opens = OpenGuard::take(file->get());
  if (!nobody_opens) return nobody_opens.error();
  // A guard of its own: a fault must not keep the OPEN byte.
  return run_guarded(session.engine.guarded, [&] { return clear_slots_now(session, cleared); });
}

}  // namespace

Result<Activity> activity(const Store& store) {
  return StoreAccess::read(store, [](const Session& session) { return Picture(session).take(); });
}

Result<ClearedDead> clear_dead(Store& store) {
  const Result<Activity> before = activity(store);
  if (!before) return before.error();
  if (!store.writable()) return Status(Code::kReadOnly, "the store was opened read-only");
  ClearedDead cleared;
  for (const HeldLock& lock : before->locks) cleared.locks += lock.owner_alive ? 0 : 1;
  for (const Stats::HeldSnapshot& snapshot : before->snapshots)
    cleared.snapshots += snapshot.alive ? 0 : 1;
  Status s = StoreAccess::write(store, [&](Session& session) -> Status {
    if (Status locks = take_over_locks(session.engine); !locks.ok()) return locks;
    if (Status snapshots = sweep_dead_snapshots(session.engine); !snapshots.ok()) return snapshots;
    return clear_slots(session, cleared);
  });
  if (!s.ok()) return s;
  return cleared;
}

}  // namespace hmap
