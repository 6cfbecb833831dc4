// put, insert, replace. Go's mapassign; steps W1 to W9 of lib/README.md.
#include <array>

#include "format/hash.h"
#include "map/bmap.h"
#include "map/grow.h"
#include "map/hmap.h"
#include "map/slots.h"
#include "records/records.h"
#include "records/spans.h"
#include "state/intent.h"
#include "state/space.h"

namespace hmap {
namespace {

using format::Bmap;
using format::ShardHeader;

// The record of one put: either in a slot of a span, or in extents of its own written beforehand.
struct NewRecord {
  RecordSlot slot;      // large: only its offset
  u64* note = nullptr;  // large: what names the extents until the record is reachable
};

class Put {
 public:
  Put(Engine& engine, std::string_view key, u64 hash, const StoredValue& value, PutMode mode,
      const std::string_view* expected = nullptr)
      : engine_(engine),
        key_(key),
        value_(value),
        expected_(expected),
        hash_(hash),
        mode_(mode),
        shard_(hash & (engine.layout.shards - 1)),
        header_(engine.header(shard_)),
        bytes_(record_bytes(key, value)) {}

  // Before the lock: a large record is written where nobody can reach it.
  Status write_large(u64* note) {
    if (!is_large(engine_.layout, bytes_)) return {};
    // Left over from a put before.
    if (Status s = adopt_large(engine_, *note); !s.ok()) return s;
    if (Status s = drop_large_record(engine_, *note); !s.ok()) return s;
    ExtentRequest request;
    request.domain = shard_;
    request.count = engine_.layout.extents_for(bytes_);
    request.kind = format::ExtentKind::kLargePending;
    request.note = note;
    const Result<u64> first = take_extents(engine_, request);
    if (!first) return first.error();
    record_.note = note;
    record_.slot.offset = engine_.layout.extent_offset(*first);
    std::byte* to = engine_.map->bytes(record_.slot.offset, bytes_);
    if (to == nullptr) return Engine::corrupt("new extents outside the file", record_.slot.offset);
    write_record(engine_, to, key_, value_);
    return {};
  }

  // With the lock held. Returns whether the entry became reachable.
  Result<bool> run() {
    if (Status s = check_lengths(); !s.ok()) return s;
    Location location;
    // The record first: its bucket, asked for before the lock, comes meanwhile.
    if (mode_ == PutMode::kPut) {
      if (Status s = place_record(); !s.ok()) return s;
    }
    for (bool has_grown = false;; has_grown = true) {
      if (header_.buckets.id == 0) {
        if (needs_presence()) return false;
        if (Status s = make_first_array(engine_, shard_); !s.ok()) return s;
      }
      const u64 hash = mix(hash_, header_.hash0);
      if (Status s = grow_work(engine_, shard_, hash, Purpose::kOrdinary); !s.ok()) return s;
      if (Status s = locate(engine_, shard_, key_, hash, location); !s.ok()) return s;
      if (location.found ? mode_ == PutMode::kInsert : needs_presence()) return false;
      if (location.found) break;
      const Result<bool> grown = grow_if_needed(engine_, shard_, header_.count + 1);
      if (!grown) return grown.error();
      if (!*grown) break;
      // The smallest arrays are evacuated by one look; then there is room for an entry, or the
      // entries were more than their count said, and would be moved for ever.
      if (has_grown)
        return Engine::corrupt("count of entries is wrong", engine_.map->offset_of(&header_.count));
    }
    if (mode_ == PutMode::kCompare) {
      if (Result<bool> same = has_value(engine_, location, *expected_); !same || !*same)
        return same;
    }
    if (mode_ != PutMode::kPut) {
      if (Status s = place_record(); !s.ok()) return s;
    }
    Change change(engine_, shard_);
    Status status = refer(location, change);
    if (status.ok()) status = change.publish_logged({format::LogOp::kPut, key_, value_});
    if (!status.ok()) return status;
    if (record_.note != nullptr) status = adopt_large(engine_, *record_.note);
    count(location);
    if (status.ok()) status = tidy_up(engine_, shard_, location.found);
    // The write has happened; work left over is tried again by the next one.
    return true;
  }

