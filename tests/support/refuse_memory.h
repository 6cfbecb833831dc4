// Memory that is refused. Replaces operator new of the program: for one of its files.
#ifndef HMAP_TESTS_SUPPORT_REFUSE_MEMORY_H_
#define HMAP_TESTS_SUPPORT_REFUSE_MEMORY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace hmap::test {

// Of this thread: 0 refuses nothing, n the n-th request from now on.
inline thread_local std::uint64_t refuse_in = 0;

// Of the threads that are not spared: so many requests are refused.
inline std::atomic<int> refuse_others = 0;
inline thread_local bool is_spared = false;

inline bool is_refused_as_another() {
  int left = is_spared ? 0 : refuse_others.load();
  while (left > 0 && !refuse_others.compare_exchange_weak(left, left - 1)) continue;
  return left > 0;
}

inline void* request_memory(std::size_t bytes) {
  if (is_refused_as_another()) throw std::bad_alloc();
  if (refuse_in != 0 && --refuse_in == 0) throw std::bad_alloc();
  void* memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace hmap::test

// NOLINTBEGIN(misc-definitions-in-headers)
void* operator new(std::size_t bytes) { return hmap::test::request_memory(bytes); }
void* operator new[](std::size_t bytes) { return hmap::test::request_memory(bytes); }
// Who asks in this way can do without.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return std::malloc(bytes); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
// NOLINTEND(misc-definitions-in-headers)

#endif  // HMAP_TESTS_SUPPORT_REFUSE_MEMORY_H_
