// What the commit log beside a damaged store adds to the state of a root: writes that were
// acknowledged and are nowhere else.
//
// Every record of the row (F-61) is newer than all that the root's buckets and bitmaps refer to,
// and older than nothing of that; so it is applied to what these gave. What a scan finds is of any
// age, and counts only for keys that the row says nothing of.
#ifndef HMAP_SRC_SALVAGE_SALVAGE_LOG_H_
#define HMAP_SRC_SALVAGE_SALVAGE_LOG_H_

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "hmap/store.h"
#include "map/batch_plan.h"
#include "salvage/salvage_source.h"
#include "system/log_file.h"

namespace hmap {

class SalvageLog {
 public:
  // `step` is called for each record; a failed Status ends apply().
  SalvageLog(const SalvageSource& source, Store& fresh, RecoverReport& report,
             std::function<Status()> step)
      : source_(source),
        fresh_(fresh),
        report_(report),
        step_(std::move(step)),
        lengths_(source.type) {}

  // Applies the row to the new store, if the state that was read needs it and can be trusted to be
  // what the row continues. `falls_back`: it is the live one, but some shard was read as it is in
  // the durable one. What is wrong with the log is no error, but in the report. Errors: of `step`
  // and of the new store.
  Status apply(bool falls_back);

  // Whether the row said what became of the key with this hash_key(), so that no record that is
  // found elsewhere counts.
  [[nodiscard]] bool decides(u64 hash) const;

 private:
  Status find(bool falls_back);
  Status open(const u8* uuid);
  // Calls `visit` with each record of the row and what it does. What ends the row before its time
  // goes to the report.
  using Visit = std::function<Status(u64 at, const LogEntry&, const std::vector<BatchItem>&)>;
  Status walk(const Visit& visit);
  Status see(u64 at, const LogEntry& entry, const std::vector<BatchItem>& items);
  Status empty_cleared_shards();
  Status do_again(u64 at, const std::vector<BatchItem>& items);
  Status put(const BatchItem& item);
  void blame(const Status& status);
  [[nodiscard]] bool may_be_there() const;
  [[nodiscard]] u64 shard_of(u64 hash) const;

  const SalvageSource& source_;
  Store& fresh_;
  RecoverReport& report_;
  const std::function<Status()> step_;
  const Lengths lengths_;                // of the new store
  std::unique_ptr<LogFile> log_;         // null: there is none that counts
  std::unordered_map<u64, u64> clears_;  // position of the last one, by shard
  std::unordered_set<u64> decided_;      // hashes of the keys in the row
};

}  // namespace hmap

#endif  // HMAP_SRC_SALVAGE_SALVAGE_LOG_H_
