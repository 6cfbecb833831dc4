// See ahead.h.
#include "life/ahead.h"

#include <algorithm>
#include <exception>

#include "state/guarded.h"
#include "state/space.h"
#include "system/thread.h"

namespace hmap {
namespace {

constexpr const char* kNoMemory = "no memory to bring memory in";

}  // namespace

Ahead::~Ahead() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void Ahead::wake() {
  if (!engine_.wants_ahead.exchange(false)) return;
  const std::lock_guard lock(mutex_);
  wanted_ = true;
  if (thread_.joinable()) {
    wake_.notify_one();
  } else if (!cannot_start_) {
    try {
      thread_ = start_thread("hmap-ahead", [this] { run(); });
    } catch (const std::exception&) {
      // No memory or no more threads. The write that asked has happened and must say so.
      cannot_start_ = true;
    }
  }
}

void Ahead::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stop_ || wanted_; });
    if (stop_) return;
    wanted_ = false;
    lock.unlock();
    extend_zones();
    static_cast<void>(run_to_an_answer(engine_.guarded, kNoMemory, [&]() -> Status {
                        bring_arrays_in();
                        return {};
                      }).ok());
    lock.lock();
  }
}

// Until enough is there, or something is in the way: a full disk, damage. Writes will say so.
void Ahead::extend_zones() {
  while (!stop_) {
    const Result<u64> added =
        run_to_an_answer(engine_.guarded, kNoMemory, [&] { return extend_zone(engine_); });
    if (!added || *added == format::kForever) return;
    bring_in(*added, Layout::kZoneBytes, &Mapping::populate_ahead);
  }
}

// Looks what the shard's next array is, if that is large. Returns whether it is being made ready,
// in steps that punch holes: which waits for those who bring pages of the file in, and the writes
// behind it. The words are read beside writers: what they say is checked where it is used, and a
// page brought in without need harms nobody.
bool Ahead::is_in_the_making(u64 shard) {
  const format::ShardHeader& header = engine_.header(shard);
  NextArray& array = arrays_[shard];
  const u64 id = seam::load(header.next.id);
  if (id != 0 && id != array.id) {
    const u64 b = seam::load(header.next.b);
    const u64 offset = seam::load(header.next.run[0]).value;
    const u64 bytes = engine_.layout.run_bytes(engine_.layout.shape(b).runs[0]);
    if (b >= kMaxB || seam::load(header.next.id) != id) return true;
    array = {id, offset, bytes, bytes};
  }
  return id != 0 && engine_.layout.is_wide(array.bytes) &&
         seam::load(header.next_prepared) < array.bytes;
}

void Ahead::bring_arrays_in() {
  bool wait = false;
  for (u64 shard = 0; shard < arrays_.size(); ++shard) wait = is_in_the_making(shard) || wait;
  if (wait) return;
  for (NextArray& array : arrays_) {
    if (!engine_.layout.is_wide(array.bytes)) continue;
    for (; array.left != 0 && !stop_; array.left -= std::min(array.left, Layout::kZoneBytes))
      bring_in(array.offset + array.bytes - array.left, std::min(array.left, Layout::kZoneBytes),
               &Mapping::populate);
  }
}

// Bounds: a damaged header's array may lie anywhere.
void Ahead::bring_in(u64 offset, u64 bytes, Status (Mapping::*populate)(u64, u64)) const {
  if (engine_.map->bytes(offset, bytes) == nullptr) return;
  // Not beyond: blocks that change here and there may lie behind an array.
  engine_.map->advise_huge(offset, bytes);
  // A failure is met again by those who store there.
  static_cast<void>((*engine_.map.*populate)(offset, bytes).ok());
}

}  // namespace hmap