  // The same for a record that has been written, everything that may fail having been done before.
  Status redo(u64 record) {
    if (Status s = check_lengths(); !s.ok()) return s;
    Location location;
    if (Status s = locate(engine_, shard_, key_, mix(hash_, header_.hash0), location); !s.ok())
      return s;
    if (location.found && location.entry.record == record) return {};
    if (!shape().is_inline()) {
      Status s = slot_of(engine_, shard_, record, bytes_, Purpose::kOrdinary, record_.slot);
      if (!s.ok()) return s;
    }
    Change change(engine_, shard_);
    if (Status s = refer(location, change); !s.ok()) return s;
    change.publish();
    count(location);
    return {};
  }

 private:
  [[nodiscard]] const BucketShape& shape() const { return engine_.layout.bucket; }

  // The store's interface has checked them; a log or a batch that was tampered with has not.
  [[nodiscard]] Status check_lengths() const {
    const Lengths& lengths = engine_.layout.lengths;
    if (!shape().is_inline() ||
        (lengths.key_fits(key_.size()) && lengths.value_fits(value_.bytes.size())))
      return {};
    return Engine::corrupt("key or element of another length than the store's", 0);
  }

  [[nodiscard]] bool needs_presence() const {
    return mode_ == PutMode::kReplace || mode_ == PutMode::kCompare;
  }

  void count(const Location& location) {
    format::Domain& domain = engine_.domain(shard_);
    Engine::count(location.found ? domain.replaced : domain.inserted);
  }

  // Fills the change that makes the record the key's.
  Status refer(const Location& location, Change& change) {
    return location.found      ? replace(location, change)
           : location.has_room ? fill(location, change)
                               : extend(location, change);
  }

  Status place_record() {
    if (shape().is_inline()) return {};
    if (record_.note != nullptr) return finish_clear_of_large(engine_, shard_);
    Status s = find_slot(engine_, shard_, bytes_, Purpose::kOrdinary, record_.slot);
    if (!s.ok()) return s;
    std::byte* to = engine_.map->bytes(record_.slot.offset, bytes_);
    if (to == nullptr) return Engine::corrupt("record slot outside the file", record_.slot.offset);
    // The bucket is here by now; the record that will be compared comes while this one is written.
    if (mode_ == PutMode::kPut) prefetch_records(engine_, shard_, hash_);
    // Crash: the slot's bit is clear, these bytes mean nothing.
    write_record(engine_, to, key_, value_);
    return {};
  }

  void adopt_record(Change& change) {
    if (record_.note != nullptr) {
      change.set(*record_.note, *record_.note | kNotePublished);
    } else if (record_.slot.map_word != nullptr) {  // an inline entry has no record
      change.set_bits(*record_.slot.map_word, record_.slot.bit, 0);
    }
    engine_.add_dirty(shard_, bytes_);
  }

  // Gives an empty slot of a reachable bucket the entry.
  void set_empty_slot(Change& change, Bmap& bucket, u64 slot) {
    if (shape().is_inline()) {
      fill_slot(shape(), bucket, slot, key_, value_.bytes);
    } else {
      set_reference(change, bucket, slot, record_.slot.offset);
    }
  }

  Status replace(const Location& location, Change& change) {
    FreedRecord freed;
    Status s = prepare_free(engine_, shard_, location.entry, Purpose::kOrdinary, freed);
    if (!s.ok()) return s;
    const Result<Bmap*> bucket =
        writable_bucket(engine_, shard_, header_.buckets, location.bucket, Purpose::kOrdinary);
    if (!bucket) return bucket.error();
    change.guard((*bucket)->version);
    adopt_record(change);
    add_free(engine_, shard_, change, freed);
    if (shape().is_inline()) {
      set_elem(shape(), change, **bucket, location.slot, value_.bytes);
    } else {
      set_reference(change, **bucket, location.slot, record_.slot.offset);
    }
    return {};
  }

