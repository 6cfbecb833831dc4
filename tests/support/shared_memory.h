// Memory that parent and forked children share, for what the store must not be asked about.
#ifndef HMAP_TESTS_SUPPORT_SHARED_MEMORY_H_
#define HMAP_TESTS_SUPPORT_SHARED_MEMORY_H_

#include <sys/mman.h>

#include <memory>
#include <new>
#include <type_traits>

namespace hmap::test {

// A zeroed T in an anonymous shared mapping. It survives the kill -9 of any process but the last.
template <typename T>
class Shared {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  Shared() {
    void* memory =
        mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    value_ = new (memory) T{};
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { munmap(value_, sizeof(T)); }
  T& operator*() const noexcept { return *value_; }
  T* operator->() const noexcept { return value_; }

 private:
  T* value_;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_SUPPORT_SHARED_MEMORY_H_
