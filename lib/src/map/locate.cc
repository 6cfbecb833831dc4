// What insert and erase share: searching under the lock, and freeing a record.
#include <bit>

#include "format/hash.h"
#include "map/bmap.h"
#include "map/grow.h"
#include "map/hmap.h"
#include "map/slots.h"
#include "records/records.h"
#include "records/spans.h"
#include "state/dead.h"
#include "state/space.h"
#include "system/file.h"

namespace hmap {

using format::Bmap;
using format::BucketArray;

namespace {

// Asks for the bits of the record at `offset`, which slot_of() will look at, if they are of so many
// spans that they will not be in the processor's cache.
void prefetch_slot_bits(const Engine& engine, u64 shard, u64 offset) {
  constexpr u64 kNearSpans = 2'048;
  const format::ShardHeader& header = engine.header(shard);
  if (header.span_count < kNearSpans || offset < engine.layout.heap_offset) return;
  const Result<u64> word = extent_word(engine, engine.layout.extent_of(offset));
  if (!word || extent_kind(*word) != format::ExtentKind::kSpan) return;
  const auto entry = span_entry(engine, header.directory, extent_payload(*word));
  if (!entry) return;
  for (u64 at = 0; at < sizeof(format::SpanEntry); at += kCacheLine)
    __builtin_prefetch(reinterpret_cast<const std::byte*>(*entry) + at, 1);
}

}  // namespace

Status locate(const Engine& engine, u64 shard, std::string_view key, u64 hash, Location& location) {
  const BucketArray& array = engine.header(shard).buckets;
  const u8 top = tophash_of(hash);
  location.found = false;
  location.has_room = false;
  u64 n = hash & (buckets_of(array.b) - 1);
  for (ChainHops hops;;) {
    const Bmap* bucket = find_bucket(engine, array, n).bucket;
    if (bucket == nullptr) [[unlikely]]
      return outside_array(array);
    const u64 tophash = bucket->tophash;
    // Nothing has taken this array's place, nor will while the caller holds the lock.
    if (is_evacuated(tophash)) [[unlikely]]
      return Engine::corrupt("bucket evacuated to nowhere", engine.map->offset_of(bucket));
    location.last = n;
    for (u32 slots = match_bytes(tophash, top); slots != 0; slots &= slots - 1) {
      const auto slot = static_cast<u64>(std::countr_zero(slots));
      if (Status s = view_slot(engine, &bucket->overflow, slot, location.entry); !s.ok()) return s;
      if (!location.entry.has_key(key)) continue;
      location.found = true;
      location.bucket = n;
      location.slot = slot;
      return {};
    }
    const u32 rest = match_bytes(tophash, format::kEmptyRest);
    const u32 empty = rest | match_bytes(tophash, format::kEmptyOne);
    if (empty != 0 && !location.has_room) {
      location.has_room = true;
      location.bucket = n;
      location.slot = static_cast<u64>(std::countr_zero(empty));
    }
    n = overflow_in(bucket->overflow);
    if (rest != 0 || n == 0) return {};
    if (!hops.goes_on(n)) return Engine::corrupt("bucket chain without end", array.run[0]);
  }
}

Result<bool> has_value(const Engine& engine, const Location& location, std::string_view expected) {
  const EntryView& entry = location.entry;
  bool same = entry.flags == 0 && entry.value_bytes == expected.size() &&
              seam::equal(entry.value, expected.data(), expected.size());
  if (entry.flags != 0) {
    std::string value(entry.value, entry.value_bytes);
    if (Status s = decode_value(engine, entry.record, entry.flags, value); !s.ok()) return s;
    same = value == expected;
  }
  // It may be another value by damage only.
  if (!same && engine.verify_reads && !record_intact(engine, entry))
    return Engine::corrupt("record with a wrong checksum", entry.record);
  return same;
}

Status prepare_free(Engine& engine, u64 shard, const EntryView& entry, Purpose purpose,
                    FreedRecord& freed) {
  const u64 offset = entry.record;
  const u64 bytes = entry.record_bytes();
  if (offset == 0) return {};
  if (!is_large(engine.layout, bytes))
    return slot_of(engine, shard, offset, bytes, purpose, freed.slot);
  freed.extents = engine.layout.extents_for(bytes);
  if (offset < engine.layout.heap_offset)
    return Engine::corrupt("large record outside the extents", offset);
  freed.first_extent = engine.layout.extent_of(offset);
  Result<u64> word = extent_word(engine, freed.first_extent);
  if (!word) return word.error();
  if (extent_kind(*word) == format::ExtentKind::kLargePending &&
      extent_payload(*word) == freed.extents) {
    // Its put could not wait for the space lock any more.
    if (Status s = adopt_published(engine); !s.ok()) return s;
    word = extent_word(engine, freed.first_extent);
    if (!word) return word.error();
  }
  if (extent_kind(*word) != format::ExtentKind::kLarge || extent_payload(*word) != freed.extents ||
      engine.layout.extent_offset(freed.first_extent) != offset) {
    return Engine::corrupt("large record and its extents disagree", offset);
  }
  return make_dead_room(engine, shard, 1);
}

void add_free(Engine& engine, u64 shard, Change& change, const FreedRecord& record) {
  if (record.slot.map_word != nullptr) {
    change.set_bits(*record.slot.map_word, 0, record.slot.bit);
  } else if (record.extents != 0) {
    add_dead(engine, shard, change, record.first_extent, record.extents);
  }
}

void prefetch_bucket(const Engine& engine, u64 shard, u64 hash) {
  const format::ShardHeader& header = engine.header(shard);
  const u64 mixed = mix(hash, seam::load(header.hash0));
  const auto prefetch = [&](const BucketArray& array, u64 n) {
    const FoundBucket found = find_bucket(engine, array, n);
    if (found.bucket == nullptr) return;
    prefetch_bucket_lines<1>(engine, found.bucket);
    // What says whether its block can be written to.
    __builtin_prefetch(engine.map->at(found.state));
  };
  const u64 b = seam::load(header.buckets.b);
  if (b >= kMaxB) return;
  prefetch(header.buckets, mixed & ((u64{1} << b) - 1));
  if (seam::load(header.oldbuckets.id) == 0 || b == 0) return;
  // Growing: the old bucket will be evacuated, into this bucket and its other half.
  const u64 old_b = seam::load(header.oldbuckets.b);
  if (old_b >= kMaxB) return;
  prefetch(header.oldbuckets, mixed & ((u64{1} << old_b) - 1));
  prefetch(header.buckets, (mixed & ((u64{1} << b) - 1)) ^ (u64{1} << (b - 1)));
}

void prefetch_records(const Engine& engine, u64 shard, u64 hash) {
  const format::ShardHeader& header = engine.header(shard);
  // While the hmap grows, the bucket may be one that nobody has touched yet: a fault for nothing.
  if (header.oldbuckets.id != 0) return;
  const u64 mixed = mix(hash, header.hash0);
  const Bmap* bucket = find_head(engine, header.buckets, mixed).bucket;
  if (bucket == nullptr) return;  // no array yet; or damage, which locate() reports
  const u32 slots = match_bytes(bucket->tophash, tophash_of(mixed));
  if (slots == 0) return;
  prefetch_slots(engine, &bucket->overflow, slots);
  // Most often there is one, it is the key's, and will be freed.
  const auto first = static_cast<u64>(std::countr_zero(slots));
  if (!engine.layout.bucket.is_inline())
    prefetch_slot_bits(engine, shard, record_in(&bucket->overflow, first));
}

u64 new_seed() {
  u64 seed = 0;
  fill_random(&seed, sizeof seed);
  return seed;
}

Status tidy_up(Engine& engine, u64 shard, bool freed) {
  constexpr u64 kEvery = 64;  // intent states, some twenty operations
  constexpr u64 kExtents = 256;
  if (freed) {
    if (Status s = after_free(engine, shard); !s.ok()) return s;
  }
  if (engine.intent(shard).state % kEvery != 0) return {};
  if (has_cleared_space(engine, shard)) return give_back_cleared(engine, shard).error();
  return give_back(engine, shard, kExtents);
}

}  // namespace hmap
