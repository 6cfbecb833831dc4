// Growth. Go's rules; the order of stores is ours (lib/README.md, "A write").
#include "grow.h"
#include "dead.h"

#include <algorithm>

#include "bmap.h"
#include "hash.h"
#include "records.h"
#include "space.h"

namespace hmap {
namespace {

using format::Bmap;
using format::BucketArray;
using format::ShardHeader;

// Most buckets by which nevacuate is moved over already evacuated ones at once (Go: 1024).
constexpr u64 kEvacuationLookAhead = 1024;
// The next array is made ready early, in steps of this, if it is larger than one step.
constexpr u64 kPrepareBytes = u64{1} << 20;
constexpr u64 kPrepareEvery = 16;  // inserts between two steps

// One of the two halves that an old bucket is evacuated into: the bucket being filled.
struct Half {
  u64 number = 0;
  Bmap* bucket = nullptr;
  BucketImage image;
  u64 filled = 0;
};

u64 main_run_bytes(const Engine& engine, u64 b) {
  return engine.layout.run_bytes(engine.layout.shape(b).blocks, 1);
}

// Takes the extents of a new array of 2^b buckets. Its id is array_seq + 1 until it is adopted.
Result<u64> take_array(Engine& engine, u64 shard, u64 b, bool reserve_only) {
  if (b >= kMaxB)
    return Status(Code::kNoSpace, "the hmap has as many buckets as the format allows");
  ExtentRequest request;
  request.domain = shard;
  request.count = engine.layout.run_extents(engine.layout.shape(b).blocks, 1);
  request.kind = format::ExtentKind::kBuckets;
  request.payload = engine.header(shard).array_seq + 1;
  request.zero = true;
  request.reserve_only = reserve_only;
  const Result<u64> first = take_extents(engine, request);
  if (!first) return first;
  return engine.layout.extent_offset(*first);
}

void set_array(Change& change, BucketArray& to, const BucketArray& value) {
  change.set(to.id, value.id);
  change.set(to.b, value.b);
  change.set(to.next_overflow, value.next_overflow);
  for (u64 j = 0; j <= format::kOverflowRuns; ++j) {
    if (to.run[j] != value.run[j]) change.set(to.run[j], value.run[j]);
  }
}

BucketArray new_array(u64 id, u64 b, u64 run) {
  BucketArray array{};
  array.id = id;
  array.b = b;
  array.next_overflow = u64{1} << b;
  array.run[0] = run;
  return array;
}

Status prepare_step(Engine& engine, ShardHeader& header, u64 bytes) {
  const u64 total = main_run_bytes(engine, header.next.b);
  const u64 extents = engine.layout.extents_for(total) * engine.layout.extent_bytes;
  const u64 done = header.next_prepared;
  if (done >= extents) return {};
  const u64 now = std::min(bytes, extents - done);
  if (Status s = prepare_extents(engine, header.next.run[0] + done, now); !s.ok()) return s;
  // Crash: the step is done again.
  seam::store(header.next_prepared, done + now);
  return {};
}

// Reserves the next array when the present one is half full, and readies it step by step.
Status prepare_next(Engine& engine, u64 shard) {
  ShardHeader& header = engine.header(shard);
  if (header.next.id != 0) {
    return header.count % kPrepareEvery == 0 ? prepare_step(engine, header, kPrepareBytes)
                                             : Status();
  }
  const u64 b = header.b + 1;
  if (b >= kMaxB || !over_load(2 * header.count, header.b) ||
      main_run_bytes(engine, b) <= kPrepareBytes)
    return {};
  const Result<u64> run = take_array(engine, shard, b, true);
  if (!run) return run.error();
  Change change(engine, shard);
  set_array(change, header.next, new_array(header.array_seq + 1, b, *run));
  change.set(header.next_prepared, 0);
  change.set(header.array_seq, header.array_seq + 1);
  change.set(engine.domain(shard).pending, 0);
  change.publish();
  return {};
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
  } else {
    const Result<u64> run = take_array(engine, shard, b, false);
    if (!run) return run.error();
    array = new_array(header.array_seq + 1, b, *run);
  }
  Change change(engine, shard);
  change.guard(header.version);
  set_array(change, header.oldbuckets, header.buckets);
  set_array(change, header.buckets, array);
  change.set(header.b, b);
  change.set(header.flags, same_size ? format::kSameSizeGrow : 0);
  change.set(header.nevacuate, 0);
  change.set(header.noverflow, 0);
  if (use_next) {
    set_array(change, header.next, BucketArray{});
  } else {
    change.set(header.array_seq, array.id);
    change.set(engine.domain(shard).pending, 0);
  }
  change.publish();
  return {};
}

void flush_half(const Half& half) {
  if (half.bucket != nullptr) half.image.store_to(*half.bucket);
}

// Puts an entry into a half; continues in a new overflow bucket when the bucket is full.
Status add_entry(Engine& engine, u64 shard, Half& half, u64& next_overflow, u8 tophash,
                 u64 record) {
  BucketArray& array = engine.header(shard).buckets;
  if (half.filled == format::kSlots) {
    const Result<u64> number =
        overflow_bucket(engine, shard, array, next_overflow, Purpose::kRelease);
    if (!number) return number.error();
    half.image.overflow = *number;
    half.image.store_to(*half.bucket);
    const Result<Bmap*> bucket = live_bucket(engine, array, *number);
    if (!bucket) return bucket.error();
    half = Half{*number, *bucket, {}, 0};
    next_overflow = *number + 1;
  }
  half.image.tophash = with_tophash(half.image.tophash, half.filled, tophash);
  half.image.set_record(half.filled, record);
  ++half.filled;
  return {};
}

struct Evacuation {
  Half x;
  Half y;
  u64 next_overflow = 0;
  u64 marks = 0;  // the head's new tophash word
};

// Copies the entries of one bucket of the old chain into the halves.
Status copy_entries(Engine& engine, u64 shard, const BucketImage& image, bool head,
                    Evacuation& work) {
  const ShardHeader& header = engine.header(shard);
  const bool same_size = (header.flags & format::kSameSizeGrow) != 0;
  for (u64 i = 0; i < format::kSlots; ++i) {
    if (is_filled(tophash_at(image.tophash, i))) prefetch_record(engine, image.record(i));
  }
  for (u64 i = 0; i < format::kSlots; ++i) {
    const u8 top = tophash_at(image.tophash, i);
    u8 mark = format::kEvacuatedEmpty;
    if (is_filled(top)) {
      const Result<RecordView> record = view_record(engine, image.record(i));
      if (!record) return record.error();
      const u64 hash =
          mix(hash_key({record->key(), record->key_bytes}, engine.store_seed), header.hash0);
      if (tophash_of(hash) != top)
        return Engine::corrupt("record does not belong to its slot", record->offset);
      const bool second = !same_size && (hash >> header.oldbuckets.b & 1) != 0;
      Half& half = second ? work.y : work.x;
      if (Status s = add_entry(engine, shard, half, work.next_overflow, top, record->offset);
          !s.ok())
        return s;
      mark = second ? format::kEvacuatedY : format::kEvacuatedX;
    } else if (top > format::kEmptyOne) {
      return Engine::corrupt("evacuated slot in a bucket that is not", header.oldbuckets.run[0]);
    }
    if (head) work.marks = with_tophash(work.marks, i, mark);
  }
  return {};
}

// The first bucket from `from` on that is not evacuated, looking at most kEvacuationLookAhead
// ahead.
Result<u64> next_unevacuated(const Engine& engine, const ShardHeader& header, u64 from) {
  const u64 old_buckets = u64{1} << header.oldbuckets.b;
  const u64 stop = std::min(old_buckets, from + kEvacuationLookAhead);
  for (u64 n = from; n < stop; ++n) {
    const Result<Bmap*> bucket = live_bucket(engine, header.oldbuckets, n);
    if (!bucket) return bucket.error();
    if (!is_evacuated((*bucket)->tophash)) return n;
  }
  return stop;
}

// Asks for the records of a bucket's head.
void prefetch_entries(const Engine& engine, const BucketArray& array, u64 n) {
  const Result<Bmap*> bucket = live_bucket(engine, array, n);
  if (!bucket) return;
  const BucketImage image = BucketImage::of(**bucket);
  for (u64 i = 0; i < format::kSlots; ++i) {
    if (is_filled(tophash_at(image.tophash, i))) prefetch_record(engine, image.record(i));
  }
}

// Moves nevacuate on if the bucket there is evacuated.
Status advance_mark(Engine& engine, u64 shard) {
  ShardHeader& header = engine.header(shard);
  if (header.nevacuate >= u64{1} << header.oldbuckets.b) return {};
  const Result<u64> next = next_unevacuated(engine, header, header.nevacuate);
  if (!next) return next.error();
  // A single word that means the same either way: no intent.
  if (*next != header.nevacuate) seam::store(header.nevacuate, *next);
  return {};
}

Status evacuate(Engine& engine, u64 shard, u64 old_bucket, Purpose purpose) {
  ShardHeader& header = engine.header(shard);
  const bool same_size = (header.flags & format::kSameSizeGrow) != 0;
  Evacuation work;
  work.next_overflow = header.buckets.next_overflow;
  // X and Y of a bucket that is not evacuated are reachable for nobody: they may hold rubbish of a
  // dead attempt, and are filled directly.
  const auto begin_half = [&](Half& half, u64 number) -> Status {
    const Result<Bmap*> bucket = writable_bucket(engine, shard, header.buckets, number, purpose);
    if (!bucket) return bucket.error();
    half = Half{number, *bucket, {}, 0};
    return {};
  };
  if (Status s = begin_half(work.x, old_bucket); !s.ok()) return s;
  if (!same_size) {
    if (Status s = begin_half(work.y, old_bucket + (u64{1} << header.oldbuckets.b)); !s.ok())
      return s;
  }
  const Result<Bmap*> head = writable_bucket(engine, shard, header.oldbuckets, old_bucket, purpose);
  if (!head) return head.error();
  u64 bound = chain_bound(header.oldbuckets);
  const Bmap* bucket = *head;
  for (;;) {
    const BucketImage image = BucketImage::of(*bucket);
    if (Status s = copy_entries(engine, shard, image, bucket == *head, work); !s.ok()) return s;
    if (image.overflow == 0) break;
    if (--bound == 0)
      return Engine::corrupt("bucket chain without end", engine.map->offset_of(bucket));
    const Result<Bmap*> next = live_bucket(engine, header.oldbuckets, image.overflow);
    if (!next) return next.error();
    bucket = *next;
  }
  flush_half(work.x);
  flush_half(work.y);
  u64 nevacuate = header.nevacuate;
  if (old_bucket == nevacuate) {
    const Result<u64> next = next_unevacuated(engine, header, nevacuate + 1);
    if (!next) return next.error();
    nevacuate = *next;
  }
  Change change(engine, shard);
  change.guard((*head)->version);
  change.set((*head)->tophash, work.marks);
  if (work.next_overflow != header.buckets.next_overflow) {
    change.set(header.buckets.next_overflow, work.next_overflow);
    change.set(header.noverflow, work.next_overflow - (u64{1} << header.b));
  }
  if (nevacuate != header.nevacuate) change.set(header.nevacuate, nevacuate);
  // Crash: before, the old bucket counts and the halves are rubbish; after, the halves count.
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

}  // namespace

u64 b_for(u64 entries) {
  u64 b = 0;
  while (b < kMaxB - 1 && over_load(entries, b)) ++b;
  return b;
}

Status make_first_array(Engine& engine, u64 shard) {
  ShardHeader& header = engine.header(shard);
  const Result<u64> run = take_array(engine, shard, header.b, false);
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

Result<bool> grow_if_needed(Engine& engine, u64 shard) {
  const ShardHeader& header = engine.header(shard);
  if (header.oldbuckets.id != 0) return false;
  const bool full = over_load(header.count + 1, header.b);
  if (full || too_many_overflow(header.noverflow, header.b)) {
    if (Status s = start_growth(engine, shard, !full); !s.ok()) return s;
    return true;
  }
  // Making ready may fail on a full disk; the growth itself will say so.
  if (Status s = prepare_next(engine, shard); !s.ok() && s.code() != Code::kNoSpace) return s;
  return false;
}

Status grow_work(Engine& engine, u64 shard, u64 hash, Purpose purpose) {
  const ShardHeader& header = engine.header(shard);
  if (header.oldbuckets.id == 0) return {};
  const u64 old_buckets = u64{1} << header.oldbuckets.b;
  const auto evacuate_unless_done = [&](u64 n) -> Status {
    const Result<Bmap*> bucket = live_bucket(engine, header.oldbuckets, n);
    if (!bucket) return bucket.error();
    return is_evacuated((*bucket)->tophash) ? Status() : evacuate(engine, shard, n, purpose);
  };
  const u64 own = hash & (old_buckets - 1);
  // Every entry's key is hashed again, and its record waited for: those of this key's old bucket
  // come while the other bucket is evacuated, those of the next one until the next write.
  prefetch_entries(engine, header.oldbuckets, own);
  const bool own_is_next = own == header.nevacuate;
  if (own_is_next) {
    if (Status s = evacuate_unless_done(own); !s.ok()) return s;
  }
  if (header.nevacuate < old_buckets) {
    if (Status s = evacuate_unless_done(header.nevacuate); !s.ok()) return s;
  }
  if (!own_is_next) {
    if (Status s = evacuate_unless_done(own); !s.ok()) return s;
  }
  // The look-ahead may have stopped at a bucket evacuated out of turn.
  if (Status s = advance_mark(engine, shard); !s.ok()) return s;
  if (header.nevacuate < old_buckets) prefetch_entries(engine, header.oldbuckets, header.nevacuate);
  return header.nevacuate >= old_buckets ? finish_growth(engine, shard) : Status();
}

Result<u64> overflow_bucket(Engine& engine, u64 shard, BucketArray& array, u64 next,
                            Purpose purpose) {
  const BucketPlace place = place_in_array(engine.layout, array.b, next);
  if (place.run > format::kOverflowRuns)
    return Status(Code::kNoSpace, "the hmap has no more overflow buckets");
  if (array.run[place.run] == 0) {
    ShardHeader& header = engine.header(shard);
    ExtentRequest request;
    request.domain = shard;
    request.count =
        engine.layout.run_extents(engine.layout.array_run_blocks(array.b, place.run), 1);
    request.kind = format::ExtentKind::kBuckets;
    request.payload = header.array_seq + 1;
    request.zero = true;
    request.purpose = purpose;
    const Result<u64> first = take_extents(engine, request);
    if (!first) return first.error();
    Change change(engine, shard);
    change.set(array.run[place.run], engine.layout.extent_offset(*first));
    change.set(header.array_seq, header.array_seq + 1);
    change.set(engine.domain(shard).pending, 0);
    change.publish();
  }
  const Result<Bmap*> bucket = writable_bucket(engine, shard, array, next, purpose);
  if (!bucket) return bucket.error();
  BucketImage{}.store_to(**bucket);
  return next;
}

}  // namespace hmap
