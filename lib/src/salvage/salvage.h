// The passes of hmap::recover(): buckets, then bitmaps, then everything that looks like a record.
#ifndef HMAP_SRC_SALVAGE_SALVAGE_H_
#define HMAP_SRC_SALVAGE_SALVAGE_H_

#include <cerrno>
#include <memory>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "format/hash.h"
#include "hmap/store.h"
#include "salvage/salvage_log.h"
#include "salvage/salvage_scan.h"
#include "salvage/salvage_shard.h"
#include "salvage/salvage_source.h"

namespace hmap {

class Salvage {
 public:
  Salvage(SalvageSource& source, Store& fresh, const RecoverOptions& options, DamageLog& log,
          RecoverReport& report)
      : source_(source),
        engine_(source.engine),
        map_(*source.engine.map),
        fresh_(fresh),
        options_(options),
        log_(log),
        report_(report),
        lengths_(source.type),
        redo_(source, fresh, report, [this] { return tick(map_.file_bytes()); }),
        budget_(read_budget(map_)) {}

  Status run();

 private:
  // A shard and what of it was referred to by buckets.
  struct Part {
    std::unique_ptr<SalvageShard> shard;          // null: its header is lost
    std::vector<u64> referred;                    // sorted; only if the map is not whole
    std::unordered_set<u64> erased;               // records that a batch has yet to erase ...
    std::unordered_set<std::string> erased_keys;  // ... and keys of entries that lie in buckets
    bool has_batch = false;                       // one that has happened and may not be done
    bool whole = false;
    bool bitmaps_whole = false;
  };
  void open_parts();
  void claim();
  // Of entries claimed: the count of a shard does not have what a batch has yet to do.
  void count_differs(const Part& part, int by);
  Status take_batch(Part& part);
  Status take_buckets(Part& part);
  Status take_slot(Part& part, const SalvageShard::Filled& slot);
  Status take_inline(Part& part, const SalvageShard::Filled& slot);
  Status take_bitmaps(Part& part);
  Status take_used(const Part& part, const SalvageShard::Used& used);
  Status scan();
  Status take_scanned(const ScannedRecord& record);
  [[nodiscard]] bool is_stale(const ScannedRecord& record, u64 hash);
  Status tell_conflicts();
  // A long record that something refers to: whether it is intact, and with which key.
  struct Long {
    bool intact = false;
    bool taken = false;  // it was put
    u64 hash = 0;
  };
  // The record at the place, if it is intact. Long ones are read once; *known: what was found then.
  std::optional<ScannedRecord> read(u64 offset, Long** known = nullptr);
  [[nodiscard]] bool may_be_read(const ScannedRecord& record);
  Result<bool> put(const ScannedRecord& record, Evidence evidence);
  // The value as it was put, in the file or in `buffer`. Nothing: it cannot be decompressed.
  [[nodiscard]] std::optional<std::string_view> value_of(const ScannedRecord& record,
                                                         std::string& buffer) const;
  void lose(u64 offset, Evidence evidence, u64 bytes_max);
  [[nodiscard]] Status tick(u64 done) const {
    if (!options_.progress || options_.progress(done, map_.file_bytes())) return {};
    return {Code::kSystem, "ended by the progress callback", 0, ECANCELED};
  }
  [[nodiscard]] u64 hash_of(std::string_view key) const {
    return hash_key(key, engine_.store_seed);
  }

  SalvageSource& source_;
  const Engine& engine_;
  const Mapping& map_;
  Store& fresh_;
  const RecoverOptions& options_;
  DamageLog& log_;
  RecoverReport& report_;
  std::vector<Part> parts_;
  std::vector<bool> span_extents_;   // extents of spans whose bitmaps have been read
  std::unordered_set<u64> by_scan_;  // hashes of the keys taken by kScan
  Lengths lengths_;                  // of the new store
  SalvageLog redo_;
  bool falls_back_ = false;             // live, but for a shard that was read as durable
  std::unordered_set<u64> undecoded_;   // offsets of records whose values cannot be taken
  std::unordered_map<u64, Long> long_;  // by offset
  u64 budget_;                          // bytes of long records that may still be read
  std::vector<u64> rivals_;             // conflicts: offsets of the records that were not taken
};

}  // namespace hmap

#endif  // HMAP_SRC_SALVAGE_SALVAGE_H_