  Status fill(const Location& location, Change& change) {
    const Result<Bmap*> bucket =
        writable_bucket(engine_, shard_, header_.buckets, location.bucket, Purpose::kOrdinary);
    if (!bucket) return bucket.error();
    const u64 hash = mix(hash_, header_.hash0);
    change.guard((*bucket)->version);
    adopt_record(change);
    set_empty_slot(change, **bucket, location.slot);
    change.set((*bucket)->tophash,
               with_tophash((*bucket)->tophash, location.slot, tophash_of(hash)));
    change.set((*bucket)->overflow,
               with_hash_bits((*bucket)->overflow, location.slot, hash_bits(hash, header_.b)));
    change.set(header_.count, header_.count + 1);
    return {};
  }

  // The chain is full: a new overflow bucket, filled while nobody can reach it, then linked.
  Status extend(const Location& location, Change& change) {
    const Result<u64> number = overflow_bucket(engine_, shard_, header_.buckets,
                                               header_.buckets.next_overflow, Purpose::kOrdinary);
    if (!number) return number.error();
    const Result<Bmap*> last =
        writable_bucket(engine_, shard_, header_.buckets, location.last, Purpose::kOrdinary);
    if (!last) return last.error();
    const Result<Bmap*> added = live_bucket(engine_, header_.buckets, *number);
    if (!added) return added.error();
    const u64 hash = mix(hash_, header_.hash0);
    BucketImage image;
    if (shape().is_inline()) fill_slot(shape(), **added, 0, key_, value_.bytes);
    image.add(tophash_of(hash), hash_bits(hash, header_.b), record_.slot.offset);
    image.store_to(**added, shape());
    change.guard((*last)->version);
    adopt_record(change);
    change.set((*last)->overflow, (*last)->overflow | *number);
    change.set(header_.buckets.next_overflow, *number + 1);
    change.set(header_.noverflow, *number + 1 - buckets_of(header_.b));
    change.set(header_.count, header_.count + 1);
    return {};
  }

  Engine& engine_;
  std::string_view key_;
  StoredValue value_;
  const std::string_view* expected_;  // kCompare
  u64 hash_;
  PutMode mode_;
  u64 shard_;
  ShardHeader& header_;
  u64 bytes_;
  NewRecord record_;
};

}  // namespace

Status redo_put(Engine& engine, const EntryView& op, u64 hash) {
  const auto redo = [&](std::string_view key, const StoredValue& value) {
    return Put(engine, key, hash, value, PutMode::kPut).redo(op.record);
  };
  StoredValue value = op.stored();
  std::array<char, 2 * format::kInlineBytesMax> own;
  if (!engine.layout.bucket.is_inline() || op.key_bytes + value.bytes.size() > own.size())
    return redo(op.key_view(), value);
  // A bucket that takes the entry itself may lie over this record, if its place is damaged.
  seam::copy_out(own.data(), op.key, op.key_bytes);
  seam::copy_out(own.data() + op.key_bytes, value.bytes.data(), value.bytes.size());
  value.bytes = {own.data() + op.key_bytes, value.bytes.size()};
  return redo({own.data(), op.key_bytes}, value);
}

Result<bool> put_entry(Engine& engine, std::string_view key, u64 hash, const StoredValue& value,
                       PutMode mode, u64* note, const std::string_view* expected) {
  if (Status s = engine.check_poison(); !s.ok()) return s;
  Put put(engine, key, hash, value, mode, expected);
  const bool large = is_large(engine.layout, record_bytes(key, value));
  Status status = put.write_large(note);
  Result<bool> written = false;
  if (status.ok()) {
    prefetch_bucket(engine, hash & (engine.layout.shards - 1), hash);
    const Result<DomainLock> lock = DomainLock::take(engine, hash & (engine.layout.shards - 1));
    written = lock ? put.run() : Result<bool>(lock.error());
  } else {
    written = status;
  }
  if (large && (!written || !*written)) {
    if (Status s = drop_large_record(engine, *note); !s.ok() && written) return s;
  }
  return written;
}

}  // namespace hmap
