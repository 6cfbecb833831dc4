// What of a file can be read, for those who tell it: states, buckets, runs, who owns what.
#ifndef HMAP_SRC_INSPECT_INSPECT_VIEW_H_
#define HMAP_SRC_INSPECT_INSPECT_VIEW_H_

#include <optional>
#include <string>

#include "inspect/inspect_fields.h"
#include "map/slots.h"
#include "salvage/salvage_scan.h"
#include "salvage/salvage_source.h"

namespace hmap::inspecting {

// A run and what it is for.
struct OwnedRun {
  enum class Use : u8 { kBuckets, kDirectory, kExtentTable };
  Use use = Use::kBuckets;
  Run run;
  u64 shard = 0;
  const format::BucketArray* array = nullptr;  // kBuckets
  u64 number = 0;                              // of the run in its array, or of the segment
  std::string name;                            // "shard 0, buckets.run[0]"
};

struct SeenBucket {
  BucketCopy bucket;
  u64 offset = 0;
  Trust trust = Trust::kDamaged;  // kDamaged: nothing else is set
};

class View {
 public:
  View(SalvageSource& source, SalvageState* state)
      : map(*source.engine.map),
        layout(source.engine.layout),
        engine(source.engine),
        state_(state) {}

  const Mapping& map;
  const Layout& layout;
  const Engine& engine;

  // Null: none can be read.
  [[nodiscard]] SalvageState* state() const { return state_; }
  [[nodiscard]] const format::ShardHeader* header(u64 shard) const {
    return state_ == nullptr ? nullptr : state_->header(shard);
  }

  [[nodiscard]] SeenBucket bucket(const format::BucketArray& array, u64 number) const;
  // The array that has the chain of a bucket hash, and its main bucket.
  struct Chain {
    const format::BucketArray* array = nullptr;  // null: the old bucket cannot be read
    u64 main = 0;
    bool old = false;
  };
  [[nodiscard]] Chain chain_of(const format::ShardHeader& header, u64 hash) const;

  // The run that the offset lies in.
  [[nodiscard]] std::optional<OwnedRun> run_at(u64 offset) const;

  // The same among those of one shard, which is much faster.
  [[nodiscard]] std::optional<OwnedRun> shard_run_at(u64 shard, u64 offset) const;

  // The entry of a span; kDamaged: unreadable, or there is no such span.
  struct SeenSpan {
    format::SpanEntry entry{};
    u64 offset = 0;
    Trust trust = Trust::kDamaged;
  };
  [[nodiscard]] SeenSpan span(const format::ShardHeader& header, u64 span) const;

  // Where in the file the bytes of a block of this state are; 0: they are zero, or unreadable.
  [[nodiscard]] u64 place_of(const Run& run, u64 block) const;

 private:
  [[nodiscard]] bool contains(const Run& run, u64 offset) const {
    return run.offset != 0 && offset >= run.offset &&
           offset - run.offset < layout.run_extents(run) * layout.extent_bytes;
  }
  [[nodiscard]] std::optional<OwnedRun> array_run_at(u64 shard, const format::BucketArray& array,
                                                     const char* name, u64 offset) const;

  SalvageState* state_;
};

// A record that a slot refers to, with its key, lengths and checksum.
InspectNode record_node(const View& view, u64 offset);
// One bucket with its slots. `hash0` and `main` are those of its chain.
InspectNode bucket_node(const View& view, const SeenBucket& seen, u64 number, std::string name);
// "emptyRest", "evacuatedX", "filled".
const char* tophash_name(u8 tophash);
const char* kind_name(format::ExtentKind kind);
// "kSpan of shard 2, span 17".
std::string extent_text(const Layout& layout, u64 word);
const char* trust_text(Trust trust);

// Bytes that mean nothing, from `begin` to `end` or the end of the file.
InspectNode unused_node(const View& view, u64 begin, u64 end, std::string name,
                        std::string meaning);
// A structure that lies at `at`; wrong if the file ends in it.
InspectNode structure_node(const View& view, const Structure& what, u64 at, std::string name,
                           std::string meaning = {});

// The smallest thing at the offset; of the fixed part, before the extent table, the latter.
InspectNode node_at(const View& view, u64 offset);
InspectNode fixed_node_at(const View& view, u64 offset);

// What each extent is used for; see Inspector::for_each_extent().
void visit_extents(const View& view, const std::function<bool(const ExtentFacts&)>& visit);

// The file from the top.
InspectNode file_node(const View& view, const SalvageSource& source, const RecoverReport& report,
                      const DamageLog& log);

}  // namespace hmap::inspecting

#endif  // HMAP_SRC_INSPECT_INSPECT_VIEW_H_
