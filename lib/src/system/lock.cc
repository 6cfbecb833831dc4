// The lock of a domain: a futex word that names its owner.
//
// Effect wanted: a lock in a file, 16 to 19 ns a pair when free, that a kill -9 of its owner, a
// restored file or hostile bytes cannot jam, and that is never taken from an owner who lives,
// however long it sleeps.
//
//   31        30 .. 16       15 .. 0
//   waiters | generation   | slot       0: free
//
// The word alone cannot say whether its owner lives. The slot byte can (process.h), but asking
// costs a system call; so the question is asked only by those who have waited 2 ms in vain. The
// generation tells an owner from the next process in the same slot.
//
// Waiting is the classic futex with three states: free, owned, owned with waiters. Whoever has
// slept takes the lock *with* the waiters bit, because others may sleep too. Nobody depends on
// being woken: each sleeper looks again every 2 ms, so that a waiter killed between its wake-up and
// its acquisition delays the others, and no more.
//
// What remains: a thread that ends without unlocking, in a process that lives, holds the lock for
// ever. Generations are 15 bits: a word could be taken for a living owner's after 32,768
// registrations of one slot while it lies unnoticed, which the recovery at open prevents.
#include "system/lock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "system/process.h"
#include "system/seam.h"

namespace hmap {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint32_t kWaiters = std::uint32_t{1} << 31;
constexpr std::uint32_t kSlotMask = 0xffff;

// A living owner inside a section of some 100 ns is waited out without a system call (2 to 4 us).
constexpr int kSpins = 100;
// How long a dead owner may go unnoticed; an idle waiter costs 500 system calls of 0.3 us a second.
constexpr std::chrono::milliseconds kCheckInterval{2};
// Longer time-outs are for ever, so that no sum of times overflows.
constexpr std::chrono::hours kForEver{24 * 365};

bool is_for_ever(std::chrono::milliseconds timeout) noexcept {
  return timeout.count() < 0 || timeout > kForEver;
}

inline void pause_cpu() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

timespec to_timespec(Clock::duration wait) noexcept {
  const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(wait).count();
  timespec time{};
  time.tv_sec = static_cast<time_t>(ns / 1'000'000'000);
  time.tv_nsec = static_cast<long>(ns % 1'000'000'000);
  return time;
}

Status busy(std::uint32_t word) noexcept {
  return {Code::kBusy, "a living process holds the lock", word & kSlotMask};
}

}  // namespace

Locker::Locker(int fd, const format::Slot* slots, std::uint32_t slot_count,
               std::uint32_t slot) noexcept
    : fd_(fd),
      slots_(slots),
      slot_count_(slot_count),
      slot_(slot),
      word_(owner_word(seam::load(slots[slot - 1].generation), slot)) {}

Result<Acquired> Locker::lock(format::Lock& lock, std::chrono::milliseconds timeout) const {
  std::uint32_t free = 0;
  if (seam::compare_exchange(lock.word, free, word_)) [[likely]]
    return Acquired::kClean;
  return lock_slow(lock, timeout);
}

Result<Acquired> Locker::try_lock(format::Lock& lock) const {
  std::uint32_t free = 0;
  if (seam::compare_exchange(lock.word, free, word_)) return Acquired::kClean;
  return busy(free);
}

void Locker::unlock(format::Lock& lock) const noexcept {
  if ((seam::exchange(lock.word, 0) & kWaiters) == 0) [[likely]]
    return;
  ::syscall(SYS_futex, &lock.word, FUTEX_WAKE, 1, nullptr, nullptr, 0);
}

bool owner_alive(const Owners& owners, std::uint32_t word) noexcept {
  const std::uint32_t slot = word & kSlotMask;
  if (slot == 0 || slot > owners.slot_count) return false;
  const std::uint64_t generation = seam::load(owners.slots[slot - 1].generation);
  if (owner_word(generation, slot) != (word & ~kWaiters)) return false;
  // Order: the generation first. A slot that is free after its generation matched belonged to the
  // owner named and to nobody since; one that is taken may be somebody else's by now, which the
  // next look at the generation tells. Our own word needs no system call: we live.
  return slot == owners.own_slot || slot_alive(owners.fd, slot);
}

bool Locker::owner_alive(std::uint32_t word) const noexcept {
  return hmap::owner_alive({fd_, slots_, slot_count_, slot_}, word);
}

Result<Acquired> Locker::lock_slow(format::Lock& lock, std::chrono::milliseconds timeout) const {
  const Clock::time_point start = Clock::now();
  const Result<Acquired> acquired = wait_for(lock, timeout);
  if (!acquired) return acquired;
  const auto waited = std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - start);
  // Ours now. Crash: not counted.
  seam::store(lock.waits, lock.waits + 1);
  seam::store(lock.waited_ns, lock.waited_ns + static_cast<std::uint64_t>(waited.count()));
  return acquired;
}

Result<Acquired> Locker::wait_for(format::Lock& lock, std::chrono::milliseconds timeout) const {
  // A try asks at once; whoever may wait hopes first that the owner is quick.
  for (int i = 0; i < kSpins && timeout.count() != 0; ++i) {
    std::uint32_t free = 0;
    if (seam::load(lock.word) == 0 && seam::compare_exchange(lock.word, free, word_)) {
      return Acquired::kClean;
    }
    pause_cpu();
  }

  Clock::time_point now = Clock::now();
  const Clock::time_point deadline =
      is_for_ever(timeout) ? Clock::time_point::max() : now + timeout;
  // By the clock and not by the outcome of the sleep: a storm of signals must not hide a death.
  Clock::time_point next_check = now + kCheckInterval;
  std::uint32_t mine = word_;
  // Bound: each round takes the lock, finds it changed by somebody who got on, or sleeps until the
  // next check; the deadline ends it while the owner lives, if there is one.
  for (;; now = Clock::now()) {
    std::uint32_t seen = seam::load(lock.word);
    if (seen == 0) {
      if (seam::compare_exchange(lock.word, seen, mine)) return Acquired::kClean;
      continue;
    }
    // Who was found dead has other locks, too: those of a batch. Only the question is early.
    const std::uint32_t owner = seen & ~kWaiters;
    const bool known_dead = owner == known_dead_.load(std::memory_order_relaxed);
    if (now >= deadline || now >= next_check || known_dead) {
      if (!owner_alive(seen)) {
        known_dead_.store(owner, std::memory_order_relaxed);
        // Order: only the very word that was found dead is replaced, so of many who find it one
        // wins. Crash: whoever dies from here on leaves its own dead word, and the next one
        // recovers.
        if (seam::compare_exchange(lock.word, seen, word_ | kWaiters)) return Acquired::kOwnerDied;
        continue;
      }
      if (now >= deadline) return busy(seen);
      next_check = now + kCheckInterval;
    }
    if ((seen & kWaiters) == 0) {
      if (!seam::compare_exchange(lock.word, seen, seen | kWaiters)) continue;
      seen |= kWaiters;
    }
    mine = word_ | kWaiters;
    sleep_while(lock.word, seen, std::min(next_check, deadline) - now, kAnyReason);
  }
}

bool has_timed_out(Clock::time_point start, std::chrono::milliseconds timeout) noexcept {
  return !is_for_ever(timeout) && Clock::now() - start >= timeout;
}

// Shared, not FUTEX_PRIVATE: the key is the file.
bool sleep_while(std::uint32_t& word, std::uint32_t seen, std::chrono::nanoseconds most,
                 std::uint32_t reasons) noexcept {
  most = std::max(most, std::chrono::nanoseconds{0});
  // FUTEX_WAIT_BITSET takes the time when it ends, FUTEX_WAIT its length.
  const timespec end = to_timespec(Clock::now().time_since_epoch() + most);
  if (::syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, seen, &end, nullptr, reasons) == 0)
    return true;
  if (errno == EAGAIN || errno == EINTR) return true;
  if (errno == ETIMEDOUT) return false;
  const timespec time = to_timespec(most);
  ::nanosleep(&time, nullptr);  // no futex here (a filter, an emulator): poll, but do not burn
  return false;
}

void wake(std::uint32_t& word, int count, std::uint32_t reasons) noexcept {
  ::syscall(SYS_futex, &word, FUTEX_WAKE_BITSET, count, nullptr, nullptr, reasons);
}

}  // namespace hmap
