// Emptying spans that hold few records: what they hold moves to other spans, each record a change
// of its own that shows in no key and no value; then the spans go back to the free extents.
#ifndef HMAP_SRC_MAP_SPARSE_H_
#define HMAP_SRC_MAP_SPARSE_H_

#include "records/spans.h"

namespace hmap {

// The spans of a shard that are worth emptying, as they were when they were looked at: less than
// three quarters of their slots hold records, and what they hold fits into fewer spans.
class SparseSpans {
 public:
  explicit SparseSpans(u64 shard) : shard_(shard) {}

  // One step: looks at some spans, under the shard's lock. False: all have been looked at, and the
  // choice is made. Errors: kBusy, kCorrupt.
  Result<bool> look(Engine& engine);

  [[nodiscard]] u64 shard() const { return shard_; }
  [[nodiscard]] bool has(u64 span) const { return span < sparse_.size() && sparse_[span]; }
  [[nodiscard]] u64 count() const { return count_; }
  // By span; what is moved shall not go there.
  [[nodiscard]] const std::vector<bool>& all() const { return sparse_; }

 private:
  struct Fill {
    u8 size_class = format::kClasses;  // that: unused
    u16 records = 0;
  };
  void choose(const Engine& engine);

  u64 shard_;
  std::vector<Fill> fills_;
  std::vector<bool> sparse_;
  u64 count_ = 0;
};

struct Moved {
  u64 records = 0;
  u64 bytes = 0;  // of these
};

// One step: moves what the sparse spans hold of some chains, from the one on that `walked` reversed
// hashes lead to, under the shard's lock; adds to `moved`. A growth under way is carried on there.
// False at the end, `walked` being 0 again. Views and snapshots see what they saw; whoever reads
// meanwhile finds the old record or the new one. Not logged: nothing that a key or value shows.
// Errors: kNoSpace, kBusy, kIoError; kCorrupt (a record with a wrong checksum is not moved); what
// was moved before stays moved. Crash anywhere: each record is in its old place or in the new one.
Result<bool> move_records(Engine& engine, const SparseSpans& sparse, u64& walked, Moved& moved);

}  // namespace hmap

#endif  // HMAP_SRC_MAP_SPARSE_H_
