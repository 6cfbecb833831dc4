// Locks of domains, and finishing what a dead owner began.
#include "state/engine.h"

#include <algorithm>
#include <vector>

#include "state/intent.h"
#include "state/log.h"
#include "state/space.h"
#include "system/guard.h"
#include "system/per_thread.h"

namespace hmap {
namespace {

// Waiters bit and a slot number that nobody can have: dead to whoever looks next.
constexpr u32 kNobody = 0x8000'ffff;

// Only with the SIGBUS guard: what this thread holds, because a fault skips destructors.
struct HeldLocks {
  std::vector<format::Lock*> locks;
};
using OwnLocks = PerThread<HeldLocks>;

// With a domain's lock held, so that nobody is about to replace the store.
Status check_name(const Engine& engine) {
  if (!engine.map->has_name()) return Engine::replaced();
  // Who wanted to replace it died before he did. Crash: the next one asks again.
  seam::store(engine.runtime->replaced, 0);
  return {};
}

}  // namespace

Result<DomainLock> DomainLock::take(Engine& engine, u64 domain, std::chrono::milliseconds timeout) {
  make_room_for_locks(engine);
  const Result<Acquired> acquired = engine.locker->lock(engine.domain(domain).lock, timeout);
  if (!acquired) return acquired.error();
  DomainLock lock(engine, domain);
  if (seam::load(engine.runtime->replaced) != 0) [[unlikely]] {
    if (Status s = check_name(engine); !s.ok()) {
      // What a dead owner began is nobody's any more; but the file may get a name again.
      if (*acquired == Acquired::kOwnerDied) lock.abandon();
      return s;
    }
  }
  if (*acquired == Acquired::kOwnerDied) [[unlikely]] {
    TakeOver<DomainLock> take_over(lock);
    if (Status s = recover_domain(engine, domain); !s.ok()) return s;
    take_over.complete();
  }
  return lock;
}

void abandon_lock(const Engine& engine, format::Lock& lock) noexcept {
  if (engine.guarded) forget_lock(lock);
  seam::store(lock.word, kNobody);
}

void DomainLock::abandon() noexcept {
  if (engine_ != nullptr) abandon_lock(*engine_, engine_->domain(domain_).lock);
  engine_ = nullptr;
}

void make_room_for_locks(const Engine& engine) {
  if (!engine.guarded) [[likely]]
    return;
  std::vector<format::Lock*>& held = OwnLocks::get().locks;
  if (held.size() < held.capacity()) return;
  constexpr std::size_t kSome = 8;
  held.reserve(2 * held.size() + kSome);
}

void remember_lock(format::Lock& lock) noexcept { OwnLocks::get().locks.push_back(&lock); }

void forget_lock(const format::Lock& lock) noexcept {
  if (OwnLocks::find() == nullptr) return;
  std::vector<format::Lock*>& held = OwnLocks::get().locks;
  const auto at = std::find(held.begin(), held.end(), &lock);
  if (at != held.end()) held.erase(at);
}

void DomainLock::remember() const noexcept { remember_lock(engine_->domain(domain_).lock); }

void DomainLock::forget() const noexcept { forget_lock(engine_->domain(domain_).lock); }

std::size_t remembered_locks() noexcept {
  const HeldLocks* held = OwnLocks::find();
  return held != nullptr ? held->locks.size() : 0;
}

void abandon_locks_beyond(std::size_t count) noexcept {
  if (OwnLocks::find() == nullptr) return;
  std::vector<format::Lock*>& held = OwnLocks::get().locks;
  for (std::size_t i = count; i < held.size(); ++i) {
    // The page of the lock may be gone, too; then nobody can take it. If it comes back as it was,
    // the lock is ours until the handle is closed.
    static_cast<void>(guard::run(
        [](void* lock) { seam::store(static_cast<format::Lock*>(lock)->word, kNobody); }, held[i]));
  }
  held.resize(std::min(count, held.size()));
}

PlainLock::PlainLock(const Engine& engine, format::Lock& lock) : engine_(&engine), lock_(&lock) {
  if (engine.guarded) remember_lock(lock);
}

Result<PlainLock> PlainLock::take(const Engine& engine, format::Lock& lock,
                                  std::chrono::milliseconds timeout) {
  make_room_for_locks(engine);
  const Result<Acquired> acquired = engine.locker->lock(lock, timeout);
  if (!acquired) return acquired.error();
  return PlainLock(engine, lock);
}

Result<PlainLock> PlainLock::try_take(const Engine& engine, format::Lock& lock) {
  make_room_for_locks(engine);
  const Result<Acquired> acquired = engine.locker->try_lock(lock);
  if (!acquired) return acquired.error();
  return PlainLock(engine, lock);
}

void PlainLock::unlock() noexcept {
  if (lock_ == nullptr) return;
  engine_->locker->unlock(*lock_);
  if (engine_->guarded) forget_lock(*lock_);
  lock_ = nullptr;
}

Status recover_domain(Engine& engine, u64 domain) {
  const u64 space = engine.layout.space_domain();
  if (domain == space) {
    if (Status s = replay_intent(engine, space); !s.ok()) return s;
    return finish_segment(engine);
  }
  // Before the intent's state can rise again: it tells whether the dead process's record in the log
  // counts.
  if (Status s = settle_log(engine); !s.ok()) return s;
  // The space intent of the same dead process may still have to set our `pending`.
  if (const Result<DomainLock> lock = DomainLock::take(engine, space); !lock) return lock.error();
  if (Status s = replay_intent(engine, domain); !s.ok()) return s;
  if (Status s = adopt_published(engine); !s.ok()) return s;
  if (Status s = free_pending(engine, domain); !s.ok()) return s;
  return finish_batch_part(engine, domain);
}

}  // namespace hmap
