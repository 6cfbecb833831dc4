// What the words of a shard header say about each other. format-spec/format.md, "Shard header".
#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>

#include "verify/verify_shard.h"

namespace hmap::checking {

using format::BucketArray;
using format::ShardHeader;

namespace {

// Whether a run is missing before one that is there.
bool has_gap(std::span<const RunOffset> runs) {
  const auto missing = [](RunOffset run) { return run.none(); };
  const auto first = std::find_if(runs.begin(), runs.end(), missing);
  return !std::all_of(first, runs.end(), missing);
}

}  // namespace

void ShardCheck::header_damage(Findings& out, std::string text) const {
  out.damage(FindingKind::kHeader, {header_offset_, static_cast<u32>(shard_)}, std::move(text));
}

u64 ShardCheck::capacity(const BucketArray& array) const {
  u64 buckets = 0;
  for (u64 j = 0; j <= format::kOverflowRuns && !array.run[j].none(); ++j) {
    buckets += view_.layout.shape(array.b).runs[j].blocks * view_.layout.bucket.per_block;
  }
  return buckets;
}

u64 ShardCheck::span_capacity(const RunOffset* segments) const {
  u64 spans = 0;
  for (u64 k = 0; k < format::kDirectorySegments && !segments[k].none(); ++k) {
    spans += view_.layout.directory_shape(k).blocks * view_.layout.spans_per_block;
  }
  return spans;
}

void ShardCheck::check_array(const BucketArray& array, const char* name, Findings& out) const {
  if (array.id == 0) {
    const BucketArray none{};
    if (std::memcmp(&array, &none, sizeof none) != 0)
      header_damage(out, say("the array `", name, "` does not exist, but has words"));
    return;
  }
  if (array.b >= kMaxB || array.run[0].none()) {
    return header_damage(out, say("the array `", name, "` has 2^", array.b,
                                  " buckets or no place: its entries cannot be found"));
  }
  if (has_gap(array.run)) {
    header_damage(out, say("the runs of the array `", name, "` have a gap"));
  }
  if (array.id > header_.array_seq) {
    header_damage(out, say("the array `", name, "` has id ", array.id,
                           ", but the last id given out is ", header_.array_seq));
  }
  const u64 main = u64{1} << array.b;
  if (array.next_overflow < main || array.next_overflow > capacity(array)) {
    header_damage(out, say("the array `", name, "` has handed out buckets up to ",
                           array.next_overflow, " of ", capacity(array)));
  }
}

void ShardCheck::check_growth(Findings& out) const {
  const BucketArray& now = header_.buckets;
  const BucketArray& old = header_.oldbuckets;
  if (now.id == 0) {
    if (header_.count != 0 || old.id != 0)
      header_damage(out, say("no array of buckets, but a count of ", header_.count));
    return;
  }
  if (now.b != header_.b)
    header_damage(out, say("B is ", header_.b, ", but the array has 2^", now.b, " buckets"));
  if (header_.noverflow != now.next_overflow - (u64{1} << std::min(now.b, kMaxB))) {
    out.damage(FindingKind::kCount, {header_offset_, static_cast<u32>(shard_)},
               say("noverflow is ", header_.noverflow,
                   ", but the array has handed out buckets up "
                   "to ",
                   now.next_overflow));
  }
  if (header_.flags != 0 && header_.flags != format::kSameSizeGrow &&
      header_.flags != format::kHalfSizeGrow)
    header_damage(out, say("unknown flags: ", header_.flags));
  if (old.id == 0) {
    if (header_.flags != 0 || header_.nevacuate != 0)
      header_damage(out, "flags or nevacuate are set, but no growth is in progress");
    return;
  }
  const u64 from = header_.flags == format::kSameSizeGrow   ? now.b
                   : header_.flags == format::kHalfSizeGrow ? now.b + 1
                                                            : now.b - 1;
  if (old.b != from)
    header_damage(out, say("growing from 2^", old.b, " to 2^", now.b, " buckets: no such growth"));
  if (header_.nevacuate > u64{1} << std::min({old.b, now.b, kMaxB}))
    header_damage(out, say("nevacuate is ", header_.nevacuate, " of 2^", old.b, " old buckets"));
}

void ShardCheck::check_space_words(Findings& out) const {
  if (header_.span_count > span_capacity(header_.directory) ||
      header_.span_free > header_.span_count) {
    header_damage(out,
                  say(header_.span_count, " spans, ", header_.span_free,
                      " of them unused, in a directory for ", span_capacity(header_.directory)));
  }
  if (header_.dead_span_count > span_capacity(header_.dead_directory) ||
      header_.dead_span_next > header_.dead_span_count) {
    header_damage(out, say("spans ", header_.dead_span_next, " to ", header_.dead_span_count,
                           " are to be given back, of a directory for ",
                           span_capacity(header_.dead_directory)));
  }
  if (header_.dead_large_end > view_.extents_end ||
      header_.dead_large_next > header_.dead_large_end) {
    header_damage(out,
                  say("large records in extents ", header_.dead_large_next, " to ",
                      header_.dead_large_end, " are to be given back, of ", view_.extents_end));
  }
  for (const RunOffset* segments : {header_.directory, header_.dead_directory}) {
    if (has_gap({segments, format::kDirectorySegments}))
      header_damage(out, "the segments of a span directory have a gap");
  }
}

// Nothing that a header names is looked at before it is known to lie in extents in use.
bool ShardCheck::check_runs(Findings& out) {
  bool all = true;
  runs = ShardRuns::of(view_.layout, header_);
  runs.each([&](CheckedRun& checked) {
    if (checked.run.offset == 0 || run_fits(view_, checked.run)) return;
    out.damage(FindingKind::kRun, {header_offset_, static_cast<u32>(shard_)},
               say("a run of ", checked.run.blocks, " blocks at ", checked.run.offset,
                   " does not lie in extents in use: what is in it cannot be found"));
    all = false;
  });
  return all;
}

bool ShardCheck::use(const ShardHeader& header, u64 offset, Findings& out) {
  header_ = header;
  header_offset_ = offset;
  const u64 damages_before = out.damages();
  // Entries may have moved since.
  long_seen_.clear();
  const u64 version_at = offset + offsetof(ShardHeader, version);
  if (header.version % 2 != 0 && !view_.may_be_odd(version_at)) {
    out.damage(FindingKind::kVersion, {version_at, static_cast<u32>(shard_)},
               "the version of the shard header is odd, but nobody is changing it: readers wait "
               "in vain");
  }
  check_array(header.buckets, "buckets", out);
  check_array(header.oldbuckets, "oldbuckets", out);
  check_array(header.next, "next", out);
  if (!header.next.run[1].none())
    header_damage(out, "the array `next` has further runs before it is used");
  const bool walkable = [&] {
    for (const BucketArray* array : {&header.buckets, &header.oldbuckets}) {
      if (array->id == 0) continue;
      if (array->b >= kMaxB || array->run[0].none() || array->next_overflow < u64{1} << array->b ||
          array->next_overflow > capacity(*array)) {
        return false;
      }
    }
    return header.b < kMaxB && (header.oldbuckets.id == 0 || header.buckets.id != 0) &&
           (header.oldbuckets.id == 0 || header.oldbuckets.b <= header.buckets.b + 1);
  }();
  check_growth(out);
  check_space_words(out);
  const bool found = check_runs(out);
  walkable_ = walkable && found;
  if (!walkable_) gaps_ = true;
  // Whatever kept the walk from beginning: nobody may take a shard not looked at for a clean one.
  if (!walkable_ && out.damages() == damages_before)
    header_damage(out, "the shard header leads nowhere: no entry of this shard was looked at");
  return walkable_;
}

void ShardCheck::begin_marks() {
  marked_ = true;
  entries_ = overflows_ = 0;
  const auto overflow_buckets = [&](const BucketArray& array) {
    return array.id == 0 ? 0 : array.next_overflow - (u64{1} << array.b);
  };
  overflow_used_.assign(overflow_buckets(header_.buckets), false);
  old_overflow_used_.assign(overflow_buckets(header_.oldbuckets), false);
  referred_.assign(std::min(header_.span_count, span_capacity(header_.directory)), SpanMap{});
  large_.clear();
}

void ShardCheck::drop_marks() {
  marked_ = false;
  overflow_used_.clear();
  old_overflow_used_.clear();
  referred_.clear();
  large_.clear();
}

}  // namespace hmap::checking
