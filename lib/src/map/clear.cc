// clear, and giving back in bounded steps what a cleared hmap had. Go's mapclear.
#include <algorithm>

#include "map/grow.h"
#include "map/hmap.h"
#include "records/spans.h"
#include "state/dead.h"
#include "state/intent.h"
#include "state/space.h"

namespace hmap {
namespace {

using format::BucketArray;
using format::ShardHeader;

// Extent words looked at in one step of the search for large records.
constexpr u64 kScanWords = 4096;

// Frees the next span of the cleared directory. False: there is none left.
Result<bool> give_back_span(Engine& engine, u64 shard) {
  ShardHeader& header = engine.header(shard);
  while (header.dead_span_next < header.dead_span_count) {
    const u64 span = header.dead_span_next;
    const Result<format::SpanEntry*> entry = span_entry(engine, header.dead_directory, span);
    if (!entry) return entry.error();
    const u64 head = (*entry)->head;
    Change change(engine, shard);
    change.set(header.dead_span_next, span + 1);
    if (head == 0) {
      change.publish();
      continue;
    }
    const u64 extents = engine.layout.span_shape(span_class(head)).extents;
    if (Status s = free_row(engine, shard, change, span_extent(head), extents); !s.ok()) return s;
    return true;
  }
  return false;
}

// Frees the next large record of the cleared hmap: an extent that says kLarge and bears the shard's
// number. The shard takes no new ones before this is done (finish_clear_of_large).
Result<bool> give_back_large(Engine& engine, u64 shard) {
  ShardHeader& header = engine.header(shard);
  const u64 end = header.dead_large_end;
  if (end == 0) return false;
  u64 extent = header.dead_large_next;
  const u64 stop = extent < end ? extent + std::min(end - extent, kScanWords) : end;
  u64 count = 0;
  for (; extent < stop && count == 0; ++extent) {
    const Result<u64> word = extent_word(engine, extent);
    if (!word) return word.error();
    const bool ours =
        extent_kind(*word) == format::ExtentKind::kLarge && extent_shard(*word) == shard;
    if (ours) count = extent_payload(*word);
  }
  Change change(engine, shard);
  const bool more = extent < end;
  change.set(header.dead_large_next, more ? extent : 0);
  if (!more) change.set(header.dead_large_end, 0);
  if (count == 0) {
    change.publish();
    return true;
  }
  if (Status s = free_row(engine, shard, change, extent - 1, count); !s.ok()) return s;
  return true;
}

// The directory itself, when all of its spans are given back.
Status retire_directory(Engine& engine, u64 shard) {
  ShardHeader& header = engine.header(shard);
  if (Status s = make_dead_room(engine, shard, format::kDirectorySegments); !s.ok()) return s;
  Change change(engine, shard);
  for (u64 k = 0; k < format::kDirectorySegments; ++k) {
    RunOffset& run = header.dead_directory[k];
    if (run.none()) continue;
    add_dead(engine, shard, change, engine.layout.extent_of(run.value),
             engine.layout.run_extents(engine.layout.directory_shape(k)));
    change.set(run, {});
  }
  change.set(header.dead_span_count, 0);
  change.set(header.dead_span_next, 0);
  change.publish();
  return {};
}

void set_zero(Change& change, u64* words, u64 count) {
  for (u64 i = 0; i < count; ++i) {
    if (words[i] != 0) change.set(words[i], 0);
  }
}

// The one step of clear(): a fresh hmap; what the old one had is on the dead lists.
Status switch_to_empty(Engine& engine, u64 shard) {
  // What is not kLarge yet would not be found by give_back_large().
  if (Status s = adopt_published(engine); !s.ok()) return s;
  ShardHeader& header = engine.header(shard);
  Change change(engine, shard);
  change.guard(header.version);
  for (BucketArray* array : {&header.buckets, &header.oldbuckets, &header.next}) {
    add_dead_array(engine, shard, change, *array);
    set_zero(change, reinterpret_cast<u64*>(array), sizeof *array / 8);
  }
  for (u64* word : {&header.count, &header.flags, &header.b, &header.noverflow, &header.nevacuate,
                    &header.next_prepared, &header.span_count, &header.span_free}) {
    if (*word != 0) change.set(*word, 0);
  }
  change.set(header.hash0, new_seed());
  for (u64 k = 0; k < format::kDirectorySegments; ++k) {
    if (header.directory[k].none()) continue;
    change.set(header.dead_directory[k], header.directory[k]);
    change.set(header.directory[k], {});
  }
  change.set(header.dead_span_count, header.span_count);
  change.set(header.dead_large_next, 0);
  change.set(header.dead_large_end, seam::load(engine.runtime->extents_end));
  change.set(header.dead_span_next, 0);
  set_zero(change, reinterpret_cast<u64*>(header.classes), format::kClasses);
  // Crash: before, all entries; after, none.
  return change.publish_logged({format::LogOp::kClear, {}, {}});
}

}  // namespace

bool has_cleared_space(const Engine& engine, u64 shard) {
  const ShardHeader& header = engine.header(shard);
  return !seam::load(header.dead_directory[0]).none() || seam::load(header.dead_large_end) != 0;
}

bool has_dead(const Engine& engine, u64 shard) {
  const auto& dead = engine.header(shard).dead;
  return has_cleared_space(engine, shard) ||
         std::any_of(std::begin(dead), std::end(dead),
                     [](const u64& cell) { return seam::load(cell) != 0; });
}

Result<bool> give_back_cleared(Engine& engine, u64 shard) {
  ShardHeader& header = engine.header(shard);
  Result<bool> more = give_back_large(engine, shard);
  if (!more || *more) return more;
  more = give_back_span(engine, shard);
  if (!more || *more) return more;
  if (!header.dead_directory[0].none()) {
    if (Status s = retire_directory(engine, shard); !s.ok()) return s;
  }
  const auto is_zero = [](u64 cell) { return cell == 0; };
  if (std::all_of(std::begin(header.dead), std::end(header.dead), is_zero)) return false;
  constexpr u64 kExtents = 256;
  if (Status s = give_back(engine, shard, kExtents); !s.ok()) return s;
  return true;
}

Status finish_clear_of_large(Engine& engine, u64 shard) {
  while (engine.header(shard).dead_large_end != 0) {
    if (const Result<bool> more = give_back_large(engine, shard); !more) return more.error();
  }
  return {};
}

Status clear_shard(Engine& engine, u64 shard) {
  if (Status s = engine.check_poison(); !s.ok()) return s;
  for (bool switched = false;;) {
    const Result<DomainLock> lock = DomainLock::take(engine, shard);
    if (!lock) return lock.error();
    const Result<bool> more = give_back_cleared(engine, shard);
    if (!more) return more.error();
    if (*more) continue;
    if (switched) return {};
    if (Status s = switch_to_empty(engine, shard); !s.ok()) return s;
    switched = true;
  }
}

}  // namespace hmap
