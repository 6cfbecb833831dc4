// A lock in memory that processes share, and handles that take it.
#ifndef HMAP_TESTS_UNIT_LOCK_SUPPORT_H_
#define HMAP_TESTS_UNIT_LOCK_SUPPORT_H_

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>

#include "os_support.h"
#include "shared_memory.h"
#include "system/lock.h"
#include "system/process.h"
#include "system/seam.h"

namespace hmap::unit {

inline constexpr std::uint32_t kWaiters = std::uint32_t{1} << 31;
inline constexpr std::uint32_t kSlotCount = 8;
inline constexpr std::chrono::milliseconds kForEver{-1};
inline constexpr std::chrono::milliseconds kTry{0};

struct SharedLock {
  format::Lock lock;
  format::Lock other;
  std::array<format::Slot, kSlotCount> slots;
  std::uint64_t inside;
  std::uint64_t sections;
  std::uint64_t recoveries;
  std::uint64_t violations;
};

// One writing handle, registered as the store does it.
class Handle {
 public:
  Handle(int fd, SharedLock& shared) : attachment_(*Attachment::create(fd)) {
    slot_ = *attachment_->take_slot(kSlotCount);
    if (!attachment_->bind().ok()) std::abort();
    auto& generation = shared.slots[slot_ - 1].generation;
    seam::store(generation, seam::load(generation) + 1);
    locker_ = std::make_unique<Locker>(fd, shared.slots.data(), kSlotCount, slot_);
  }
  [[nodiscard]] const Locker& operator*() const { return *locker_; }
  [[nodiscard]] const Locker* operator->() const { return locker_.get(); }
  [[nodiscard]] std::uint32_t slot() const { return slot_; }

 private:
  std::unique_ptr<Attachment> attachment_;
  std::uint32_t slot_ = 0;
  std::unique_ptr<Locker> locker_;
};

class LockTest : public testing::Test {
 protected:
  // A process that takes the lock and keeps it until it is told to unlock.
  std::unique_ptr<Peer> owner() {
    auto peer = std::make_unique<Peer>([this](const Peer::Line& line) {
      const Handle handle(file_.fd(), *shared_);
      if (!handle->lock(lock(), kForEver)) return 1;
      line.say('l');
      line.wait_for_word();
      handle->unlock(lock());
      line.say('u');
      line.wait_for_word();
      return 0;
    });
    EXPECT_TRUE(peer->says('l'));
    return peer;
  }
  [[nodiscard]] format::Lock& lock() const { return shared_->lock; }
  [[nodiscard]] std::uint32_t word() const { return seam::load(shared_->lock.word); }

  const test::TempDir dir_{test::TempDir::Where::kMemory};
  const File file_{dir_.file("f")};
  const test::Shared<SharedLock> shared_;
};

}  // namespace hmap::unit

#endif  // HMAP_TESTS_UNIT_LOCK_SUPPORT_H_
