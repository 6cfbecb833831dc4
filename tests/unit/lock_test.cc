// The lock of a domain: owners that die, stop, or never were; waiters; time-outs.
#include <linux/futex.h>
#include <sys/time.h>

#include <algorithm>
#include <thread>

#include "lock_support.h"

namespace hmap {
namespace {

using std::chrono::milliseconds;
using unit::error_of;
using unit::File;
using unit::Handle;
using unit::in_child;
using unit::install_filter;
using unit::kForEver;
using unit::kSlotCount;
using unit::kTry;
using unit::kWaiters;
using unit::Peer;
using unit::SharedLock;
using Clock = std::chrono::steady_clock;

using Lock = unit::LockTest;

TEST_F(Lock, NamesItsOwnerAndIsFreeAgain) {
  shared_->slots[0].generation = 0x1'8004;  // only the low 15 bits of the next one count: 5
  const Handle handle(file_.fd(), *shared_);
  ASSERT_EQ(handle->slot(), 1u);

  EXPECT_EQ(*handle->lock(lock(), kTry), Acquired::kClean);
  EXPECT_EQ(word(), 5u << 16 | 1u);
  EXPECT_TRUE(handle->owner_alive(word()));
  handle->unlock(lock());
  EXPECT_EQ(word(), 0u);
  EXPECT_FALSE(handle->owner_alive(0));
}

TEST_F(Lock, OfALivingProcessIsBusyAndSaysWhose) {
  const auto peer = owner();
  const Handle handle(file_.fd(), *shared_);
  ASSERT_EQ(handle.slot(), 2u);

  const auto tried = handle->lock(lock(), kTry);
  const auto begin = Clock::now();
  const auto waited = handle->lock(lock(), milliseconds(30));
  const auto took = Clock::now() - begin;

  EXPECT_EQ(tried.error().code(), Code::kBusy);
  EXPECT_EQ(tried.error().value(), 1u);
  EXPECT_EQ(waited.error().code(), Code::kBusy);
  EXPECT_EQ(waited.error().value(), 1u);
  EXPECT_GE(took, milliseconds(30));
  EXPECT_EQ(word() & ~kWaiters, 1u << 16 | 1u) << "still the owner's";
}

TEST_F(Lock, IsBusyForAnotherThreadOfTheSameHandle) {
  const Handle handle(file_.fd(), *shared_);
  ASSERT_TRUE(handle->lock(lock(), kTry));

  std::thread([&] {
    EXPECT_EQ(handle->lock(lock(), milliseconds(5)).error().value(), handle.slot());
  }).join();
}

TEST_F(Lock, OfAKilledProcessIsTakenOverAtOnce) {
  for (const milliseconds timeout : {kTry, milliseconds(1), milliseconds(10'000), kForEver}) {
    auto peer = owner();
    const Handle handle(file_.fd(), *shared_);
    EXPECT_EQ(handle->lock(lock(), kTry).error().code(), Code::kBusy);
    peer->kill_and_wait();

    const auto acquired = handle->lock(lock(), timeout);

    ASSERT_TRUE(acquired) << acquired.error();
    EXPECT_EQ(*acquired, Acquired::kOwnerDied);
    EXPECT_EQ(word() & 0xffff, handle.slot());
    handle->unlock(lock());
    EXPECT_EQ(*handle->lock(lock(), kTry), Acquired::kClean);
    handle->unlock(lock());
  }
}

TEST_F(Lock, TryingAsksForNoOwnersLife) {
  const auto peer = owner();
  const Handle handle(file_.fd(), *shared_);
  peer->kill_and_wait();
  EXPECT_EQ(handle->try_lock(lock()).error().code(), Code::kBusy);
  EXPECT_EQ(*handle->lock(lock(), kTry), Acquired::kOwnerDied);
  handle->unlock(lock());
  EXPECT_EQ(*handle->try_lock(lock()), Acquired::kClean);
}

// What a hook, which has no other place for it, needs to take the lock with another handle.
struct Rival {
  static inline std::uint64_t left = 0;
  static inline const Handle* handle = nullptr;
  static inline format::Lock* lock = nullptr;
  static inline bool owner_died = false;
  static void take(seam::Event, const void* at, std::size_t) {
    if (at != &lock->word || left == 0 || --left != 0) return;
    const auto acquired = (*handle)->lock(*lock, kTry);
    owner_died = acquired && *acquired == Acquired::kOwnerDied;
  }
};

// The second one comes between any two steps of the first.
TEST_F(Lock, OfADeadOwnerIsTakenOverByOneOfTwo) {
  std::uint64_t before_it = 0;
  for (std::uint64_t event = 1;; ++event) {
    auto peer = owner();
    peer->kill_and_wait();
    const Handle first(file_.fd(), *shared_);
    const Handle second(file_.fd(), *shared_);
    Rival::left = event;
    Rival::handle = &second;
    Rival::lock = &lock();
    Rival::owner_died = false;
    seam::hook.store(&Rival::take);
    const auto acquired = first->lock(lock(), kTry);
    seam::hook.store(nullptr);
    const bool taken = acquired && *acquired == Acquired::kOwnerDied;
    EXPECT_NE(taken, Rival::owner_died) << "event " << event;
    (taken ? first : second)->unlock(lock());
    if (Rival::left != 0) break;
    before_it += Rival::owner_died ? 1 : 0;
  }
  EXPECT_GT(before_it, 0U);
}

TEST_F(Lock, OfAProcessThatDiesMeanwhileIsTakenOverDespiteSignals) {
  auto peer = owner();
  Peer waiter([&](const Peer::Line& line) {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, nullptr);
    const itimerval storm{{0, 500}, {0, 500}};  // four signals in each sleep
    ::setitimer(ITIMER_REAL, &storm, nullptr);
    const Handle handle(file_.fd(), *shared_);
    line.say('w');
    const auto acquired = handle->lock(lock(), kForEver);
    line.say(acquired && *acquired == Acquired::kOwnerDied ? 'd' : '?');
    return 0;
  });
  ASSERT_TRUE(waiter.says('w'));
  while ((word() & kWaiters) == 0) std::this_thread::yield();

  peer->kill_and_wait();

  EXPECT_TRUE(waiter.says('d', 10'000));
}

TEST_F(Lock, OfAStoppedProcessIsNeverTaken) {
  const auto peer = owner();
  const Handle handle(file_.fd(), *shared_);
  peer->stop();

  EXPECT_EQ(handle->lock(lock(), milliseconds(100)).error().code(), Code::kBusy);

  peer->signal(SIGCONT);
  peer->tell();
  ASSERT_TRUE(peer->says('u'));
  EXPECT_EQ(*handle->lock(lock(), kTry), Acquired::kClean);
}

TEST_F(Lock, WordsThatNameNoPossibleOwnerCountAsDead) {
  const Handle handle(file_.fd(), *shared_);
  const auto peer = owner();  // slot 2, generation 1
  const std::uint32_t impossible[] = {
      kWaiters,                  // slot 0
      1u << 16,                  // slot 0
      kSlotCount + 1,            // beyond the table
      0xffff'ffff,               //
      1u << 16 | 3u,             // a slot nobody has
      2u << 16 | 2u,             // another generation of a living process
      kWaiters | 2u << 16 | 1u,  // another generation of our own slot
  };

  for (const std::uint32_t bad : impossible) {
    seam::store(lock().word, bad);
    EXPECT_FALSE(handle->owner_alive(bad)) << std::hex << bad;
    const auto acquired = handle->lock(lock(), kTry);
    ASSERT_TRUE(acquired) << std::hex << bad;
    EXPECT_EQ(*acquired, Acquired::kOwnerDied) << std::hex << bad;
  }
  EXPECT_TRUE(handle->owner_alive(1u << 16 | 2u));
  EXPECT_TRUE(handle->owner_alive(kWaiters | 1u << 16 | 2u));
}

TEST_F(Lock, OfADeadOwnerIsFoundThoughItsSlotIsUsedAgain) {
  owner()->kill_and_wait();
  const std::uint32_t dead = word();
  const Handle same_slot(file_.fd(), *shared_);
  const Handle other(file_.fd(), *shared_);
  ASSERT_EQ(same_slot.slot(), 1u);

  EXPECT_FALSE(other->owner_alive(dead));
  EXPECT_FALSE(same_slot->owner_alive(dead));
  EXPECT_EQ(*other->lock(lock(), kTry), Acquired::kOwnerDied);
}

TEST_F(Lock, OfOneWhoWasFoundDeadIsTakenWithoutWaiting) {
  owner()->kill_and_wait();
  seam::store(shared_->other.word, word());
  EXPECT_EQ(in_child([&] {
              const Handle handle(file_.fd(), *shared_);
              CHILD_REQUIRE(*handle->lock(lock(), kForEver) == Acquired::kOwnerDied);
              // Whoever sleeps dies.
              CHILD_REQUIRE(install_filter(
                  {SYS_futex, SECCOMP_RET_KILL_PROCESS, 1, FUTEX_WAIT_BITSET, true}));
              CHILD_REQUIRE(*handle->lock(shared_->other, kForEver) == Acquired::kOwnerDied);
              return 0;
            }),
            0);
}

TEST_F(Lock, OfOneWhoDiesInRecoveryIsRecoveredAgain) {
  owner()->kill_and_wait();
  EXPECT_EQ(in_child([&] {
              const Handle handle(file_.fd(), *shared_);
              return *handle->lock(lock(), kTry) == Acquired::kOwnerDied ? 0 : 1;
            }),
            0);

  const Handle handle(file_.fd(), *shared_);
  EXPECT_EQ(*handle->lock(lock(), kTry), Acquired::kOwnerDied);
}

// What the kernel is asked: a process dies that asks it to wake anybody.
int unlock_with_word(const File& file, SharedLock& shared, std::uint32_t bits) {
  return in_child([&] {
    const Handle handle(file.fd(), shared);
    CHILD_REQUIRE(handle->lock(shared.lock, kTry));
    seam::store(shared.lock.word, seam::load(shared.lock.word) | bits);
    CHILD_REQUIRE(install_filter({SYS_futex, SECCOMP_RET_KILL_PROCESS, 1, FUTEX_WAKE, true}));
    handle->unlock(shared.lock);
    return 0;
  });
}

TEST_F(Lock, WakesSomebodyOnlyIfSomebodyWaits) {
  EXPECT_EQ(unlock_with_word(file_, *shared_, 0), 0);
  EXPECT_EQ(word(), 0u);
  EXPECT_EQ(unlock_with_word(file_, *shared_, kWaiters), -SIGSYS);
}

TEST_F(Lock, IsTakenWithTheWaitersBitByWhoeverHasSlept) {
  const Handle handle(file_.fd(), *shared_);
  const Handle waiter(file_.fd(), *shared_);
  ASSERT_TRUE(handle->lock(lock(), kTry));
  std::thread thread([&] { EXPECT_EQ(*waiter->lock(lock(), kForEver), Acquired::kClean); });
  while ((word() & kWaiters) == 0) std::this_thread::yield();

  handle->unlock(lock());
  thread.join();

  EXPECT_EQ(word(), kWaiters | 1u << 16 | waiter.slot());
}

TEST_F(Lock, DoesWithoutFutexes) {
  const auto peer = owner();
  EXPECT_EQ(in_child([&] {
              const Handle handle(file_.fd(), *shared_);
              CHILD_REQUIRE(install_filter({SYS_futex, error_of(ENOSYS)}));
              CHILD_REQUIRE(handle->lock(lock(), milliseconds(5)).error().code() == Code::kBusy);
              peer->tell();
              CHILD_REQUIRE(handle->lock(lock(), milliseconds::max()));
              handle->unlock(lock());
              return 0;
            }),
            0);
}

}  // namespace
}  // namespace hmap
