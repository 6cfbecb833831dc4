// Choosing sparse spans, and moving their records.
#include "map/sparse.h"

#include <algorithm>
#include <array>
#include <bit>

#include "format/hash.h"
#include "map/bmap.h"
#include "map/grow.h"
#include "map/hmap.h"
#include "map/slots.h"
#include "state/space.h"

namespace hmap {
namespace {

using format::Bmap;
using format::ShardHeader;
using format::SpanEntry;

// Of one step, while others wait for the shard's lock.
constexpr u64 kSpansLookedAt = 256;
constexpr u64 kChains = 64;
constexpr u64 kRecords = 64;

u64 records_in(const SpanEntry& entry) {
  u64 records = 0;
  for (const u64& word : entry.map) records += static_cast<u64>(std::popcount(word));
  return records;
}

bool is_sparse(const Layout& layout, u64 size_class, u64 records) {
  return records * 4 < layout.span_shape(size_class).slots * 3;
}

// Moves the records of one chain, under the shard's lock.
class ChainMove {
 public:
  ChainMove(Engine& engine, const SparseSpans& sparse, Moved& moved)
      : engine_(engine),
        sparse_(sparse),
        shard_(sparse.shard()),
        header_(engine.header(shard_)),
        moved_(moved) {
    passed_over_.avoid(sparse.all());
  }

  Status run(u64 head) {
    u64 n = head;
    for (ChainHops hops;;) {
      for (u64 slot = 0; slot < format::kSlots; ++slot) {
        if (Status s = look_at(n, slot); !s.ok()) return s;
      }
      const Result<Bmap*> bucket = live_bucket(engine_, header_.buckets, n);
      if (!bucket) return bucket.error();
      n = overflow_in((*bucket)->overflow);
      if (n == 0) return {};
      if (!hops.goes_on(n))
        return Engine::corrupt("bucket chain without end", header_.buckets.run[0]);
    }
  }

 private:
  Status look_at(u64 n, u64 slot) {
    const Result<Bmap*> bucket = live_bucket(engine_, header_.buckets, n);
    if (!bucket) return bucket.error();
    if (!is_filled(tophash_at((*bucket)->tophash, slot))) return {};
    const Result<EntryView> entry = view_slot(engine_, &(*bucket)->overflow, slot);
    if (!entry) return entry.error();
    const Result<bool> wanted = is_in_sparse_span(*entry);
    if (!wanted) return wanted.error();
    return *wanted ? move(n, slot, *entry) : Status();
  }

  // Others may have filled it since it was chosen, or be about to: then it stays.
  Result<bool> is_in_sparse_span(const EntryView& entry) {
    if (is_large(engine_.layout, entry.record_bytes())) return false;
    const u64 offset = entry.record;
    if (offset < engine_.layout.heap_offset)
      return Engine::corrupt("record below the extents", offset);
    const Result<u64> word = extent_word(engine_, engine_.layout.extent_of(offset));
    if (!word) return word.error();
    const u64 span = extent_payload(*word);
    const u64 size_class = class_for(entry.record_bytes());
    if (extent_kind(*word) != format::ExtentKind::kSpan || extent_shard(*word) != shard_ ||
        !sparse_.has(span) || header_.classes[size_class].open == span + 1)
      return false;
    const Result<SpanEntry*> now = span_entry(engine_, header_.directory, span);
    if (!now) return now.error();
    return is_sparse(engine_.layout, size_class, records_in(**now));
  }

