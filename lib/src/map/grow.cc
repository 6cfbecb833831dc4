// Growth. Go's rules; the order of stores is ours (lib/README.md, "A write").
#include "map/grow.h"
#include "state/dead.h"

#include <algorithm>

#include "map/bmap.h"
#include "map/evacuate.h"
#include "state/space.h"

namespace hmap {
namespace {

using format::Bmap;
using format::BucketArray;
using format::ShardHeader;

// The next array is made ready early, in steps of this, if it is larger than one step.
constexpr u64 kPrepareBytes = u64{1} << 20;
constexpr u64 kPrepareEvery = 16;  // inserts between two steps
// Of one shrink_step(), of two evacuations each.
constexpr u64 kShrinkSteps = 8;

u64 main_run_bytes(const Engine& engine, u64 b) {
  return engine.layout.run_bytes(engine.layout.shape(b).runs[0]);
}

// Takes the extents of a new array of 2^b buckets. Its id is array_seq + 1 until it is adopted.
Result<RunOffset> take_array(Engine& engine, u64 shard, u64 b, bool reserve_only) {
  if (b >= kMaxB)
    return Status(Code::kNoSpace, "the hmap has as many buckets as the format allows");
  ExtentRequest request;
  request.domain = shard;
  request.count = engine.layout.run_extents(engine.layout.shape(b).runs[0]);
  request.kind = format::ExtentKind::kBuckets;
  request.payload = engine.header(shard).array_seq + 1;
  request.zero = true;
  request.reserve_only = reserve_only;
  const Result<u64> first = take_extents(engine, request);
  if (!first) return first.error();
  return RunOffset{engine.layout.extent_offset(*first)};
}

void set_array(Change& change, BucketArray& to, const BucketArray& value) {
  change.set(to.id, value.id);
  change.set(to.b, value.b);
  change.set(to.next_overflow, value.next_overflow);
  for (u64 j = 0; j <= format::kOverflowRuns; ++j) {
    if (to.run[j] != value.run[j]) change.set(to.run[j], value.run[j]);
  }
}

BucketArray new_array(u64 id, u64 b, RunOffset run) {
  BucketArray array{};
  array.id = id;
  array.b = b;
  array.next_overflow = buckets_of(b);
  array.run[0] = run;
  return array;
}

Status prepare_step(Engine& engine, ShardHeader& header, u64 bytes) {
  const u64 total = main_run_bytes(engine, header.next.b);
  const u64 extents = engine.layout.extents_for(total) * engine.layout.extent_bytes;
  const u64 done = header.next_prepared;
  if (done >= extents) return {};
  const u64 now = std::min(bytes, extents - done);
  if (Status s = prepare_extents(engine, header.next.run[0].value + done, now); !s.ok()) return s;
  // Crash: the step is done again.
  seam::store(header.next_prepared, done + now);
  if (engine.layout.is_wide(total) && done + now >= extents)
    engine.wants_ahead.store(true, std::memory_order_relaxed);
  return {};
}

Status reserve_next(Engine& engine, u64 shard, u64 b) {
  ShardHeader& header = engine.header(shard);
  const Result<RunOffset> run = take_array(engine, shard, b, true);
  if (!run) return run.error();
  Change change(engine, shard);
  set_array(change, header.next, new_array(header.array_seq + 1, b, *run));
  change.set(header.next_prepared, 0);
  change.set(header.array_seq, header.array_seq + 1);
  change.set(engine.domain(shard).pending, 0);
  change.publish();
  return {};
}

// Reserves the next array when the present one is 7/8 full, and readies it step by step: there is
// time for 200 times as many steps as it takes.
Status prepare_next(Engine& engine, u64 shard) {
  ShardHeader& header = engine.header(shard);
  if (header.next.id != 0) {
    return header.count % kPrepareEvery == 0 ? prepare_step(engine, header, kPrepareBytes)
                                             : Status();
  }
  const u64 b = header.b + 1;
  const bool early = b >= kMaxB || !over_load(header.count + header.count / 7, header.b) ||
                     main_run_bytes(engine, b) <= kPrepareBytes;
  return early ? Status() : reserve_next(engine, shard, b);
}

// The words of a growth's begin: the swap, nothing copied yet.
void set_growth(Change& change, ShardHeader& header, const BucketArray& array, u64 flags) {
  change.guard(header.version);
  set_array(change, header.oldbuckets, header.buckets);
  set_array(change, header.buckets, array);
  change.set(header.b, array.b);
  change.set(header.flags, flags);
  change.set(header.nevacuate, 0);
  change.set(header.noverflow, 0);
}

// Go's hashGrow: swaps the arrays; nothing is copied yet.
Status start_growth(Engine& engine, u64 shard, bool same_size) {
  ShardHeader& header = engine.header(shard);
  const u64 b = header.b + (same_size ? 0 : 1);
  const bool use_next = !same_size && header.next.id != 0 && header.next.b == b;
  BucketArray array{};
  if (use_next) {
    while (header.next_prepared < main_run_bytes(engine, b)) {
      if (Status s = prepare_step(engine, header, kPrepareBytes); !s.ok()) return s;
    }
    array = header.next;
    // Reserved by another process, perhaps.
    if (engine.layout.is_wide(main_run_bytes(engine, b)))
      engine.map->advise_huge(array.run[0].value, main_run_bytes(engine, b));
  } else {
    const Result<RunOffset> run = take_array(engine, shard, b, false);
    if (!run) return run.error();
    array = new_array(header.array_seq + 1, b, *run);
  }
  Change change(engine, shard);
  set_growth(change, header, array, same_size ? format::kSameSizeGrow : 0);
  if (use_next) {
    set_array(change, header.next, BucketArray{});
  } else {
    change.set(header.array_seq, array.id);
    change.set(engine.domain(shard).pending, 0);
  }
  change.publish();
  return {};
}

// The same to half the size.
Status start_shrinking(Engine& engine, u64 shard) {
  ShardHeader& header = engine.header(shard);
  // What was reserved for a growth from here is not going to be used.
  if (Status s = make_dead_room(engine, shard, 1 + format::kOverflowRuns); !s.ok()) return s;
  const Result<RunOffset> run = take_array(engine, shard, header.b - 1, false);
  if (!run) return run.error();
  const BucketArray array = new_array(header.array_seq + 1, header.b - 1, *run);
  Change change(engine, shard);
  set_growth(change, header, array, format::kHalfSizeGrow);
  add_dead_array(engine, shard, change, header.next);
  set_array(change, header.next, BucketArray{});
  change.set(header.next_prepared, 0);
  change.set(header.array_seq, array.id);
  change.set(engine.domain(shard).pending, 0);
  change.publish();
  return {};
}

// All old buckets are evacuated: the old array goes to the dead list.
Status finish_growth(Engine& engine, u64 shard) {
  ShardHeader& header = engine.header(shard);
  if (Status s = make_dead_room(engine, shard, 1 + format::kOverflowRuns); !s.ok()) return s;
  Change change(engine, shard);
  change.guard(header.version);
  add_dead_array(engine, shard, change, header.oldbuckets);
  set_array(change, header.oldbuckets, BucketArray{});
  change.set(header.flags, 0);
  change.set(header.nevacuate, 0);
  change.publish();
  return {};
}

// F-28. Nothing vouches for live words: with sizes of their own, a write would go astray.
Status check_sizes(const Engine& engine, const ShardHeader& header) {
  const bool growing = header.oldbuckets.id != 0;
  if (header.b == header.buckets.b && header.b < kMaxB &&
      (!growing || header.oldbuckets.b + 1 - header.b <= 2)) [[likely]]
    return {};
  return Engine::corrupt("B of a shard is not its array's", engine.map->offset_of(&header));
}

// Whether to evacuate a bucket means to copy its block, and most likely those of its halves: nobody
// has stored to it since the last cut.
bool is_untouched(const Engine& engine, const BucketArray& array, u64 n) {
  const FoundBucket found = find_bucket(engine, array, n);
  if (found.bucket == nullptr) return false;  // damage: whoever takes it says so
  const auto* state = engine.map->at(found.state);
  return state != nullptr && state->live_born != engine.epoch();
}

}  // namespace

u64 b_for(u64 entries) {
  u64 b = 0;
  while (b < kMaxB - 1 && over_load(entries, b)) ++b;
  return b;
}

Status make_first_array(Engine& engine, u64 shard) {
  ShardHeader& header = engine.header(shard);
  const Result<RunOffset> run = take_array(engine, shard, header.b, false);
  if (!run) return run.error();
  Change change(engine, shard);
  change.guard(header.version);
  set_array(change, header.buckets, new_array(header.array_seq + 1, header.b, *run));
  change.set(header.array_seq, header.array_seq + 1);
  change.set(header.noverflow, 0);
  change.set(engine.domain(shard).pending, 0);
  change.publish();
  return {};
}

Result<bool> grow_if_needed(Engine& engine, u64 shard, u64 entries) {
  const ShardHeader& header = engine.header(shard);
  if (header.oldbuckets.id != 0) return false;
  const bool full = over_load(entries, header.b);
  if (full || too_many_overflow(header.noverflow, header.b)) {
    if (Status s = start_growth(engine, shard, !full); !s.ok()) return s;
    return true;
  }
  if (!engine.reserves_growth) return false;
  // Making ready may fail on a full disk; the growth itself will say so.
  if (Status s = prepare_next(engine, shard); !s.ok() && s.code() != Code::kNoSpace) return s;
  return false;
}

Status grow_work(Engine& engine, u64 shard, u64 hash, Purpose purpose) {
  const ShardHeader& header = engine.header(shard);
  if (Status s = check_sizes(engine, header); !s.ok()) return s;
  if (header.oldbuckets.id == 0) return {};
  const u64 all = evacuations(header);
  const u64 own = hash & (all - 1);
  // What one evacuation needs is fetched during the other one, or until the next write.
  prefetch_evacuation(engine, header, own);
  const auto evacuate_if_left = [&](u64 n) -> Status {
    const Result<bool> left = is_left(engine, header, n);
    if (!left) return left.error();
    return *left ? evacuate(engine, shard, n, purpose) : Status();
  };
  const bool own_is_next = own == header.nevacuate;
  if (own_is_next) {
    if (Status s = evacuate_if_left(own); !s.ok()) return s;
  }
  if (header.nevacuate < all) {
    // One that has blocks to copy is left to a write that evacuates none of its own: so a write
    // copies those of one evacuation, even the first one after a cut.
    Result<bool> waits = is_untouched(engine, header.oldbuckets, header.nevacuate);
    if (*waits && !own_is_next) waits = is_left(engine, header, own);
    if (!waits) return waits.error();
    if (Status s = *waits ? Status() : evacuate_if_left(header.nevacuate); !s.ok()) return s;
  }
  if (!own_is_next) {
    if (Status s = evacuate_if_left(own); !s.ok()) return s;
  }
  // The look-ahead may have stopped at a bucket evacuated out of turn.
  if (Status s = advance_mark(engine, shard); !s.ok()) return s;
  if (header.nevacuate < all) prefetch_evacuation(engine, header, header.nevacuate);
  return header.nevacuate >= all ? finish_growth(engine, shard) : Status();
}

Result<bool> shrink_step(Engine& engine, u64 shard) {
  const Result<DomainLock> lock = DomainLock::take(engine, shard);
  if (!lock) return lock.error();
  const ShardHeader& header = engine.header(shard);
  if (header.buckets.id == 0) return false;
  if (Status s = check_sizes(engine, header); !s.ok()) return s;
  if (header.oldbuckets.id == 0) {
    if (!is_under_load(header.count, header.b)) return false;
    if (Status s = start_shrinking(engine, shard); !s.ok()) return s;
    return true;
  }
  for (u64 i = 0; i < kShrinkSteps && header.oldbuckets.id != 0; ++i) {
    if (Status s = grow_work(engine, shard, header.nevacuate, Purpose::kOrdinary); !s.ok())
      return s;
  }
  return true;
}

Result<u64> overflow_bucket(Engine& engine, u64 shard, BucketArray& array, u64 next,
                            Purpose purpose) {
  // It is made empty below: what a main bucket holds would be lost.
  if (next < buckets_of(array.b))
    return Engine::corrupt("the next overflow bucket is a main bucket",
                           engine.map->offset_of(&array.next_overflow));
  const BucketPlace place = place_in_array(engine.layout, array.b, next);
  if (place.run > format::kOverflowRuns)
    return Status(Code::kNoSpace, "the hmap has no more overflow buckets");
  if (array.run[place.run].none()) {
    ShardHeader& header = engine.header(shard);
    ExtentRequest request;
    request.domain = shard;
    request.count = engine.layout.run_extents(engine.layout.shape(array.b).runs[place.run]);
    request.kind = format::ExtentKind::kBuckets;
    request.payload = header.array_seq + 1;
    request.zero = true;
    request.purpose = purpose;
    const Result<u64> first = take_extents(engine, request);
    if (!first) return first.error();
    Change change(engine, shard);
    change.set(array.run[place.run], RunOffset{engine.layout.extent_offset(*first)});
    change.set(header.array_seq, header.array_seq + 1);
    change.set(engine.domain(shard).pending, 0);
    change.publish();
  }
  const Result<Bmap*> bucket = writable_bucket(engine, shard, array, next, purpose);
  if (!bucket) return bucket.error();
  BucketImage{}.store_to(**bucket, engine.layout.bucket);
  return next;
}

}  // namespace hmap
