// What both states share.
#include "verify/verify_view.h"

#include <bit>

namespace hmap::checking {

using format::kDirectorySegments;
using format::kOverflowRuns;

ShardRuns ShardRuns::of(const Layout& layout, const format::ShardHeader& header) {
  ShardRuns runs;
  const auto array = [&](const format::BucketArray& from, auto& to) {
    if (from.id == 0 || from.b >= kMaxB) return;
    for (u64 j = 0; j <= kOverflowRuns; ++j) {
      if (!from.run[j].none()) to[j].run = layout.array_run(from, j);
    }
  };
  const auto directory = [&](const RunOffset* from, auto& to) {
    for (u64 k = 0; k < kDirectorySegments; ++k) {
      if (!from[k].none()) to[k].run = Run(from[k], layout.directory_shape(k));
    }
  };
  array(header.buckets, runs.buckets);
  array(header.oldbuckets, runs.oldbuckets);
  directory(header.directory, runs.directory);
  directory(header.dead_directory, runs.dead_directory);
  return runs;
}

bool run_fits(const StateView& view, const Run& run) {
  const Layout& layout = view.layout;
  if (run.offset < layout.heap_offset ||
      (run.offset - layout.heap_offset) % layout.extent_bytes != 0) {
    return false;
  }
  const u64 first = layout.extent_of(run.offset);
  const u64 count = layout.run_extents(run);
  return first < view.extents_end && count <= view.extents_end - first &&
         view.map.bytes(run.offset, Layout::run_bytes(run)) != nullptr;
}

SpanPlace SpanPlace::of(const Layout& layout, u64 span) {
  const u64 unit = layout.unit_blocks;
  const u64 block = span / layout.spans_per_block;
  const u64 units = block / unit + 1;  // segment k has 2^k of them
  return {static_cast<u64>(std::bit_width(units)) - 1, block - unit * (std::bit_floor(units) - 1),
          layout.span_in_block(span) * sizeof(format::SpanEntry)};
}

bool read_span_words(const StateView& view,
                     const std::array<CheckedRun, kDirectorySegments>& directory, u64 span,
                     u64 first_word, u64 words, u64* to) {
  const SpanPlace at = SpanPlace::of(view.layout, span);
  if (at.segment >= kDirectorySegments || directory[at.segment].run.offset == 0) return false;
  return view.read(directory[at.segment], at.block, at.inside + first_word * 8, to, words * 8);
}

}  // namespace hmap::checking
