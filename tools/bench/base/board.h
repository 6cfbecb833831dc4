// Memory that processes share with those they fork.
#ifndef HMAP_BENCH_BASE_BOARD_H_
#define HMAP_BENCH_BASE_BOARD_H_

#include <sys/mman.h>

#include <cerrno>
#include <new>
#include <system_error>

namespace hmap::bench {

// One T, in anonymous shared memory. T must be of use to several processes: atomics and the like.
template <typename T>
class SharedBoard {
 public:
  SharedBoard() {
    void* const memory =
        mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    board_ = new (memory) T{};
  }
  ~SharedBoard() { munmap(board_, sizeof(T)); }
  SharedBoard(const SharedBoard&) = delete;
  SharedBoard& operator=(const SharedBoard&) = delete;

  T& operator*() const noexcept { return *board_; }
  T* operator->() const noexcept { return board_; }

 private:
  T* board_ = nullptr;
};

}  // namespace hmap::bench

#endif  // HMAP_BENCH_BASE_BOARD_H_
