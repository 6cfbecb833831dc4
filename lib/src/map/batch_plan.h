// What a batch will do in one shard: everything that may fail is done here, before the batch
// happens. lib/README.md, "A batch".
#ifndef HMAP_SRC_MAP_BATCH_PLAN_H_
#define HMAP_SRC_MAP_BATCH_PLAN_H_

#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "map/hmap.h"
#include "system/codec.h"

namespace hmap {

// One operation as the caller wants it.
struct BatchItem {
  std::string_view key;
  StoredValue value;
  bool erases = false;
  u64 hash = 0;  // hash_key(key)
};

// Puts the items in the order of the batch area, by shards and hashes, and drops those whose key a
// later one has again.
void arrange(std::vector<BatchItem>& items, u64 shards);

class BatchPlan {
 public:
  // Items of one shard, arranged, whose bytes outlive the plan.
  BatchPlan(Engine& engine, u64 shard, std::span<const BatchItem> items)
      : engine_(engine), shard_(shard), items_(items), header_(engine.header(shard)) {}

  // Grows the map as inserting the items one after the other would; writes their records where
  // nobody can reach them; makes every block writable and every overflow bucket ready that doing
  // the operations will need. The caller holds the shard's lock, and keeps it until they are done
  // or given up. Errors: kNoSpace, kBusy, kCorrupt, kIoError; then the map has the entries it had.
  Status prepare();

  [[nodiscard]] u64 shard() const { return shard_; }
  // For the batch area. Erasures of keys that are not there are left out.
  [[nodiscard]] const std::vector<u64>& ops() const { return ops_; }

  // When the operations are done: work that they leave over, as after a put or an erase.
  void tidy_up_behind();

 private:
  struct Chain {
    u64 empty_slots = 0;
    u64 inserts = 0;
  };
  Status grow();
  Status place(const BatchItem& item);
  Status open_chain(u64 head, Purpose purpose, Chain& chain);
  Status plan_erase(const BatchItem& item, const Location& location);
  Result<u64> write_new_record(const BatchItem& item);
  Status make_overflow_buckets();
  [[nodiscard]] u64 mixed(const BatchItem& item) const;

  Engine& engine_;
  u64 shard_;
  std::span<const BatchItem> items_;
  format::ShardHeader& header_;
  std::vector<u64> ops_;
  std::unordered_map<u64, Chain> chains_;  // by main bucket: those made writable
  ReservedSlots reserved_;
  u64 frees_ = 0;  // records that will be freed
};

}  // namespace hmap

#endif  // HMAP_SRC_MAP_BATCH_PLAN_H_
