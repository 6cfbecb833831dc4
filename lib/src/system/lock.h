// The lock of a domain: a futex word naming its owner's slot, taken over when the owner is dead and
// never from one that lives. reliability.md 3.3; 16 to 19 ns a pair when free.
#ifndef HMAP_SRC_SYSTEM_LOCK_H_
#define HMAP_SRC_SYSTEM_LOCK_H_

#include <chrono>
#include <cstdint>
#include <functional>

#include "format/runtime_format.h"
#include "hmap/result.h"
#include "hmap/status.h"

namespace hmap {

enum class Acquired : std::uint8_t {
  kClean,      // the last owner unlocked it
  kOwnerDied,  // the last owner died holding it: finish its work before anything else
};

// Where to ask whether an owner lives, for those who have no Locker, too. `own_slot`: the asker's;
// 0: none.
struct Owners {
  int fd;
  const format::Slot* slots;
  std::uint32_t slot_count;
  std::uint32_t own_slot;
};
// Whether a lock word names a living owner; 0 is nobody.
[[nodiscard]] bool owner_alive(const Owners& owners, std::uint32_t word) noexcept;

// Who locks: one writing handle. Lock words hold {generation, slot}, so that a slot used again by
// another process is not taken for the old owner.
class Locker {
 public:
  // `fd`: a descriptor of the store for liveness questions. `slots`: the slot table in the mapping,
  // `slot_count` long; slot numbers count from 1. `slot`: ours.
  Locker(int fd, const format::Slot* slots, std::uint32_t slot_count, std::uint32_t slot) noexcept;

  // Takes the lock, waiting at most `timeout` for a living owner (negative: for ever; zero: try).
  // Dead owners are noticed within about 2 ms and cost no time-out. A word that names no possible
  // owner counts as dead. Returns kBusy with the slot as value(), or how it was acquired.
  // Signals interrupt nothing.
  Result<Acquired> lock(format::Lock& lock, std::chrono::milliseconds timeout) const;

  // Releases a lock this handle holds and wakes one waiter.
  void unlock(format::Lock& lock) const noexcept;

  [[nodiscard]] bool owner_alive(std::uint32_t word) const noexcept;

  [[nodiscard]] std::uint32_t slot() const noexcept { return slot_; }
  // What this handle writes into lock words: generation << 16 | slot.
  [[nodiscard]] std::uint32_t word() const noexcept { return word_; }

 private:
  [[nodiscard]] Result<Acquired> lock_slow(format::Lock& lock,
                                           std::chrono::milliseconds timeout) const;
  [[nodiscard]] Result<Acquired> wait_for(format::Lock& lock,
                                          std::chrono::milliseconds timeout) const;

  int fd_;
  const format::Slot* slots_;
  std::uint32_t slot_count_;
  std::uint32_t slot_;
  std::uint32_t word_;  // ours: generation << 16 | slot
};

// Sleeps while the shared word is `seen`, at most so long; and wakes all who do.
void sleep_while(std::uint32_t& word, std::uint32_t seen, std::chrono::milliseconds most) noexcept;
void wake_all(std::uint32_t& word) noexcept;

}  // namespace hmap

#endif  // HMAP_SRC_SYSTEM_LOCK_H_
