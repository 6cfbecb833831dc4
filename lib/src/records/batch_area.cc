// Lock, marks and operations of a batch.
#include "records/batch_area.h"

#include <algorithm>

#include "state/log.h"

namespace hmap {

using format::Batch;
using format::BatchPart;

namespace {

// The owner of the batch area died. The caller owns it now.
Status recover_batch(Engine& engine) {
  Batch& batch = engine.batch();
  // First: whether the batch's record in the log counts is told by its state.
  if (Status s = settle_log(engine); !s.ok()) return s;
  const u64 state = seam::load(batch.state);
  if (state % 2 == 0) {
    // It never happened, and nobody shall take a mark that it left for one of the next batch.
    seam::store(batch.state, state + 2);
    return {};
  }
  for (u64 shard = 0; shard < engine.layout.shards; ++shard) {
    if (seam::load(engine.batch_part(shard).ops) == 0) continue;
    // Whoever recovers the shard does its part.
    const Result<DomainLock> lock = DomainLock::take(engine, shard);
    if (!lock) return lock.error();
    if (Status s = finish_batch_part(engine, shard); !s.ok()) return s;
  }
  // Crash: before this store the next owner finds nothing left to do, and does this.
  seam::store(batch.state, state + 1);
  return {};
}

}  // namespace

Result<BatchLock> BatchLock::take(Engine& engine, std::chrono::milliseconds timeout) {
  format::Lock& word = engine.batch().lock;
  make_room_for_locks(engine);
  const Result<Acquired> acquired = engine.locker->lock(word, timeout);
  if (!acquired) return acquired.error();
  if (engine.guarded) remember_lock(word);
  BatchLock lock(engine);
  if (*acquired == Acquired::kOwnerDied) {
    TakeOver<BatchLock> take_over(lock);
    if (Status s = recover_batch(engine); !s.ok()) return s;
    take_over.complete();
  }
  return lock;
}

BatchLock::~BatchLock() {
  if (engine_ == nullptr) return;
  engine_->locker->unlock(engine_->batch().lock);
  if (engine_->guarded) forget_lock(engine_->batch().lock);
}

void BatchLock::abandon() noexcept {
  abandon_lock(*engine_, engine_->batch().lock);
  engine_ = nullptr;
}

PartOps part_ops(const Engine& engine, u64 shard) {
  const u64 ops = seam::load(engine.batch_part(shard).ops);
  const u64 first = ops & 0xffff'ffff;
  const u64 count = ops >> 32;
  if (first + count > engine.layout.batch_ops) return {};
  return {&engine.part(Offset<u64>{engine.layout.batch_op_offset(first)}), count};
}

void mark_part(Engine& engine, u64 shard, u64 state, u64 first, const std::vector<u64>& ops) {
  BatchPart& part = engine.batch_part(shard);
  u64& version = engine.header(shard).version;
  seam::copy_in(&engine.part(Offset<u64>{engine.layout.batch_op_offset(first)}), ops.data(),
                ops.size() * sizeof(u64));
  // Crash from here on: the batch has not happened, whoever recovers the shard unmarks it.
  seam::store(part.batch, state);
  seam::store(part.ops, first | u64{ops.size()} << 32);
  // Order: the part before the version, by which readers come to look at the part.
  seam::store(version, version | 1);
}

void unmark_part(Engine& engine, u64 shard) {
  BatchPart& part = engine.batch_part(shard);
  u64& version = engine.header(shard).version;
  // Order: a version that is odd for a batch always has a part. Crash in between: the part is
  // done once more, to no effect.
  if (version % 2 != 0) seam::store(version, version + 1);
  seam::store(part.ops, 0);
}

u64 find_in_batch(const Engine& engine, std::string_view key, u64 hash) {
  const PartOps ops = part_ops(engine, hash & (engine.layout.shards - 1));
  const u64 wanted = hash >> format::kBatchHashShift;
  const auto below = [wanted](const u64& op) {
    return seam::load(op) >> format::kBatchHashShift < wanted;
  };
  for (const u64* at = std::partition_point(ops.begin(), ops.end(), below); at != ops.end(); ++at) {
    const u64 op = seam::load(*at);
    if (op >> format::kBatchHashShift != wanted) break;
    const Result<EntryView> record = view_record(engine, format::batch_op_record(op));
    if (record && record->has_key(key)) return op;
  }
  return 0;
}

}  // namespace hmap
