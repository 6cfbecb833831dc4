// Moving the entries of one old bucket. Go's evacuate; the order of stores is ours (lib/README.md,
// "A write").
#include "map/evacuate.h"

#include <algorithm>
#include <array>

#include "format/hash.h"
#include "map/bmap.h"
#include "map/grow.h"
#include "map/slots.h"

namespace hmap {
namespace {

using format::Bmap;
using format::BucketArray;
using format::ShardHeader;

// Most buckets by which nevacuate is moved over already evacuated ones at once (Go: 1024).
constexpr u64 kEvacuationLookAhead = 1024;
// One of the two halves that an old bucket is evacuated into: the bucket being filled.
struct Half {
  Bmap* bucket = nullptr;
  BucketImage image;
};

// For a report of damage.
u64 place_of(const Engine& engine, const Bmap& bucket, u64 slot) {
  return engine.layout.bucket.is_inline() ? engine.map->offset_of(&bucket)
                                          : record_in(&bucket.overflow, slot);
}

// Whether the hash bits in the old buckets do not say enough: the new array keeps others.
bool needs_keys(const ShardHeader& header) {
  return first_hash_bit(header.oldbuckets.b) != first_hash_bit(header.b);
}

// Asks for the keys of a bucket's entries.
void prefetch_entries(const Engine& engine, const Bmap& bucket) {
  if (engine.layout.bucket.is_inline()) return prefetch_inline<1>(engine.layout.bucket, &bucket);
  for (u64 i = 0; i < format::kSlots; ++i) {
    if (is_filled(tophash_at(bucket.tophash, i)))
      prefetch_key(engine, record_in(&bucket.overflow, i));
  }
}

void flush_half(const Engine& engine, const Half& half) {
  if (half.bucket != nullptr) half.image.store_to(*half.bucket, engine.layout.bucket);
}

// Goes on in a new overflow bucket.
Status extend_half(Engine& engine, u64 shard, Half& half, u64& next_overflow) {
  BucketArray& array = engine.header(shard).buckets;
  const Result<u64> number =
      overflow_bucket(engine, shard, array, next_overflow, Purpose::kRelease);
  if (!number) return number.error();
  half.image.link(*number);
  flush_half(engine, half);
  const Result<Bmap*> bucket = live_bucket(engine, array, *number);
  if (!bucket) return bucket.error();
  half = Half{*bucket, {}};
  next_overflow = *number + 1;
  return {};
}

struct Evacuation {
  Half x;
  Half y;
  u64 next_overflow = 0;
};

// One of the old chains that are evacuated together.
struct OldChain {
  Bmap* head = nullptr;
  u64 marks = 0;  // the head's new tophash word
};

// The hash of the key in a slot with this tophash. kCorrupt if it cannot be there.
Result<u64> hash_of(const Engine& engine, const ShardHeader& header, const Bmap& from, u64 slot,
                    u8 top) {
  const Result<EntryView> entry = view_slot(engine, &from.overflow, slot);
  if (!entry) return entry.error();
  const u64 hash = mix(hash_key(entry->key_view(), engine.store_seed), header.hash0);
  if (tophash_of(hash) != top)
    return Engine::corrupt("key does not belong to its slot", place_of(engine, from, slot));
  return hash;
}

// Damage may have an old and a new bucket share bytes, which are lost when one is copied.
Status check_apart(const Engine& engine, const Bmap& from, const Bmap& to) {
  const u64 at = engine.map->offset_of(&from);
  if (!overlap(at, engine.map->offset_of(&to), engine.layout.bucket.bytes)) return {};
  return Engine::corrupt("a new bucket lies over an old one", at);
}

// Puts an entry of the old chain into the next slot of a half, which nobody can reach.
void add_entry(const Engine& engine, const Bmap& from, u64 slot, Half& half, u64 bits) {
  const BucketShape& shape = engine.layout.bucket;
  const u8 top = tophash_at(from.tophash, slot);
  if (!shape.is_inline()) return half.image.add(top, bits, record_in(&from.overflow, slot));
  const auto* bytes = reinterpret_cast<const char*>(&from);
  fill_slot(shape, *half.bucket, half.image.filled(),
            {bytes + key_at(shape, slot), shape.key_bytes},
            {bytes + elem_at(shape, slot), shape.elem_bytes});
  half.image.add(top, bits, 0);
}

// Copies the entries of one bucket of an old chain into the halves; of its head the new tophash
// word goes to *marks.
Status copy_entries(Engine& engine, u64 shard, const Bmap& from, u64* marks, Evacuation& work) {
  const ShardHeader& header = engine.header(shard);
  const u64 old_b = header.oldbuckets.b;
  // Asked of the half and not of the header again, whose words a stranger may be changing.
  const bool two = work.y.bucket != nullptr;
  const bool read = needs_keys(header);
  if (read) prefetch_entries(engine, from);
  for (u64 i = 0; i < format::kSlots; ++i) {
    const u8 top = tophash_at(from.tophash, i);
    u8 mark = format::kEvacuatedEmpty;
    if (is_filled(top)) {
      u64 bits = hash_bits_in(from.overflow, i);
      const bool second = two && (bits >> (old_b - first_hash_bit(old_b)) & 1) != 0;
      if (read) {
        const Result<u64> hash = hash_of(engine, header, from, i, top);
        if (!hash) return hash.error();
        if (hash_bits(*hash, old_b) != bits)
          return Engine::corrupt("hash bits of a slot are not its key's",
                                 place_of(engine, from, i));
        bits = hash_bits(*hash, header.b);
      }
      Half& half = second ? work.y : work.x;
      if (half.image.full()) {
        if (Status s = extend_half(engine, shard, half, work.next_overflow); !s.ok()) return s;
      }
      if (Status s = check_apart(engine, from, *half.bucket); !s.ok()) return s;
      add_entry(engine, from, i, half, bits);
      mark = second ? format::kEvacuatedY : format::kEvacuatedX;
    } else if (top > format::kEmptyOne) {
      return Engine::corrupt("evacuated slot in a bucket that is not", header.oldbuckets.run[0]);
    }
    if (marks != nullptr) *marks = with_tophash(*marks, i, mark);
  }
  return {};
}

// Copies the entries of an old chain into the halves.
Status copy_chain(Engine& engine, u64 shard, OldChain& chain, Evacuation& work) {
  const BucketArray& array = engine.header(shard).oldbuckets;
  const Bmap* bucket = chain.head;
  for (ChainHops hops;;) {
    u64* marks = bucket == chain.head ? &chain.marks : nullptr;
    if (Status s = copy_entries(engine, shard, *bucket, marks, work); !s.ok()) return s;
    const u64 overflow = overflow_in(bucket->overflow);
    if (overflow == 0) return {};
    if (!hops.goes_on(overflow))
      return Engine::corrupt("bucket chain without end", engine.map->offset_of(bucket));
    const Result<Bmap*> next = live_bucket(engine, array, overflow);
    if (!next) return next.error();
    bucket = *next;
  }
}

// The first bucket from `from` on that is not evacuated, looking at most kEvacuationLookAhead
// ahead.
Result<u64> next_unevacuated(const Engine& engine, const ShardHeader& header, u64 from) {
  const u64 stop = std::min(evacuations(header), from + kEvacuationLookAhead);
  for (u64 n = from; n < stop; ++n) {
    const Result<bool> left = is_left(engine, header, n);
    if (!left) return left.error();
    if (*left) return n;
  }
  return stop;
}

}  // namespace

Result<bool> is_left(const Engine& engine, const ShardHeader& header, u64 old_bucket) {
  const Result<Bmap*> head = live_bucket(engine, header.oldbuckets, old_bucket);
  if (!head) return head.error();
  const bool left = !is_evacuated((*head)->tophash);
  if (header.b >= header.oldbuckets.b) return left;
  const Result<Bmap*> second =
      live_bucket(engine, header.oldbuckets, old_bucket + buckets_of(header.b));
  if (!second) return second.error();
  // F-31. Readers ask the one that is their key's: what is written to the new bucket they would not
  // find, or what is left in an old one, nobody any more.
  if (is_evacuated((*second)->tophash) == left)
    return Engine::corrupt("of two old buckets one is evacuated", engine.map->offset_of(*second));
  return left;
}

void prefetch_evacuation(const Engine& engine, const ShardHeader& header, u64 old_bucket) {
  const u64 last = header.b < header.oldbuckets.b ? old_bucket + buckets_of(header.b) : old_bucket;
  for (u64 n = old_bucket;; n = last) {
    const Bmap* bucket = find_bucket(engine, header.oldbuckets, n).bucket;
    if (bucket == nullptr) return;
    if (needs_keys(header) && !engine.layout.bucket.is_inline()) {
      prefetch_entries(engine, *bucket);
    } else {
      prefetch_bucket_lines<1>(engine, bucket);
    }
    if (n == last) break;
  }
  // What it is evacuated into.
  const auto prefetch_half = [&](u64 n) {
    const Bmap* bucket = find_bucket(engine, header.buckets, n).bucket;
    if (bucket != nullptr) prefetch_bucket_lines<1>(engine, bucket);
  };
  prefetch_half(old_bucket);
  if (header.b > header.oldbuckets.b) prefetch_half(old_bucket + buckets_of(header.oldbuckets.b));
}

Status advance_mark(Engine& engine, u64 shard) {
  ShardHeader& header = engine.header(shard);
  if (header.nevacuate >= evacuations(header)) return {};
  const Result<u64> next = next_unevacuated(engine, header, header.nevacuate);
  if (!next) return next.error();
  // A single word that means the same either way: no intent.
  if (*next != header.nevacuate) seam::store(header.nevacuate, *next);
  return {};
}

Status evacuate(Engine& engine, u64 shard, u64 old_bucket, Purpose purpose) {
  ShardHeader& header = engine.header(shard);
  Evacuation work;
  work.next_overflow = header.buckets.next_overflow;
  // X and Y of a bucket that is not evacuated are reachable for nobody: they may hold rubbish of a
  // dead attempt, and are filled directly.
  const auto begin_half = [&](Half& half, u64 number) -> Status {
    const Result<Bmap*> bucket = writable_bucket(engine, shard, header.buckets, number, purpose);
    if (!bucket) return bucket.error();
    half = Half{*bucket, {}};
    return {};
  };
  if (Status s = begin_half(work.x, old_bucket); !s.ok()) return s;
  if (header.b > header.oldbuckets.b) {
    if (Status s = begin_half(work.y, old_bucket + buckets_of(header.oldbuckets.b)); !s.ok())
      return s;
  }
  std::array<OldChain, 2> chains;
  const u64 count = header.b < header.oldbuckets.b ? 2 : 1;
  for (u64 i = 0; i < count; ++i) {
    const Result<Bmap*> head = writable_bucket(engine, shard, header.oldbuckets,
                                               old_bucket + i * buckets_of(header.b), purpose);
    if (!head) return head.error();
    chains[i].head = *head;
  }
  for (u64 i = 0; i < count; ++i) {
    if (Status s = copy_chain(engine, shard, chains[i], work); !s.ok()) return s;
  }
  flush_half(engine, work.x);
  flush_half(engine, work.y);
  u64 nevacuate = header.nevacuate;
  if (old_bucket == nevacuate) {
    const Result<u64> next = next_unevacuated(engine, header, nevacuate + 1);
    if (!next) return next.error();
    nevacuate = *next;
  }
  Change change(engine, shard);
  for (u64 i = 0; i < count; ++i) {
    change.guard(chains[i].head->version);
    change.set(chains[i].head->tophash, chains[i].marks);
  }
  if (work.next_overflow != header.buckets.next_overflow) {
    change.set(header.buckets.next_overflow, work.next_overflow);
    change.set(header.noverflow, work.next_overflow - buckets_of(header.b));
  }
  if (nevacuate != header.nevacuate) change.set(header.nevacuate, nevacuate);
  // Crash: before, the old buckets count and the halves are rubbish; after, the halves count.
  change.publish();
  return {};
}

}  // namespace hmap
