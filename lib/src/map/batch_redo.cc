// The part of a shard in a committed batch: each operation an ordinary change, and nothing where it
// has been done. For the one who applies the batch, and for whoever finds him dead.
#include "format/hash.h"
#include "map/hmap.h"
#include "records/batch_area.h"

namespace hmap {
namespace {

Status redo(Engine& engine, u64 shard, u64 op) {
  const Result<EntryView> record = view_record(engine, format::batch_op_record(op));
  if (!record) return record.error();
  const u64 hash = hash_key(record->key_view(), engine.store_seed);
  if ((hash & (engine.layout.shards - 1)) != shard)
    return Engine::corrupt("batch: record of another shard", record->record);
  return (op & format::kBatchEraseBit) != 0 ? redo_erase(engine, *record, hash)
                                            : redo_put(engine, *record, hash);
}

}  // namespace

Status finish_batch_part(Engine& engine, u64 shard) {
  if (seam::load(engine.batch_part(shard).ops) == 0) return {};
  if (part_is_committed(engine, shard)) {
    // Crash anywhere here: the mark stays, the next owner of the lock does it again.
    for (const u64& op : part_ops(engine, shard)) {
      if (Status s = redo(engine, shard, seam::load(op)); !s.ok()) return s;
    }
  }
  unmark_part(engine, shard);
  return {};
}

}  // namespace hmap
