// Growth of an hmap: new arrays and incremental evacuation.
// Go's hashGrow, growWork and evacuate (the rules: format-spec/format.md, section 13).
#ifndef HMAP_SRC_MAP_GROW_H_
#define HMAP_SRC_MAP_GROW_H_

#include <algorithm>

#include "state/blocks.h"
#include "state/intent.h"

namespace hmap {

// Largest count before growth is 8 for one bucket, else 6.5 times the buckets (Go's
// overLoadFactor).
constexpr bool over_load(u64 count, u64 b) { return count > 8 && count > 13 * (buckets_of(b) / 2); }
// Go's tooManyOverflowBuckets, with an exact count and for every B.
constexpr bool too_many_overflow(u64 noverflow, u64 b) { return noverflow >= buckets_of(b); }
// The smallest B that is not over load for `entries`: Go's make(map, n).
u64 b_for(u64 entries);

// Whether half as many buckets are plenty: a third more entries fit before they grow again.
constexpr bool is_under_load(u64 count, u64 b) {
  return b > 0 && !over_load(count + count / 3, b - 1);
}

// While growing: how many evacuations it takes, the old buckets that they begin with being 0, 1, 2,
// ... Each is of one old bucket into one or two new ones or, to half the size, of old buckets i and
// i + 2^b into new bucket i.
constexpr u64 evacuations(const format::ShardHeader& header) {
  return buckets_of(std::min(header.b, header.oldbuckets.b));
}

// Makes the first array, of 2^header.b buckets. The caller holds the shard's lock in all of these.
Status make_first_array(Engine& engine, u64 shard);

// If the insert of a new key, which will be number `entries`, must start a growth first (too full,
// or too many overflow buckets, and not growing): starts it and returns true; the insert then
// begins again. Otherwise prepares the next array in steps of at most 1 MiB when it will be a large
// one.
Result<bool> grow_if_needed(Engine& engine, u64 shard, u64 entries);

// While growing: evacuates the old bucket that feeds the bucket of `hash` (mixed), and the next one
// in turn; not that, if blocks would have to be copied for both (F-38).
Status grow_work(Engine& engine, u64 shard, u64 hash, Purpose purpose);

// One step of making the array of buckets as small as it may be, under the shard's lock, which it
// takes: carries a growth on by some old buckets, or, if the hmap is under load, starts one to half
// as many buckets; nothing else ever does. False: there is nothing to do. Errors: kNoSpace, kBusy,
// kCorrupt, kIoError; then nothing happened in this step.
Result<bool> shrink_step(Engine& engine, u64 shard);

// Hands out the next overflow bucket of `array` (one of the header's), adding a run of them when
// the last is used up. The bucket's block is writable, the bucket empty and even; it becomes used
// when the Change that links it also sets next_overflow (take_overflow only says which). Returns
// its number. `next` is the number to hand out, normally array.next_overflow. Errors: kNoSpace,
// kBusy, kIoError, and kCorrupt for the number of a main bucket.
Result<u64> overflow_bucket(Engine& engine, u64 shard, format::BucketArray& array, u64 next,
                            Purpose purpose);

}  // namespace hmap

#endif  // HMAP_SRC_MAP_GROW_H_
