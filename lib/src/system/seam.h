// The one place where the library stores to shared memory, and where it announces every flush.
//
// In a release build these are plain loads and stores. Built with HMAP_SEAM (the library hmap_seam,
// for tests only), each announces itself first to a hook, which may record it, stop the process or
// kill it: so a test sees every store that another process can see, and can die before any of them.
//
// Order: load() is acquire and store() is release, always. On x86 both are plain moves; elsewhere
// they carry every ordering that the protocols of lib/README.md need, and ThreadSanitizer can
// follow them, which it cannot with fences.
#ifndef HMAP_SRC_SYSTEM_SEAM_H_
#define HMAP_SRC_SYSTEM_SEAM_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "format/offset.h"
#include "format/sanitizers.h"

namespace hmap::seam {

enum class Event : std::uint8_t {
  kStore,      // one aligned word: address, 8 or 4 bytes
  kCopy,       // bytes copied into the file
  kZero,       // bytes set to zero
  kAllocate,   // blocks of the file asked for: address = file offset
  kPunch,      // blocks given back: address = file offset
  kFlush,      // everything written so far becomes durable when it returns
  kWriteRoot,  // bytes written and flushed on their own: address = file offset
  kWriteLog,   // bytes written to the commit log: address = position
  kFlushLog,   // everything written to the commit log so far becomes durable when it returns
};

#ifdef HMAP_SEAM
// Called before the event, in the thread that makes it. Null: nobody listens. Set before the first
// store is opened; not meant to be changed while other threads use the library.
using Hook = void (*)(Event event, const void* address, std::size_t bytes);
extern std::atomic<Hook> hook;
inline void announce(Event event, const void* address, std::size_t bytes) {
  if (Hook listener = hook.load(std::memory_order_acquire)) listener(event, address, bytes);
}
#else
inline void announce(Event, const void*, std::size_t) {}
#endif

// For events whose address is a place in a file; the hook only makes a number of it again.
inline void announce_at(Event event, std::uint64_t place, std::size_t bytes) {
  const void* address = reinterpret_cast<const void*>(place);  // NOLINT(performance-no-int-to-ptr)
  announce(event, address, bytes);
}

inline std::uint64_t load(const std::uint64_t& word) noexcept {
  return std::atomic_ref(const_cast<std::uint64_t&>(word)).load(std::memory_order_acquire);
}
inline std::uint32_t load(const std::uint32_t& word) noexcept {
  return std::atomic_ref(const_cast<std::uint32_t&>(word)).load(std::memory_order_acquire);
}

inline void store(std::uint64_t& word, std::uint64_t value) noexcept {
  announce(Event::kStore, &word, sizeof word);
  std::atomic_ref(word).store(value, std::memory_order_release);
}
inline void store(std::uint32_t& word, std::uint32_t value) noexcept {
  announce(Event::kStore, &word, sizeof word);
  std::atomic_ref(word).store(value, std::memory_order_release);
}

// A place that the file names is a word like others.
template <typename T>
format::Offset<T> load(const format::Offset<T>& word) noexcept {
  return {load(word.value)};
}
template <typename T>
void store(format::Offset<T>& word, format::Offset<T> place) noexcept {
  store(word.value, place.value);
}

// Lock words and pins. Sequentially consistent read-modify-writes.
inline bool compare_exchange(std::uint32_t& word, std::uint32_t& expected,
                             std::uint32_t desired) noexcept {
  announce(Event::kStore, &word, sizeof word);
  return std::atomic_ref(word).compare_exchange_strong(expected, desired);
}
inline bool compare_exchange(std::uint64_t& word, std::uint64_t& expected,
                             std::uint64_t desired) noexcept {
  announce(Event::kStore, &word, sizeof word);
  return std::atomic_ref(word).compare_exchange_strong(expected, desired);
}
inline std::uint64_t fetch_add(std::uint64_t& word, std::uint64_t value) noexcept {
  announce(Event::kStore, &word, sizeof word);
  return std::atomic_ref(word).fetch_add(value);
}
inline std::uint32_t fetch_add(std::uint32_t& word, std::uint32_t value) noexcept {
  announce(Event::kStore, &word, sizeof word);
  return std::atomic_ref(word).fetch_add(value);
}
inline std::uint32_t exchange(std::uint32_t& word, std::uint32_t value) noexcept {
  announce(Event::kStore, &word, sizeof word);
  return std::atomic_ref(word).exchange(value);
}

// Copies bytes into the file. Whoever may look at them meanwhile checks afterwards whether what it
// saw was meant (a version, a place, a checksum).
#ifdef HMAP_TSAN
inline void copy_bytes(void* to, const void* from, std::size_t bytes) noexcept {
  auto* out = static_cast<unsigned char*>(to);
  const auto* in = static_cast<const unsigned char*>(from);
  for (std::size_t i = 0; i < bytes; ++i) {
    __atomic_store_n(out + i, __atomic_load_n(in + i, __ATOMIC_RELAXED), __ATOMIC_RELAXED);
  }
}
#else
inline void copy_bytes(void* to, const void* from, std::size_t bytes) noexcept {
  std::memcpy(to, from, bytes);
}
#endif

inline void copy_in(void* to, const void* from, std::size_t bytes) noexcept {
  announce(Event::kCopy, to, bytes);
  copy_bytes(to, from, bytes);
}

inline void zero(void* to, std::size_t bytes) noexcept {
  announce(Event::kZero, to, bytes);
#ifdef HMAP_TSAN
  for (std::size_t i = 0; i < bytes; ++i) {
    __atomic_store_n(static_cast<unsigned char*>(to) + i, 0, __ATOMIC_RELAXED);
  }
#else
  std::memset(to, 0, bytes);
#endif
}

// Between a store that tells readers to look elsewhere and new bytes where they looked.
inline void write_barrier() noexcept {
#ifndef HMAP_TSAN
  std::atomic_thread_fence(std::memory_order_release);
#endif
}

// Between reading bytes that may be changing and the checks that say whether they were meant.
inline void read_barrier() noexcept {
#ifndef HMAP_TSAN
  std::atomic_thread_fence(std::memory_order_acquire);
#endif
}

// Between stores and loads of which two processes each do one and want to see at least one of the
// other's: whoever pins a record and looks whether it is still reachable, and whoever made one
// unreachable and looks whether it is pinned.
inline void full_barrier() noexcept {
#ifdef HMAP_TSAN
  std::atomic<int> nobody{0};
  nobody.exchange(1);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

// The same directly behind a read-modify-write of a word of ours, which on x86 is one by itself.
inline void full_barrier_after_exchange() noexcept {
#if defined(__x86_64__) && !defined(HMAP_TSAN)
  std::atomic_signal_fence(std::memory_order_seq_cst);
#else
  full_barrier();
#endif
}

// Whether bytes that another process may be changing are equal to private ones; the caller checks
// afterwards whether they were meant.
[[gnu::always_inline]] inline bool equal(const void* shared, const void* own,
                                         std::size_t bytes) noexcept {
#ifdef HMAP_TSAN
  for (std::size_t i = 0; i < bytes; ++i) {
    if (__atomic_load_n(static_cast<const unsigned char*>(shared) + i, __ATOMIC_RELAXED) !=
        static_cast<const unsigned char*>(own)[i])
      return false;
  }
  return true;
#else
  // Short keys are the rule: no call for them.
  const auto* a = static_cast<const unsigned char*>(shared);
  const auto* b = static_cast<const unsigned char*>(own);
  if (bytes < sizeof(std::uint64_t) || bytes > 4 * sizeof(std::uint64_t))
    return std::memcmp(a, b, bytes) == 0;
  const auto differ = [&](std::size_t at) {
    std::uint64_t x = 0;
    std::uint64_t y = 0;
    std::memcpy(&x, a + at, sizeof x);
    std::memcpy(&y, b + at, sizeof y);
    return x ^ y;
  };
  // The first words and the last ones, which may overlap.
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  std::uint64_t difference = differ(0) | differ(bytes - kWord);
  if (bytes > 2 * kWord) difference |= differ(kWord) | differ(bytes - 2 * kWord);
  return difference == 0;
#endif
}

// Copies bytes that another process may be changing into private memory; the caller checks
// afterwards. (A plain copy is a data race in the language's terms; ThreadSanitizer builds use
// atomic bytes.)
inline void copy_out(void* to, const void* from, std::size_t bytes) noexcept {
  copy_bytes(to, from, bytes);
}

}  // namespace hmap::seam

#endif  // HMAP_SRC_SYSTEM_SEAM_H_
