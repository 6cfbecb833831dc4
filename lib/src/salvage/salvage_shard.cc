// The map of one shard in a damaged store.
#include "salvage/salvage_shard.h"

#include <algorithm>
#include <cstring>

#include "format/hash.h"
#include "records/spans.h"
#include "state/space.h"

namespace hmap {

using format::BucketArray;
using format::SpanEntry;

namespace {

constexpr u64 low_bits(u64 value, u64 b) { return value & ((u64{1} << b) - 1); }

Trust worse(Trust a, Trust b) { return std::max(a, b); }
static_assert(Trust::kVerified < Trust::kSuspect && Trust::kSuspect < Trust::kDamaged);

}  // namespace

bool SalvageShard::fits(const Filled& slot, u64 hash) const {
  const u64 hh = mix(hash, header_.hash0);
  return low_bits(hash, layout_.shard_bits) == shard_ && low_bits(hh, slot.b) == slot.main &&
         tophash_of(hh) == slot.tophash;
}

SalvageShard::SeenBucket SalvageShard::bucket(const BucketArray& array, u64 number) {
  SeenBucket seen;
  const BucketPlace at = place_in_array(layout_, array.b, number);
  if (at.run > format::kOverflowRuns || array.run[at.run].none()) return seen;
  const BucketShape::Place in_run = layout_.bucket.place(at.bucket);
  const SeenBlock block = state_.block(layout_.array_run(array, at.run), in_run.block);
  if (block.trust == Trust::kDamaged) return seen;
  std::memcpy(&seen.bucket, block.bytes + in_run.inside, layout_.bucket.bytes);
  seen.trust = block.trust;
  return seen;
}

SalvageShard::Chain SalvageShard::chain_of(u64 hash) {
  Chain chain{&header_.buckets, low_bits(hash, header_.b), Trust::kVerified};
  if (!state_.headers_verified()) chain.trust = Trust::kSuspect;
  if (header_.oldbuckets.id == 0) return chain;
  const u64 old = low_bits(hash, header_.oldbuckets.b);
  if (old < header_.nevacuate) return chain;
  const SeenBucket head = bucket(header_.oldbuckets, old);
  chain.trust = worse(chain.trust, head.trust);
  if (head.trust == Trust::kDamaged) {
    chain.array = nullptr;
  } else if (!is_evacuated(head.bucket.tophash)) {
    chain.array = &header_.oldbuckets;
    chain.main = old;
  }
  return chain;
}

Trust SalvageShard::walk(const BucketArray& array, u64 main, const VisitSlot& visit,
                         Status& status) {
  Trust trust = Trust::kVerified;
  ChainHops hops;
  u64 number = main;
  while (true) {
    const SeenBucket seen = bucket(array, number);
    trust = worse(trust, seen.trust);
    if (seen.trust == Trust::kDamaged) return trust;
    for (u64 slot = 0; slot < format::kSlots; ++slot) {
      const u8 tophash = tophash_at(seen.bucket.tophash, slot);
      if (tophash == format::kEmptyRest) return trust;
      if (!is_filled(tophash)) continue;
      Filled filled;
      filled.main = main;
      filled.b = array.b;
      filled.tophash = tophash;
      filled.trust = seen.trust;
      if (layout_.bucket.is_inline()) {
        const EntryView entry = view_inline(layout_.bucket, &seen.bucket.overflow, slot);
        filled.key = entry.key_view();
        filled.value = {entry.value, entry.value_bytes};
        filled.bucket_at = home_of(array, main);
      } else {
        filled.record = record_in(&seen.bucket.overflow, slot);
      }
      status = visit(filled);
      if (!status.ok()) return trust;
    }
    number = overflow_in(seen.bucket.overflow);
    if (number == 0) return trust;
    if (number < u64{1} << array.b || number >= array.next_overflow || !hops.goes_on(number)) {
      log_.add("chain of buckets that leads astray", home_of(array, main));
      return Trust::kDamaged;
    }
  }
}

u64 SalvageShard::home_of(const BucketArray& array, u64 main) const {
  const BucketShape::Place place = layout_.bucket.place(main);
  return array.run[0].value + place.block * layout_.block_bytes + place.inside;
}

// Those that can be there: behind the end of the file neither a bucket nor its table is.
u64 SalvageShard::main_buckets(const BucketArray& array) const {
  const u64 file = engine_.map->file_bytes();
  const u64 blocks =
      file > array.run[0].value ? (file - array.run[0].value) / layout_.block_bytes + 1 : 0;
  return std::min(u64{1} << array.b, blocks * layout_.bucket.per_block);
}

Status SalvageShard::walk_array(const BucketArray& array, const VisitSlot& visit) {
  if (array.id == 0) return {};
  const u64 mains = main_buckets(array);
  if (mains < u64{1} << array.b) {
    log_.add("bucket array: ends beyond the end of the file", array.run[0].value);
    damaged_ = true;
  }
  Status status;
  for (u64 main = 0; main < mains && status.ok(); ++main) {
    const Chain chain = chain_of(main);
    // An old bucket that cannot be read: what the new ones hold may be rubbish.
    if (chain.array == nullptr) damaged_ = true;
    if (chain.array != &array || chain.main != main) continue;
    if (walk(array, main, visit, status) == Trust::kDamaged) damaged_ = true;
  }
  return status;
}

Status SalvageShard::for_each_slot(const VisitSlot& visit) {
  const VisitSlot counted = [&](const Filled& slot) {
    ++filled_;
    return visit(slot);
  };
  if (Status s = walk_array(header_.oldbuckets, counted); !s.ok()) return s;
  return walk_array(header_.buckets, counted);
}

bool SalvageShard::chain_is_whole(u64 hash) {
  if (header_.buckets.id == 0) return state_.headers_verified();
  const Chain chain = chain_of(mix(hash, header_.hash0));
  if (chain.array == nullptr || chain.trust != Trust::kVerified) return false;
  // Asked for each record that is found and was not taken: a long chain is walked once.
  const auto [known, is_new] = whole_chains_.try_emplace(home_of(*chain.array, chain.main), false);
  if (is_new) {
    Status ok;
    const VisitSlot nothing = [](const Filled&) { return Status(); };
    known->second = walk(*chain.array, chain.main, nothing, ok) == Trust::kVerified;
  }
  return known->second;
}

Status SalvageShard::for_each_used(const VisitUsed& visit, const VisitSpan& visit_span) {
  bits_verified_ = state_.headers_verified();
  bits_there_ = true;
  u64 span = 0;
  for (u64 k = 0; k < format::kDirectorySegments && span < header_.span_count; ++k) {
    const Run run(header_.directory[k], layout_.directory_shape(k));
    for (u64 i = 0; i < run.blocks && span < header_.span_count; ++i) {
      const SeenBlock block = run.offset == 0 ? SeenBlock{} : state_.block(run, i);
      if (block.trust != Trust::kVerified) bits_verified_ = false;
      if (block.trust == Trust::kDamaged) {
        bits_there_ = false;
        // All that follows of a lost segment is lost as well.
        const u64 at = run.offset + i * layout_.block_bytes;
        if (run.offset == 0 || at >= engine_.map->file_bytes()) break;
      } else {
        const bool sure = block.trust == Trust::kVerified;
        Status s = visit_block(block.bytes, span, visit, sure ? &visit_span : nullptr);
        if (!s.ok()) return s;
      }
      span += layout_.spans_per_block;
    }
  }
  return visit_large(visit);
}

Status SalvageShard::visit_block(const std::byte* bytes, u64 first_span, const VisitUsed& visit,
                                 const VisitSpan* visit_span) {
  for (u64 i = 0; i < layout_.spans_per_block && first_span + i < header_.span_count; ++i) {
    SpanEntry entry;
    std::memcpy(&entry, bytes + i * sizeof entry, sizeof entry);
    if ((entry.head & 0xffff'ffff) == 0) continue;
    const u64 size_class = span_class(entry.head);
    const SpanShape& shape = layout_.span_shape(size_class);
    const u64 first = span_extent(entry.head);
    if (visit_span != nullptr) (*visit_span)(first, shape.extents);
    for (u64 slot = 0; slot < shape.slots; ++slot) {
      if ((entry.map[slot / 64] >> slot % 64 & 1) == 0) continue;
      ++bits_;
      const u64 record = layout_.extent_offset(first) + slot * class_bytes(size_class);
      if (Status s = visit({record, size_class}); !s.ok()) return s;
    }
  }
  return {};
}

Status SalvageShard::visit_large(const VisitUsed& visit) {
  const u64 file = engine_.map->file_bytes();
  if (file <= layout_.heap_offset) return {};
  const u64 end = std::min(state_.extents_end(), layout_.extents_for(file - layout_.heap_offset));
  for (u64 extent = 0; extent < end; ++extent) {
    const SalvageState::SeenWord seen = state_.extent_word(extent);
    if (seen.trust == Trust::kDamaged || extent_shard(seen.word) != shard_ ||
        extent_kind(seen.word) != format::ExtentKind::kLarge || is_being_given_back(extent)) {
      continue;
    }
    ++larges_;
    if (Status s = visit({layout_.extent_offset(extent), format::kClasses}); !s.ok()) return s;
  }
  return {};
}

bool SalvageShard::is_being_given_back(u64 extent) const {
  if (extent >= header_.dead_large_next && extent < header_.dead_large_end) return true;
  return std::any_of(std::begin(header_.dead), std::end(header_.dead), [&](u64 row) {
    return row != 0 && extent >= note_first(row) && extent - note_first(row) < note_count(row);
  });
}

}  // namespace hmap
