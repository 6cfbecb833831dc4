// The passes of hmap::recover().
#include "salvage/salvage.h"

#include <algorithm>
#include <utility>

#include "format/hash.h"
#include "records/batch_area.h"
#include "records/records.h"
#include "records/spans.h"
#include "state/space.h"

namespace hmap {

using format::ExtentKind;

constexpr u64 kTickEntries = 512;

Status Salvage::run() {
  open_parts();
  claim();
  for (Part& part : parts_) {
    if (Status s = take_buckets(part); !s.ok()) return s;
  }
  const bool whole = !parts_.empty() && std::all_of(parts_.begin(), parts_.end(),
                                                    [](const Part& part) { return part.whole; });
  if (whole && report_.certain) return redo_.apply(falls_back_);
  // Entries lie in buckets: what is not there is nowhere, and records are what batches left.
  if (source_.layout_known && engine_.layout.bucket.is_inline()) {
    const u64 claimed = report_.claimed.value_or(0);
    report_.lost_total = std::max(report_.lost_total, claimed - std::min(claimed, report_.entries));
    return redo_.apply(falls_back_);
  }
  const u64 file = map_.file_bytes();
  if (source_.layout_known && file > engine_.layout.heap_offset) {
    span_extents_.resize(engine_.layout.extents_for(file - engine_.layout.heap_offset));
  }
  for (Part& part : parts_) {
    if (Status s = take_bitmaps(part); !s.ok()) return s;
  }
  if (Status s = redo_.apply(falls_back_); !s.ok()) return s;
  if (Status s = scan(); !s.ok()) return s;
  return tell_conflicts();
}

void Salvage::open_parts() {
  if (!source_.live && !source_.durable) return;
  for (u64 s = 0; s < engine_.layout.shards; ++s) {
    const auto view_of = [s](std::optional<SalvageState>& state) {
      return state && state->header(s) != nullptr ? &*state : nullptr;
    };
    SalvageState* state = view_of(source_.live);
    if (state == nullptr) {
      state = view_of(source_.durable);
      falls_back_ = falls_back_ || source_.live.has_value();
    }
    Part part;
    if (state != nullptr) part.shard = std::make_unique<SalvageShard>(engine_, *state, s, log_);
    parts_.push_back(std::move(part));
  }
}

void Salvage::claim() {
  u64 sum = 0;
  for (const Part& part : parts_) {
    if (part.shard == nullptr) return;
    sum += part.shard->count();
  }
  if (!parts_.empty()) report_.claimed = sum;
}

void Salvage::count_differs(const Part& part, int by) {
  if (part.has_batch && report_.claimed) *report_.claimed += static_cast<u64>(by);
}

// ---- (1) buckets ------------------------------------------------------------------------------

// What a batch that has happened has yet to do in the shard counts more than its buckets.
Status Salvage::take_batch(Part& part) {
  const u64 shard = part.shard->number();
  Status status;
  if (!part.shard->state().is_live() || !part_is_committed(engine_, shard)) return status;
  for (const u64& op : part_ops(engine_, shard)) {
    const u64 offset = format::batch_op_record(op);
    const bool erases = (op & format::kBatchEraseBit) != 0;
    part.has_batch = true;
    part.referred.push_back(offset);
    const auto record = read(offset);
    if (erases) {
      part.erased.insert(offset);
      if (record) part.erased_keys.emplace(record->key);
    } else if (record && status.ok()) {
      const Result<bool> done = put(*record, Evidence::kBucket);
      status = done.error();
      count_differs(part, done && *done ? 1 : 0);
    }
    if (!record && !erases) lose(offset, Evidence::kBucket, map_.file_bytes());
  }
  return status;
}

Status Salvage::take_buckets(Part& part) {
  if (part.shard == nullptr) return {};
  if (Status s = tick(0); !s.ok()) return s;
  if (Status s = take_batch(part); !s.ok()) return s;
  Status s = part.shard->for_each_slot(
      [&](const SalvageShard::Filled& slot) { return take_slot(part, slot); });
  if (!s.ok()) return s;
  part.whole = part.shard->whole();
  if (part.whole) {
    part.referred = {};
  } else {
    std::sort(part.referred.begin(), part.referred.end());
    log_.add("map of a shard: not all of its entries can be reached", part.shard->buckets_at());
  }
  return {};
}

// An entry in a bucket has no checksum of its own: the block's speaks for it, or nothing does.
Status Salvage::take_inline(Part& part, const SalvageShard::Filled& slot) {
  if (part.erased_keys.contains(std::string(slot.key))) return count_differs(part, -1), Status();
  if (!part.shard->fits(slot, hash_of(slot.key))) {
    log_.add("entry in a bucket that is not its own", slot.bucket_at);
    ++report_.lost_total;
    return {};
  }
  const Result<bool> done = put({slot.bucket_at, slot.key, slot.value, 0}, Evidence::kBucket);
  if (done && !*done) count_differs(part, -1);
  return done.error();
}

Status Salvage::take_slot(Part& part, const SalvageShard::Filled& slot) {
  if (engine_.layout.bucket.is_inline()) return take_inline(part, slot);
  if (part.erased.contains(slot.record)) return count_differs(part, -1), Status();
  Long* known = nullptr;
  const std::optional<ScannedRecord> record = read(slot.record, &known);
  if (!record) {
    part.referred.push_back(slot.record);
    // A block that nobody vouches for may be noise; or only the reference is.
    if (slot.trust != Trust::kVerified) part.shard->doubt();
    lose(slot.record, Evidence::kBucket, map_.file_bytes());
    return {};
  }
  if (!part.shard->fits(slot, known != nullptr ? known->hash : hash_of(record->key))) {
    log_.add("reference to a record of another bucket", slot.record);
    part.shard->doubt();
    return {};
  }
  const bool again = known != nullptr && std::exchange(known->taken, true);
  if (again) {
    log_.add("record that two slots refer to", slot.record);
    part.shard->doubt();
    return count_differs(part, -1), Status();
  }
  part.referred.push_back(slot.record);
  const Result<bool> done = put(*record, Evidence::kBucket);
  if (done && !*done) count_differs(part, -1);
  return done.error();
}

std::optional<ScannedRecord> Salvage::read(u64 offset, Long** known) {
  std::optional<ScannedRecord> record = plausible_record(map_, offset);
  if (!record || record->bytes() < kLongRecordBytes)
    return record ? intact_record(map_, engine_.store_seed, offset) : record;
  const auto [found, is_new] = long_.try_emplace(offset);
  Long& entry = found->second;
  if (is_new && may_be_read(*record) && intact_record(map_, engine_.store_seed, offset)) {
    entry.intact = true;
    entry.hash = hash_of(record->key);
  }
  if (!entry.intact) record.reset();
  if (known != nullptr) *known = &entry;
  return record;
}

// Lengths that are damaged reach to anywhere. Those that only a large record has say where it
// begins, and all together cannot be read more than some times the file: else one could be made in
// which many of them lie in each other.
bool Salvage::may_be_read(const ScannedRecord& record) {
  const Layout& layout = engine_.layout;
  const bool large = record.bytes() > largest_in_span(layout);
  if (large && (record.offset < layout.heap_offset ||
                (record.offset - layout.heap_offset) % layout.extent_bytes != 0))
    return false;
  if (record.bytes() > budget_) {
    ++report_.scan_skipped;
    return false;
  }
  budget_ -= record.bytes();
  return true;
}

Result<bool> Salvage::put(const ScannedRecord& record, Evidence evidence) {
  std::string buffer;
  const std::optional<std::string_view> value = value_of(record, buffer);
  if (!value) {
    log_.add("value that cannot be decompressed", record.offset);
    // What a bucket refers to may be met again by the scan.
    if (undecoded_.insert(record.offset).second) lose(record.offset, evidence, map_.file_bytes());
    return false;
  }
  if (!lengths_.check(record.key.size(), value->size()).ok()) {
    log_.add("record whose lengths are not those of the store's type", record.offset);
    if (undecoded_.insert(record.offset).second) lose(record.offset, evidence, map_.file_bytes());
    return false;
  }
  const Result<bool> inserted = fresh_.insert(record.key, *value);
  if (inserted && *inserted) {
    ++(evidence == Evidence::kBucket   ? report_.by_bucket
       : evidence == Evidence::kBitmap ? report_.by_bitmap
                                       : report_.by_scan);
    ++report_.entries;
    if (!report_.scanned && report_.entries % kTickEntries == 0) {
      const u64 all = std::max(report_.claimed.value_or(0), report_.entries);
      const double share = static_cast<double>(report_.entries) / static_cast<double>(all);
      Status s = tick(static_cast<u64>(share * static_cast<double>(map_.file_bytes())));
      if (!s.ok()) return s;
    }
  }
  return inserted;
}

std::optional<std::string_view> Salvage::value_of(const ScannedRecord& record,
                                                  std::string& buffer) const {
  if (record.flags == 0) return record.value;
  buffer = record.value;
  if (!engine_.codec->decode(record.flags, buffer)) return std::nullopt;
  return buffer;
}

void Salvage::lose(u64 offset, Evidence evidence, u64 bytes_max) {
  ++report_.lost_total;
  if (report_.lost.size() >= options_.list_max) return;
  RecoverReport::Lost lost;
  lost.offset = offset;
  lost.evidence = evidence;
  const std::optional<ScannedRecord> record = plausible_record(map_, offset);
  if (record && record->bytes() <= bytes_max) {
    lost.key = std::string(record->key);
    lost.value_bytes = record->value.size();
  }
  report_.lost.push_back(std::move(lost));
}

// ---- (2) bitmaps ------------------------------------------------------------------------------

Status Salvage::take_bitmaps(Part& part) {
  if (part.shard == nullptr || part.whole) return {};
  const auto visit_span = [&](u64 first, u64 extents) {
    for (u64 i = first; i < first + extents && i < span_extents_.size(); ++i) {
      span_extents_[i] = true;
    }
  };
  Status s = part.shard->for_each_used(
      [&](const SalvageShard::Used& used) { return take_used(part, used); }, visit_span);
  part.bitmaps_whole = part.shard->bitmaps_are_whole();
  return s;
}

Status Salvage::take_used(const Part& part, const SalvageShard::Used& used) {
  if (std::binary_search(part.referred.begin(), part.referred.end(), used.record)) return {};
  const bool large = used.size_class == format::kClasses;
  // What is longer than its slot is not read.
  const std::optional<ScannedRecord> seen = plausible_record(map_, used.record);
  const bool fits = seen && (large ? seen->bytes() > largest_in_span(engine_.layout)
                                   : class_for(seen->bytes()) == used.size_class);
  Long* known = nullptr;
  const std::optional<ScannedRecord> record =
      fits ? read(used.record, &known) : std::optional<ScannedRecord>();
  if (!record) {
    lose(used.record, Evidence::kBitmap, large ? map_.file_bytes() : class_bytes(used.size_class));
    return {};
  }
  const u64 hash = known != nullptr ? known->hash : hash_of(record->key);
  if ((hash & (engine_.layout.shards - 1)) != part.shard->number()) return {};
  if (known != nullptr && std::exchange(known->taken, true)) return {};
  const Result<bool> done = put(*record, Evidence::kBitmap);
  return done ? Status() : done.error();
}

// ---- (3) everything ---------------------------------------------------------------------------

Status Salvage::scan() {
  report_.scanned = true;
  RecordScan records(map_, engine_.store_seed, source_.layout_known ? &engine_.layout : nullptr);
  Status status;
  records.run(
      [&](const ScannedRecord& record) {
        ++report_.scan_intact;
        status = take_scanned(record);
        return status.ok() ? ScanStep::kGoOn : ScanStep::kStop;
      },
      [&](u64 done) {
        status = tick(done);
        return status.ok();
      });
  report_.scanned_bytes = map_.file_bytes();
  report_.scan_skipped += records.skipped();
  return status;
}

Status Salvage::take_scanned(const ScannedRecord& record) {
  const u64 hash = hash_of(record.key);
  if (redo_.decides(hash) || is_stale(record, hash)) return {};
  const Result<bool> inserted = put(record, Evidence::kScan);
  if (!inserted) return inserted.error();
  if (*inserted) {
    by_scan_.insert(hash);
    return {};
  }
  if (report_.certain && !by_scan_.contains(hash)) return {};
  if (!lengths_.key_fits(record.key.size())) return {};
  // The same value twice is no question.
  const Result<std::optional<std::string>> taken = fresh_.get(record.key);
  if (!taken) return taken.error();
  std::string buffer;
  if (*taken != value_of(record, buffer)) rivals_.push_back(record.offset);
  return {};
}

// Whether something better than the record itself says that it is no entry of the store, or one
// that has been taken already.
bool Salvage::is_stale(const ScannedRecord& record, u64 hash) {
  if (!source_.layout_known || !report_.certain) return false;
  const Layout& layout = engine_.layout;
  Part* part = parts_.empty() ? nullptr : &parts_[hash & (layout.shards - 1)];
  const bool readable = part != nullptr && part->shard != nullptr;
  if (readable && (part->whole || part->shard->chain_is_whole(hash))) return true;
  const u64 extent = layout.extent_of(record.offset);
  const bool large = record.bytes() > largest_in_span(layout);
  if (!large && ((readable && part->bitmaps_whole) || span_extents_[extent])) return true;
  // Words of the live extent table have no checksum and refute nothing.
  if (!source_.durable || source_.live) return false;
  const SalvageState::SeenWord seen = source_.durable->extent_word(extent);
  if (seen.trust != Trust::kVerified) return false;
  const bool own = extent_shard(seen.word) == (hash & (layout.shards - 1));
  const ExtentKind kind = extent_kind(seen.word);
  if (!large) return kind != ExtentKind::kSpan || !own;
  // Those of readable shards were taken by take_bitmaps().
  return readable || kind != ExtentKind::kLarge || !own ||
         extent_payload(seen.word) != layout.extents_for(record.bytes());
}

Status Salvage::tell_conflicts() {
  report_.conflicts = rivals_.size();
  if (!options_.conflict) return {};
  for (const u64 offset : rivals_) {
    const auto record = plausible_record(map_, offset);
    std::string buffer;
    const auto value = record ? value_of(*record, buffer) : std::nullopt;
    if (!value) continue;
    if (Status s = options_.conflict({record->key, *value, offset}); !s.ok()) return s;
  }
  return {};
}

}  // namespace hmap
