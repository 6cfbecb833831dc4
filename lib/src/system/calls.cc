// The words of the threads.
#include "system/calls.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <new>

namespace hmap {

constinit thread_local CallWord* calls_of_thread = nullptr;

namespace {

// Never destroyed, because a thread may end at any time; used again when its thread has ended. Of a
// cache line of its own.
struct alignas(64) Cell {
  CallWord word{0};
  std::atomic<bool> taken{true};
  Cell* next = nullptr;
};
std::atomic<Cell*> first_cell{nullptr};

Cell* take_cell() {
  for (Cell* cell = first_cell.load(std::memory_order_acquire); cell != nullptr;
       cell = cell->next) {
    if (!cell->taken.exchange(true, std::memory_order_acquire)) return cell;
  }
  Cell* cell = new Cell;
  cell->next = first_cell.load(std::memory_order_relaxed);
  while (!first_cell.compare_exchange_weak(cell->next, cell, std::memory_order_release)) continue;
  return cell;
}

// A call from the destructor of another thread-local object, after ours: the cell stays taken.
thread_local bool resigned = false;

struct Resignation {
  Cell* cell;
  ~Resignation() {
    resigned = true;
    calls_of_thread = nullptr;
    cell->taken.store(false, std::memory_order_release);
  }
};

bool pass_barrier() {
  const auto membarrier = [](int command) {
    return ::syscall(__NR_membarrier, command, 0, 0) == 0;
  };
  // Registering again, also in a child, is allowed and cheap.
  if (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) &&
      membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED))
    return true;
  return membarrier(MEMBARRIER_CMD_GLOBAL);
}

}  // namespace

CallWord* enlist_thread() {
  Cell* cell = take_cell();
  if (!resigned) static thread_local const Resignation resignation{cell};
  calls_of_thread = &cell->word;
  return calls_of_thread;
}

Grace::Grace() noexcept : passed_(pass_barrier()) {
  try {
    look();
  } catch (const std::bad_alloc&) {
    passed_ = false;
  }
}

void Grace::look() {
  for (const Cell* cell = first_cell.load(std::memory_order_acquire); cell != nullptr;
       cell = cell->next) {
    const std::uint64_t now = cell->word.load(std::memory_order_acquire);
    if (now % 2 != 0) inside_.emplace_back(&cell->word, now);
  }
}

bool Grace::over() {
  std::erase_if(inside_, [](const auto& call) {
    return call.first->load(std::memory_order_acquire) != call.second;
  });
  return passed_ && inside_.empty();
}

}  // namespace hmap
