// erase. Go's mapdelete.
#include "format/hash.h"
#include "map/bmap.h"
#include "map/grow.h"
#include "map/hmap.h"
#include "state/intent.h"

namespace hmap {
namespace {

using format::Bmap;
using format::BucketArray;
using format::ShardHeader;

// The tophash word after erasing `slot`: emptyOne, or emptyRest for it and every emptyOne before it
// if nothing but empty follows (`rest_follows`: what comes behind this bucket is empty).
u64 erased_word(u64 word, u64 slot, bool rest_follows) {
  word = with_tophash(word, slot, format::kEmptyOne);
  const bool rest =
      slot + 1 < format::kSlots ? tophash_at(word, slot + 1) == format::kEmptyRest : rest_follows;
  if (!rest) return word;
  for (u64 i = slot + 1; i-- > 0;) {
    if (tophash_at(word, i) != format::kEmptyOne) break;
    word = with_tophash(word, i, format::kEmptyRest);
  }
  return word;
}

// Whether the bucket behind `bucket` begins with emptyRest, or there is none.
Result<bool> rest_behind(const Engine& engine, const BucketArray& array, const Bmap& bucket) {
  if (overflow_in(bucket.overflow) == 0) return true;
  const Result<Bmap*> next = live_bucket(engine, array, overflow_in(bucket.overflow));
  if (!next) return next.error();
  return tophash_at((*next)->tophash, 0) == format::kEmptyRest;
}

// Carries emptyRest on to the buckets before `bucket`, from the tail to the head, each step a
// change of its own: it may stop anywhere, searches then only look at more slots than they need to.
Status carry_empty_rest(Engine& engine, u64 shard, u64 head, u64 bucket) {
  const BucketArray& array = engine.header(shard).buckets;
  // Ends: each round is nearer to the head.
  while (bucket != head) {
    u64 before = head;
    for (ChainHops hops;;) {
      const Result<Bmap*> at = live_bucket(engine, array, before);
      if (!at) return at.error();
      if (overflow_in((*at)->overflow) == bucket) break;
      before = overflow_in((*at)->overflow);
      if (before == 0 || !hops.goes_on(before))
        return Engine::corrupt("bucket chain without end", array.run[0]);
    }
    const Result<Bmap*> at = live_bucket(engine, array, before);
    if (!at) return at.error();
    const u64 last = format::kSlots - 1;
    if (tophash_at((*at)->tophash, last) != format::kEmptyOne) return {};
    const Result<Bmap*> changed = writable_bucket(engine, shard, array, before, Purpose::kRelease);
    if (!changed) return changed.error();
    Change change(engine, shard);
    change.guard((*changed)->version);
    change.set((*changed)->tophash, erased_word((*changed)->tophash, last, true));
    change.publish();
    if (tophash_at((*changed)->tophash, 0) != format::kEmptyRest) return {};
    bucket = before;
  }
  return {};
}

// Fills the change that empties the slot; returns the bucket's tophash word after it.
Result<u64> remove_slot(Engine& engine, u64 shard, const Location& location, Change& change) {
  ShardHeader& header = engine.header(shard);
  FreedRecord freed;
  Status s = prepare_free(engine, shard, location.entry, Purpose::kRelease, freed);
  if (!s.ok()) return s;
  const Result<Bmap*> bucket =
      writable_bucket(engine, shard, header.buckets, location.bucket, Purpose::kRelease);
  if (!bucket) return bucket.error();
  const Result<bool> rest = rest_behind(engine, header.buckets, **bucket);
  if (!rest) return rest.error();
  const u64 word = erased_word((*bucket)->tophash, location.slot, *rest);
  change.guard((*bucket)->version);
  add_free(engine, shard, change, freed);
  change.set((*bucket)->tophash, word);
  change.set(header.count, header.count - 1);
  return word;
}

Status carry_on(Engine& engine, u64 shard, u64 hash, const Location& location, u64 word) {
  if (tophash_at(word, 0) != format::kEmptyRest) return {};
  const u64 head = hash & (buckets_of(engine.header(shard).b) - 1);
  return carry_empty_rest(engine, shard, head, location.bucket);
}

}  // namespace

Status redo_erase(Engine& engine, const EntryView& op, u64 hash) {
  const u64 shard = hash & (engine.layout.shards - 1);
  const u64 mixed = mix(hash, engine.header(shard).hash0);
  Location location;
  if (Status s = locate(engine, shard, op.key_view(), mixed, location); !s.ok()) return s;
  if (!location.found) return {};
  Change change(engine, shard);
  const Result<u64> word = remove_slot(engine, shard, location, change);
  if (!word) return word.error();
  // The seed stays: the other operations of the batch are prepared for this one.
  change.publish();
  Engine::count(engine.domain(shard).erased);
  return carry_on(engine, shard, mixed, location, *word);
}

Result<bool> erase_entry(Engine& engine, std::string_view key, u64 hash,
                         const std::string_view* expected) {
  if (Status s = engine.check_poison(); !s.ok()) return s;
  const u64 shard = hash & (engine.layout.shards - 1);
  prefetch_bucket(engine, shard, hash);
  const Result<DomainLock> lock = DomainLock::take(engine, shard);
  if (!lock) return lock.error();
  ShardHeader& header = engine.header(shard);
  if (header.count == 0) return false;
  prefetch_records(engine, shard, hash);
  const u64 mixed = mix(hash, header.hash0);
  if (Status s = grow_work(engine, shard, mixed, Purpose::kRelease); !s.ok()) return s;
  Location location;
  if (Status s = locate(engine, shard, key, mixed, location); !s.ok()) return s;
  if (!location.found) return false;
  if (expected != nullptr) {
    if (Result<bool> same = has_value(engine, location, *expected); !same || !*same) return same;
  }
  Change change(engine, shard);
  const Result<u64> word = remove_slot(engine, shard, location, change);
  if (!word) return word.error();
  if (header.count == 1) {
    // Go: an empty map gets a new seed, so that collisions found once cannot be used again. Nothing
    // is left that the old one was needed for; readers of the shard look again.
    change.guard(header.version);
    change.set(header.hash0, new_seed());
  }
  if (Status s = change.publish_logged({format::LogOp::kErase, key, {}}); !s.ok()) return s;
  Engine::count(engine.domain(shard).erased);
  // The write has happened, and who is told of an error would take it for undone. What is left over
  // is done by later ones.
  static_cast<void>(carry_on(engine, shard, mixed, location, *word).ok());
  static_cast<void>(tidy_up(engine, shard, true).ok());
  return true;
}

}  // namespace hmap
