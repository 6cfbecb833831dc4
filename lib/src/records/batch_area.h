// The batch area of the runtime area: its lock, the operations of a committed batch, and the marks
// it leaves in shards. lib/README.md, "A batch".
#ifndef HMAP_SRC_RECORDS_BATCH_AREA_H_
#define HMAP_SRC_RECORDS_BATCH_AREA_H_

#include <string_view>
#include <vector>

#include "records/records.h"

namespace hmap {

// Holds the lock of the batch area. If the last owner died, its batch is finished in every shard
// that is left, or will never happen. Taken before any shard's lock.
class BatchLock {
 public:
  // Errors: kBusy, and those of recovering.
  static Result<BatchLock> take(Engine& engine) { return take(engine, engine.lock_timeout); }
  static Result<BatchLock> take(Engine& engine, std::chrono::milliseconds timeout);
  BatchLock(BatchLock&& other) noexcept : engine_(other.engine_) { other.engine_ = nullptr; }
  BatchLock& operator=(BatchLock&&) = delete;
  ~BatchLock();
  void abandon() noexcept;  // abandon_lock()

 private:
  explicit BatchLock(Engine& engine) : engine_(&engine) {}
  Engine* engine_;
};

// The operations that a shard's part names, those of them that lie in the area.
struct PartOps {
  const u64* first = nullptr;
  u64 count = 0;
  [[nodiscard]] const u64* begin() const { return first; }
  [[nodiscard]] const u64* end() const { return first + count; }
};
PartOps part_ops(const Engine& engine, u64 shard);

// Whether the shard's part, if it has one, is of a batch that has happened.
inline bool part_is_committed(const Engine& engine, u64 shard) {
  return seam::load(engine.batch_part(shard).batch) == seam::load(engine.batch().state);
}

// Writes the part's operations to the area from `first` on, and marks the shard for a batch that
// will have this state; whoever holds the locks of both. From then on readers of the shard ask
// whether the batch has happened.
void mark_part(Engine& engine, u64 shard, u64 state, u64 first, const std::vector<u64>& ops);
// Takes the mark away: everything is done, or nothing ever will be.
void unmark_part(Engine& engine, u64 shard);

// The operation on a key in the part of its shard, which is committed; 0 if there is none. Without
// the lock: what is found counts if the version of the shard's header is the same afterwards.
u64 find_in_batch(const Engine& engine, std::string_view key, u64 hash);

}  // namespace hmap

#endif  // HMAP_SRC_RECORDS_BATCH_AREA_H_