  // As replacing does it, but that the value, as it is stored, stays the same.
  Status move(u64 n, u64 slot, const EntryView& entry) {
    // With a new checksum damage would look intact.
    if (!record_intact(engine_, entry))
      return Engine::corrupt("record with a wrong checksum", entry.record);
    const u64 bytes = entry.record_bytes();
    RecordSlot to;
    Status s = find_slot(engine_, shard_, bytes, Purpose::kOrdinary, to, &passed_over_);
    if (!s.ok()) return s;
    std::byte* record = engine_.map->bytes(to.offset, bytes);
    if (record == nullptr) return Engine::corrupt("record slot outside the file", to.offset);
    if (overlap(to.offset, entry.record, bytes))
      return Engine::corrupt("record in a slot that is free", to.offset);
    // Crash: the slot's bit is clear, these bytes mean nothing.
    write_record(engine_, record, entry.key_view(), entry.stored());
    FreedRecord freed;
    s = prepare_free(engine_, shard_, entry, Purpose::kOrdinary, freed);
    if (!s.ok()) return s;
    const Result<Bmap*> bucket =
        writable_bucket(engine_, shard_, header_.buckets, n, Purpose::kOrdinary);
    if (!bucket) return bucket.error();
    Change change(engine_, shard_);
    change.guard((*bucket)->version);
    change.set_bits(*to.map_word, to.bit, 0);
    add_free(engine_, shard_, change, freed);
    set_reference(change, **bucket, slot, to.offset);
    change.publish();
    engine_.add_dirty(shard_, bytes);
    ++moved_.records;
    moved_.bytes += bytes;
    return {};
  }

  Engine& engine_;
  const SparseSpans& sparse_;
  u64 shard_;
  ShardHeader& header_;
  Moved& moved_;
  ReservedSlots passed_over_;
};

}  // namespace

Result<bool> SparseSpans::look(Engine& engine) {
  const Result<DomainLock> lock = DomainLock::take(engine, shard_);
  if (!lock) return lock.error();
  const ShardHeader& header = engine.header(shard_);
  for (u64 i = 0; i < kSpansLookedAt && fills_.size() < header.span_count; ++i) {
    const Result<SpanEntry*> entry = span_entry(engine, header.directory, fills_.size());
    if (!entry) return entry.error();
    Fill fill;
    if ((*entry)->head != 0) {
      fill.size_class = static_cast<u8>(std::min(span_class((*entry)->head), format::kClasses));
      fill.records = static_cast<u16>(records_in(**entry));
    }
    fills_.push_back(fill);
  }
  if (fills_.size() < header.span_count) return true;
  choose(engine);
  return false;
}

// By class: those that are filled to less than three quarters, if that saves at least one.
void SparseSpans::choose(const Engine& engine) {
  std::array<u64, format::kClasses> spans{};
  std::array<u64, format::kClasses> records{};
  const auto is_wanted = [&](u64 span) {
    const Fill& fill = fills_[span];
    if (fill.size_class >= format::kClasses) return false;
    const bool is_open = engine.header(shard_).classes[fill.size_class].open == span + 1;
    return !is_open && is_sparse(engine.layout, fill.size_class, fill.records);
  };
  for (u64 span = 0; span < fills_.size(); ++span) {
    if (!is_wanted(span)) continue;
    ++spans[fills_[span].size_class];
    records[fills_[span].size_class] += fills_[span].records;
  }
  sparse_.assign(fills_.size(), false);
  for (u64 span = 0; span < fills_.size(); ++span) {
    if (!is_wanted(span)) continue;
    const u64 of = fills_[span].size_class;
    const u64 slots = engine.layout.span_shape(of).slots;
    if (spans[of] <= (records[of] + slots - 1) / slots) continue;
    sparse_[span] = true;
    ++count_;
  }
}

Result<bool> move_records(Engine& engine, const SparseSpans& sparse, u64& walked, Moved& moved) {
  const u64 shard = sparse.shard();
  const Result<DomainLock> lock = DomainLock::take(engine, shard);
  if (!lock) return lock.error();
  const ShardHeader& header = engine.header(shard);
  const u64 before = moved.records;
  for (u64 i = 0; i < kChains && moved.records - before < kRecords; ++i) {
    if (header.buckets.id == 0) walked = 0;
    if (header.buckets.id == 0) return false;
    // From here on the chain of this hash is one of `buckets`, whatever grows.
    const u64 hash = reversed_bits(walked);
    if (Status s = grow_work(engine, shard, hash, Purpose::kOrdinary); !s.ok()) return s;
    if (Status s = ChainMove(engine, sparse, moved).run(hash & (buckets_of(header.b) - 1)); !s.ok())
      return s;
    // The chain holds the reversed hashes of an interval (iterate.h).
    const u64 length = header.b == 0 ? 0 : u64{1} << (64 - header.b);
    walked = header.b == 0 ? 0 : (walked & ~(length - 1)) + length;
    if (walked == 0) return false;
  }
  return true;
}

}  // namespace hmap
