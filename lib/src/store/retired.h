// Handles on stores that were replaced: each goes once no call can be using it, and with it its
// mapping, its process slot, and the blocks of a file that has no name.
#ifndef HMAP_SRC_STORE_RETIRED_H_
#define HMAP_SRC_STORE_RETIRED_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "store/handle.h"
#include "system/calls.h"

namespace hmap {

class Retired {
 public:
  Retired() = default;
  Retired(const Retired&) = delete;
  Retired& operator=(const Retired&) = delete;
  // No call is under way any more.
  ~Retired();

  // Of a handle that no new call can find. A thread waits for the old ones, as long as there are
  // any. Views, snapshots and cursors keep it longer.
  void add(std::shared_ptr<Handle> handle) noexcept;

 private:
  struct Waiting {
    std::shared_ptr<Handle> handle;
    Grace grace;
  };
  void run();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Waiting> waiting_;
  bool running_ = false;
  bool added_ = false;  // since run() looked
  bool stop_ = false;
  std::uint64_t life_ = 0;  // of the process that made the thread
  std::thread thread_;
};

}  // namespace hmap

#endif  // HMAP_SRC_STORE_RETIRED_H_
