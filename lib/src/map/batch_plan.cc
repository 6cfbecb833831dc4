// Preparing a batch in one shard.
#include "map/batch_plan.h"

#include <algorithm>
#include <bit>
#include <tuple>

#include "format/hash.h"
#include "map/bmap.h"
#include "map/grow.h"

namespace hmap {
namespace {

using format::Bmap;

// An erase may use the reserve of a full disk.
Purpose purpose_of(const BatchItem& item) {
  return item.erases ? Purpose::kRelease : Purpose::kOrdinary;
}

}  // namespace

void arrange(std::vector<BatchItem>& items, u64 shards) {
  const auto place = [shards](const BatchItem& item) {
    return std::tuple(item.hash & (shards - 1), item.hash, item.key);
  };
  std::stable_sort(items.begin(), items.end(),
                   [&](const BatchItem& a, const BatchItem& b) { return place(a) < place(b); });
  // Of a row of the same key the last one stays.
  const auto same_key = [](const BatchItem& a, const BatchItem& b) { return a.key == b.key; };
  const auto kept = std::unique(items.rbegin(), items.rend(), same_key);
  items.erase(items.begin(), kept.base());
}

u64 BatchPlan::mixed(const BatchItem& item) const { return mix(item.hash, header_.hash0); }

Status BatchPlan::prepare() {
  if (Status s = grow(); !s.ok()) return s;
  // From here on no growth begins: the buckets that the keys lead to stay those.
  if (header_.buckets.id == 0) return {};  // nothing but erasures in an empty map
  for (const BatchItem& item : items_) {
    if (Status s = place(item); !s.ok()) return s;
  }
  return make_overflow_buckets();
}

Status BatchPlan::grow() {
  u64 entries = header_.count;
  for (const BatchItem& item : items_) {
    if (header_.buckets.id == 0) {
      if (item.erases) continue;
      if (Status s = make_first_array(engine_, shard_); !s.ok()) return s;
    }
    const u64 hash = mixed(item);
    Location location;
    if (Status s = grow_work(engine_, shard_, hash, purpose_of(item)); !s.ok()) return s;
    if (Status s = locate(engine_, shard_, item.key, hash, location); !s.ok()) return s;
    if (item.erases) {
      entries -= location.found ? 1 : 0;
    } else if (!location.found) {
      ++entries;
      if (const Result<bool> grown = grow_if_needed(engine_, shard_, entries); !grown)
        return grown.error();
    }
  }
  return {};
}

Status BatchPlan::place(const BatchItem& item) {
  const u64 hash = mixed(item);
  if (Status s = grow_work(engine_, shard_, hash, purpose_of(item)); !s.ok()) return s;
  const u64 head = hash & (buckets_of(header_.b) - 1);
  const auto [at, is_new] = chains_.try_emplace(head);
  Chain& chain = at->second;
  if (is_new) {
    if (Status s = open_chain(head, purpose_of(item), chain); !s.ok()) return s;
  }
  Location location;
  if (Status s = locate(engine_, shard_, item.key, hash, location); !s.ok()) return s;
  if (location.found) {
    // Makes the block of the record's bit writable.
    FreedRecord freed;
    Status s = prepare_free(engine_, shard_, location.entry, purpose_of(item), freed);
    if (!s.ok()) return s;
    ++frees_;
  }
  if (item.erases) {
    return location.found ? plan_erase(item, location) : Status();
  }
  if (!location.found) ++chain.inserts;
  const Result<u64> record = write_new_record(item);
  if (!record) return record.error();
  ops_.push_back(format::make_batch_op(*record, false, item.hash));
  return {};
}

// An entry that lies in its bucket is named by a record of its key.
Status BatchPlan::plan_erase(const BatchItem& item, const Location& location) {
  u64 record = location.entry.record;
  if (record == 0) {
    const Result<u64> written = write_new_record({item.key, {}, true, item.hash});
    if (!written) return written.error();
    record = *written;
  }
  ops_.push_back(format::make_batch_op(record, true, item.hash));
  return {};
}

// Makes all buckets of a chain writable, whichever of them will be changed.
Status BatchPlan::open_chain(u64 head, Purpose purpose, Chain& chain) {
  u64 n = head;
  for (ChainHops hops;;) {
    const Result<Bmap*> bucket = writable_bucket(engine_, shard_, header_.buckets, n, purpose);
    if (!bucket) return bucket.error();
    const u64 tophash = (*bucket)->tophash;
    chain.empty_slots += static_cast<u64>(std::popcount(match_bytes(tophash, format::kEmptyRest) |
                                                        match_bytes(tophash, format::kEmptyOne)));
    n = overflow_in((*bucket)->overflow);
    if (n == 0) return {};
    if (!hops.goes_on(n))
      return Engine::corrupt("bucket chain without end", header_.buckets.run[0]);
  }
}

// In an hmap with inline slots such a record carries the entry to its slot and is free again.
Result<u64> BatchPlan::write_new_record(const BatchItem& item) {
  const u64 bytes = record_bytes(item.key, item.value);
  RecordSlot slot;
  if (Status s = find_slot(engine_, shard_, bytes, purpose_of(item), slot, &reserved_); !s.ok())
    return s;
  reserved_.add(slot);
  std::byte* to = engine_.map->bytes(slot.offset, bytes);
  if (to == nullptr) return Engine::corrupt("record slot outside the file", slot.offset);
  // Crash: the slot's bit is clear, these bytes mean nothing.
  write_record(engine_, to, item.key, item.value);
  return slot.offset;
}

// As many as the inserts can need: erasures may make it fewer.
Status BatchPlan::make_overflow_buckets() {
  u64 needed = 0;
  for (const auto& [head, chain] : chains_) {
    if (chain.inserts > chain.empty_slots)
      needed += (chain.inserts - chain.empty_slots + format::kSlots - 1) / format::kSlots;
  }
  for (u64 i = 0; i < needed; ++i) {
    const Result<u64> bucket = overflow_bucket(
        engine_, shard_, header_.buckets, header_.buckets.next_overflow + i, Purpose::kOrdinary);
    if (!bucket) return bucket.error();
  }
  return {};
}

void BatchPlan::tidy_up_behind() {
  // Whatever fails here is tried again by the next write.
  for (u64 i = 0; i + 1 < frees_; ++i) static_cast<void>(after_free(engine_, shard_).ok());
  static_cast<void>(tidy_up(engine_, shard_, frees_ != 0).ok());
}

}  // namespace hmap
