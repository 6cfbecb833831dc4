// The steps B1 to B8 of lib/README.md.
#include "life/apply.h"

#include <cstring>

#include "format/hash.h"
#include "life/checkpoint.h"
#include "records/batch_area.h"
#include "state/log.h"

namespace hmap {
namespace {

using format::LogBatchOp;
using format::LogOp;

std::string logged_batch(const std::vector<BatchItem>& items) {
  std::string logged;
  for (const BatchItem& item : items) {
    LogBatchOp op{};
    op.op = static_cast<u8>(item.erases ? LogOp::kErase : LogOp::kPut);
    op.key_bytes = static_cast<u16>(item.key.size());
    op.flags = static_cast<u8>(item.value.flags);
    op.value_bytes = static_cast<u32>(item.value.bytes.size());
    logged.append(reinterpret_cast<const char*>(&op), sizeof op).append(item.key);
    logged.append(item.value.bytes);
  }
  return logged;
}

// The marks of a batch in its shards. Those of one that has not happened are taken back, whatever
// keeps it from happening: an error, or memory that is refused.
class Marks {
 public:
  Marks(Engine& engine, const std::vector<u64>& shards) : engine_(engine), shards_(shards) {}
  Marks(const Marks&) = delete;
  Marks& operator=(const Marks&) = delete;
  ~Marks() {
    if (stay_) return;
    for (const u64 shard : shards_) unmark_part(engine_, shard);
  }
  void stay() { stay_ = true; }

 private:
  Engine& engine_;
  const std::vector<u64>& shards_;
  bool stay_ = false;
};

class Apply {
 public:
  Apply(Engine& engine, std::vector<BatchItem> items) : engine_(engine), items_(std::move(items)) {
    const std::span<const BatchItem> all(items_);
    for (std::size_t first = 0; first < all.size();) {
      const u64 shard = shard_of(all[first]);
      std::size_t end = first;
      while (end < all.size() && shard_of(all[end]) == shard) ++end;
      shards_.push_back(shard);
      plans_.emplace_back(engine, shard, all.subspan(first, end - first));
      first = end;
    }
  }

  Status run() {
    Result<BatchLock> batch_lock = BatchLock::take(engine_);  // B1
    if (!batch_lock) return batch_lock.error();
    Result<std::vector<DomainLock>> locks = lock_these(engine_, shards_, engine_.lock_timeout);
    if (!locks) return locks.error();
    u64 ops = 0;
    for (BatchPlan& plan : plans_) {  // B3
      if (Status s = plan.prepare(); !s.ok()) return s;
      ops += plan.ops().size();
    }
    if (ops == 0) return {};
    if (Status s = commit(); !s.ok()) return s;
    if (!finish()) {
      // It has happened, and everybody sees it. Whoever wants one of the locks next goes on.
      for (DomainLock& lock : *locks) lock.abandon();
      batch_lock->abandon();
    }
    return {};
  }

 private:
  [[nodiscard]] u64 shard_of(const BatchItem& item) const {
    return item.hash & (engine_.layout.shards - 1);
  }

  // B4 to B6.
  Status commit() {
    format::Batch& batch = engine_.batch();
    const u64 state = batch.state + 1;
    u64 first = 0;
    Marks marks(engine_, shards_);
    for (const BatchPlan& plan : plans_) {
      if (plan.ops().empty()) continue;
      mark_part(engine_, plan.shard(), state, first, plan.ops());
      first += plan.ops().size();
    }
    LogAppend append(engine_);
    if (engine_.log != nullptr) {
      // Crash: the batch never happened; its record lies behind the log's tail and does not count.
      const std::string logged = logged_batch(items_);
      const Status s = append.write(engine_.layout.shards, state, {LogOp::kBatch, {}, {logged}});
      if (!s.ok()) return s;
    }
    marks.stay();
    // Order: everything of the batch before its state. Crash: before this store the batch never
    // happened; after it readers of every shard see all of it, and who takes over a lock does it.
    seam::store(batch.state, state);
    if (engine_.log != nullptr) append.commit();
    return {};
  }

  // B7 and B8. False: something kept a part from being done.
  bool finish() {
    for (BatchPlan& plan : plans_) {
      if (!finish_batch_part(engine_, plan.shard()).ok()) return false;
    }
    // Crash: before this store the next owner of the batch area finds nothing left to do.
    seam::store(engine_.batch().state, engine_.batch().state + 1);
    for (BatchPlan& plan : plans_) plan.tidy_up_behind();
    return true;
  }

  Engine& engine_;
  const std::vector<BatchItem> items_;
  std::vector<u64> shards_;  // ascending
  std::vector<BatchPlan> plans_;
};

}  // namespace

Status apply_batch(Engine& engine, std::vector<BatchItem> items) {
  if (Status s = engine.check_poison(); !s.ok()) return s;
  for (BatchItem& item : items) item.hash = hash_key(item.key, engine.store_seed);
  arrange(items, engine.layout.shards);
  return Apply(engine, std::move(items)).run();
}

Status read_batch(std::string_view logged, std::vector<BatchItem>& items) {
  while (!logged.empty()) {
    LogBatchOp op;
    if (logged.size() < sizeof op) return {Code::kBadLog, "the commit log has half a batch"};
    std::memcpy(&op, logged.data(), sizeof op);
    logged.remove_prefix(sizeof op);
    const bool known =
        op.op == static_cast<u8>(LogOp::kPut) || op.op == static_cast<u8>(LogOp::kErase);
    if (!known || logged.size() < u64{op.key_bytes} + op.value_bytes)
      return {Code::kBadLog, "the commit log has a batch with an impossible operation"};
    BatchItem item;
    item.key = logged.substr(0, op.key_bytes);
    item.value = {logged.substr(op.key_bytes, op.value_bytes), op.flags};
    item.erases = op.op == static_cast<u8>(LogOp::kErase);
    items.push_back(item);
    logged.remove_prefix(op.key_bytes + op.value_bytes);
  }
  return {};
}

}  // namespace hmap
