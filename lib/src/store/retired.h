// Handles on stores that were replaced: each goes once no call can be using it, and with it its
// mapping, its process slot, and the blocks of a file that has no name.
#ifndef HMAP_SRC_STORE_RETIRED_H_
#define HMAP_SRC_STORE_RETIRED_H_

#include <memory>

#include "store/handle.h"

namespace hmap {

class Retired {
 public:
  Retired();
  Retired(const Retired&) = delete;
  Retired& operator=(const Retired&) = delete;
  // No call is under way any more.
  ~Retired();

  // Memory for one more. Throws std::bad_alloc.
  void make_room();
  // Of a handle that no new call can find; behind make_room(), by one thread at a time. A thread
  // waits for the old ones, as long as there are any. Views, snapshots and cursors keep it longer.
  void add(std::shared_ptr<Handle> handle) noexcept;

 private:
  class Waiter;

  // Made with the first handle: most stores are never replaced.
  std::unique_ptr<Waiter> waiter_;
};

}  // namespace hmap

#endif  // HMAP_SRC_STORE_RETIRED_H_
