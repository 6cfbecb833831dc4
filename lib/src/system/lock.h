// The lock of a domain: a futex word naming its owner's slot, taken over when the owner is dead and
// never from one that lives. reliability.md 3.3; 16 to 19 ns a pair when free.
#ifndef HMAP_SRC_SYSTEM_LOCK_H_
#define HMAP_SRC_SYSTEM_LOCK_H_

#include <atomic>
#include <chrono>
#include <climits>
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
// What the owner of a slot writes into lock words: generation << 16 | slot. The highest bit is for
// those who wait.
constexpr std::uint32_t owner_word(std::uint64_t generation, std::uint64_t slot) {
  return static_cast<std::uint32_t>((generation & 0x7fff) << 16 | slot);
}
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
  // Dead owners are noticed within about 2 ms and cost no time-out; the other locks of one who was
  // found dead are taken at once. A word that names no possible owner counts as dead. Returns kBusy
  // with the slot as value(), or how it was acquired. Signals interrupt nothing.
  Result<Acquired> lock(format::Lock& lock, std::chrono::milliseconds timeout) const;

  // Takes the lock if it is free; else kBusy, even if its owner is dead.
  Result<Acquired> try_lock(format::Lock& lock) const;

  // Releases a lock this handle holds and wakes one waiter.
  void unlock(format::Lock& lock) const noexcept;

  [[nodiscard]] bool owner_alive(std::uint32_t word) const noexcept;

  [[nodiscard]] std::uint32_t slot() const noexcept { return slot_; }
  // What this handle writes into lock words.
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
  std::uint32_t word_;                                // ours: generation << 16 | slot
  mutable std::atomic<std::uint32_t> known_dead_{0};  // the owner found dead last; 0: none
};

// Whether a wait that began at `start` has taken `timeout`, as Locker::lock() takes it: negative,
// and more years than the clock counts, are for ever.
[[nodiscard]] bool has_timed_out(std::chrono::steady_clock::time_point start,
                                 std::chrono::milliseconds timeout) noexcept;

// Sleeping on a shared word that counts something. Each sleeper has reasons, of 32 bits, to be
// woken for; who waits without this library is woken for any.
inline constexpr std::uint32_t kAnyReason = ~std::uint32_t{0};
inline constexpr int kAllSleepers = INT_MAX;
// Sleeps while the word is `seen`, at most so long; false if nothing else ended it.
bool sleep_while(std::uint32_t& word, std::uint32_t seen, std::chrono::nanoseconds most,
                 std::uint32_t reasons) noexcept;
// Wakes at most `count` of those who sleep for one of the reasons.
void wake(std::uint32_t& word, int count, std::uint32_t reasons) noexcept;

}  // namespace hmap

#endif  // HMAP_SRC_SYSTEM_LOCK_H_
