// One state of a store as the checks see it: blocks, extent words and records by value. The durable
// state comes through the tables of a root, the live one through the states of the blocks.
#ifndef HMAP_SRC_VERIFY_VERIFY_VIEW_H_
#define HMAP_SRC_VERIFY_VERIFY_VIEW_H_

#include <array>
#include <vector>

#include "system/codec.h"
#include "system/mapping.h"
#include "verify/verify_findings.h"

namespace hmap::checking {

// A run, and where its blocks are in the durable state.
struct CheckedRun {
  static constexpr u64 kUnwritten = 0;  // every byte is zero
  static constexpr u64 kBad = ~u64{0};  // reported already

  Run run;
  std::vector<u64> places;  // file offset of each block; empty: of the live state
};

class StateView {
 public:
  StateView(const Mapping& mapping, const Layout& geometry, u64 store_seed, const Codec* of_values,
            bool is_live)
      : map(mapping), layout(geometry), seed(store_seed), codec(of_values), live(is_live) {}
  StateView(const StateView&) = delete;
  StateView& operator=(const StateView&) = delete;
  virtual ~StateView() = default;

  const Mapping& map;
  const Layout& layout;
  const u64 seed;
  const Codec* codec;  // null: the dictionary is damaged
  const bool live;
  u64 extents_end = 0;
  u64 cut = 0;  // no extent of this state was freed in a later epoch

  // Copies a part of a block. False: its bytes are damaged, which has been or will be reported with
  // the block itself.
  virtual bool read(const CheckedRun& run, u64 block, u64 inside, void* to, u64 bytes) const = 0;
  // The word of an extent below extents_end. False: as read().
  virtual bool extent_word(u64 extent, u64& word) const = 0;
  // Whether an odd version word at this offset belongs to a change that is being made.
  virtual bool may_be_odd(u64 offset) const = 0;
  // Where the bytes of a block are, for findings.
  virtual u64 place(const CheckedRun& run, u64 block) const = 0;
};

// The runs of one shard. An array or a segment that does not exist has run.offset 0.
struct ShardRuns {
  std::array<CheckedRun, 1 + format::kOverflowRuns> buckets;
  std::array<CheckedRun, 1 + format::kOverflowRuns> oldbuckets;
  std::array<CheckedRun, format::kDirectorySegments> directory;
  std::array<CheckedRun, format::kDirectorySegments> dead_directory;

  template <typename Visit>
  void each(Visit&& visit) {
    for (CheckedRun& run : buckets) visit(run);
    for (CheckedRun& run : oldbuckets) visit(run);
    for (CheckedRun& run : directory) visit(run);
    for (CheckedRun& run : dead_directory) visit(run);
  }
  // The runs that a header names, without their blocks.
  static ShardRuns of(const Layout& layout, const format::ShardHeader& header);
};

// Whether a run begins with an extent and lies in extents in use, and in the file.
bool run_fits(const StateView& view, const Run& run);

// Where the directory has the entry of a span. The segment may be one that does not exist.
struct SpanPlace {
  u64 segment;
  u64 block;   // in the segment
  u64 inside;  // the block
  static SpanPlace of(const Layout& layout, u64 span);
};

// A word of the entry of a span: 0 the head, 1 to 15 the map. False: unreadable or beyond.
bool read_span_words(const StateView& view,
                     const std::array<CheckedRun, format::kDirectorySegments>& directory, u64 span,
                     u64 first_word, u64 words, u64* to);

}  // namespace hmap::checking

#endif  // HMAP_SRC_VERIFY_VERIFY_VIEW_H_
