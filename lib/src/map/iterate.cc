// Iteration over chains.
#include "map/iterate.h"

#include <algorithm>

#include "format/hash.h"
#include "map/find.h"
#include "map/read_through.h"
#include "map/slots.h"
#include "records/batch_area.h"
#include "system/file.h"

namespace hmap {
namespace {

using format::BucketArray;

// Values above this are not copied with their chain.
constexpr u64 kLeaveBehindBytes = 65'536;

// A chain must not have a long record twice, and few may be astray.
constexpr u64 kAstrayFiles = 4;
constexpr u64 kAstrayLeast = u64{64} << 20;

// Position::order is the hash of this number: another one for each seed.
constexpr u64 kOrder = 1;

enum class Walk : u8 { kDone, kAgain, kDamaged };

class ChainWalk {
 public:
  ChainWalk(const Engine& engine, const Position& position, WalkedEntries& entries, u64 astray,
            const Frozen* frozen)
      : engine_(engine),
        position_(position),
        entries_(entries),
        frozen_(frozen),
        astray_before_(astray) {}

  Walk run() {
    entries_.clear();
    astray_ = astray_before_;
    damage_ =
        Engine::corrupt("offset outside the file", engine_.layout.header_offset(position_.shard));
    ShardReader reader(engine_, position_.shard, frozen_);
    HeaderView header;
    const Look look = reader.header(header);
    if (look != Look::kOk && look != Look::kInBatch)
      return look == Look::kMoved ? Walk::kAgain : Walk::kDamaged;
    order_ = mix(kOrder, header.hash0);
    // The shard has been empty since the walk began in it: nothing is left of what it has to hand
    // out, and what came afterwards is in another order, some of it handed out before.
    if (position_.progress != 0 && position_.order != order_) {
      progress_ = 0;
      return reader.unchanged() ? Walk::kDone : Walk::kAgain;
    }
    Walk outcome = in_arrays(reader, header);
    if (outcome == Walk::kAgain) return outcome;
    if (look == Look::kInBatch && outcome == Walk::kDone) outcome = lay_batch_over(header.hash0);
    return reader.unchanged() ? outcome : Walk::kAgain;
  }

  // How far the walk has come after this chain; 0: at the end.
  [[nodiscard]] u64 progress() const { return progress_; }
  // By which order of hashes it went.
  [[nodiscard]] u64 order() const { return order_; }
  [[nodiscard]] u64 astray() const { return astray_; }
  [[nodiscard]] Status damage() const { return damage_; }

 private:
  Walk in_arrays(ShardReader& reader, const HeaderView& header) {
    if (seam::load(header.buckets->id) == 0) {
      progress_ = 0;
      return Walk::kDone;
    }
    const u64 at = reversed_bits(position_.start + position_.progress);
    if (seam::load(header.oldbuckets->id) != 0) {
      bool evacuated = false;
      const Walk outcome = in_chain(reader, *header.oldbuckets, at, header.hash0, evacuated);
      if (!evacuated) return outcome;
    }
    bool evacuated = false;
    const Walk outcome = in_chain(reader, *header.buckets, at, header.hash0, evacuated);
    return evacuated ? Walk::kAgain : outcome;
  }

  Walk in_chain(ShardReader& reader, const BucketArray& array, u64 at, u64 hash0, bool& evacuated) {
    const u64 b = seam::load(array.b);
    if (b >= kMaxB) return Walk::kDamaged;
    // The chain holds the reversed hashes [first, first + length); length 0 stands for 2^64.
    const u64 length = b == 0 ? 0 : u64{1} << (64 - b);
    const u64 here = position_.start + position_.progress;
    const u64 first = b == 0 ? 0 : here & ~(length - 1);
    here_ = here;
    left_ = first + length - here;  // of this chain, modulo 2^64: 0 stands for all
    // The chain that the walk began in is met again at its end: only what lies before the start.
    const u64 until_start = 0 - position_.progress;
    if (position_.progress != 0 && (left_ == 0 || left_ > until_start)) left_ = until_start;
    progress_ = left_ == 0 ? 0 : position_.progress + left_;
    whole_ = left_ == length;
    if (progress_ != 0) prefetch_ahead(array, position_.start + progress_, length);
    u64 n = b == 0 ? 0 : at & ((u64{1} << b) - 1);
    for (ChainHops hops;;) {
      BucketWords words;
      const Look look = reader.bucket(array, n, words);
      if (look != Look::kOk) return look == Look::kMoved ? Walk::kAgain : Walk::kDamaged;
      if (is_evacuated(words.tophash)) {
        evacuated = true;
        return Walk::kAgain;
      }
      const Walk outcome = take_bucket(words, hash0);
      if (outcome != Walk::kDone || words.overflow == 0) return outcome;
      n = words.overflow;
      if (!hops.goes_on(n))
        return damaged(Engine::corrupt("bucket chain without end", seam::load(array.run[0])));
    }
  }

  // Asks for what the next steps will read: the records of the next chain, whose bucket was asked
  // for one step ago, and the bucket of the one after that. Nothing is believed of what is seen.
  void prefetch_ahead(const BucketArray& array, u64 next, u64 length) const {
    const auto* bucket = find_head(engine_, array, reversed_bits(next)).bucket;
    const auto* after = find_head(engine_, array, reversed_bits(next + length)).bucket;
    if (after != nullptr) prefetch_bucket_lines(engine_, after);
    if (bucket == nullptr) return;
    const u64 tophash = seam::load(bucket->tophash);
    prefetch_slots(engine_, &bucket->overflow, filled_slots(tophash));
    const u64 n = overflow_in(seam::load(bucket->overflow));
    const auto* behind = n != 0 ? find_bucket(engine_, array, n).bucket : nullptr;
    if (behind != nullptr) prefetch_bucket_lines(engine_, behind);
  }

  Walk take_bucket(const BucketWords& words, u64 hash0) {
    prefetch_slots(engine_, words.rest, filled_slots(words.tophash));
    for (u64 i = 0; i < format::kSlots; ++i) {
      // From a slot that differs from walk to walk, as in Go: nobody shall rely on an order.
      const u64 slot = (i + (position_.start & 7)) % format::kSlots;
      if (!is_filled(tophash_at(words.tophash, slot))) continue;
      const Walk o = take_entry(view_slot(engine_, words.rest, slot), hash0);
      if (o != Walk::kDone) return o;
    }
    return Walk::kDone;
  }

  Walk take_entry(const Result<EntryView>& seen, u64 hash0) {
    if (!seen) return damaged(seen.error());
    const bool is_long = seen->record_bytes() >= kLongRecordBytes;
    if (is_long && is_taken(seen->record))
      return damaged(Engine::corrupt("record that two slots refer to", seen->record));
    if (engine_.verify_reads && !record_intact(engine_, *seen)) {
      return damaged(Engine::corrupt("record with a wrong checksum", seen->record));
    }
    WalkedEntry& entry = entries_.add();
    copy_value(entry.key, seen->key, seen->key_bytes);
    // Of another part of the chain: handed out already, or last of all.
    if ((!whole_ || is_long) && !is_here(entry.key, hash0)) {
      entries_.drop_last();
      return is_long ? go_astray(*seen) : Walk::kDone;
    }
    // Not the whole view: it was stored a moment ago, and some processors wait a hundred
    // nanoseconds where one load wants what two stores are still on their way with.
    entry.record = seen->record;
    entry.flags = seen->flags;
    entry.value_left_behind = seen->value_bytes > kLeaveBehindBytes;
    if (!entry.value_left_behind) copy_value(entry.value, seen->value, seen->value_bytes);
    return Walk::kDone;
  }

  [[nodiscard]] bool is_taken(u64 record) const {
    return std::any_of(entries_.begin(), entries_.end(),
                       [record](const WalkedEntry& entry) { return entry.record == record; });
  }

  Walk go_astray(const EntryView& seen) {
    astray_ += seen.record_bytes();
    const u64 most = std::max(kAstrayLeast, kAstrayFiles * engine_.map->file_bytes());
    if (astray_ <= most) return Walk::kDone;
    return damaged(Engine::corrupt("records in chains that are not theirs", seen.record));
  }

  [[nodiscard]] bool is_here(std::string_view key, u64 hash0) const {
    const u64 hash = mix(hash_key(key, engine_.store_seed), hash0);
    return left_ == 0 || reversed_bits(hash) - here_ < left_;
  }

  // A batch has happened that may not be done yet: what it does to the keys of this chain.
  Walk lay_batch_over(u64 hash0) {
    for (const u64& word : part_ops(engine_, position_.shard)) {
      const u64 op = seam::load(word);
      const Result<EntryView> record = view_record(engine_, format::batch_op_record(op));
      if (!record) return damaged(record.error());
      std::string key;
      copy_value(key, record->key, record->key_bytes);
      if (!is_here(key, hash0)) continue;
      entries_.drop(key);
      if ((op & format::kBatchEraseBit) != 0) continue;
      if (const Walk o = take_entry(record, hash0); o != Walk::kDone) return o;
    }
    return Walk::kDone;
  }

  Walk damaged(const Status& status) {
    damage_ = status;
    return Walk::kDamaged;
  }

  const Engine& engine_;
  const Position& position_;
  WalkedEntries& entries_;
  const Frozen* frozen_;
  u64 here_ = 0;        // the interval of reversed hashes to hand out: its begin ...
  u64 left_ = 0;        // ... and length
  bool whole_ = false;  // all of the chain: then every key in it is to be handed out
  u64 progress_ = 0;
  u64 order_ = 0;
  u64 astray_before_;
  u64 astray_ = 0;
  Status damage_;
};

}  // namespace

void WalkedEntries::clear() {
  for (WalkedEntry& entry : *this) {
    if (entry.value.capacity() > kLeaveBehindBytes) std::string().swap(entry.value);
  }
  count_ = 0;
}

void WalkedEntries::drop(std::string_view key) {
  const auto kept =
      std::remove_if(begin(), end(), [&](const WalkedEntry& entry) { return entry.key == key; });
  count_ = static_cast<std::size_t>(kept - begin());
}

Position random_start() {
  Position position;
  fill_random(&position.start, sizeof position.start);
  return position;
}

Status walk_chain(const Engine& engine, Position& position, WalkedEntries& entries, u64& astray,
                  const Frozen* frozen) {
  ChainWalk walk(engine, position, entries, astray, frozen);
  Patience patience(engine, position.shard);
  for (;;) {
    const Walk outcome = walk.run();
    if (outcome == Walk::kDamaged) return walk.damage();
    if (outcome == Walk::kDone) break;
    if (!patience.again()) {
      return Engine::corrupt("a bucket never came to rest",
                             engine.layout.header_offset(position.shard));
    }
  }
  astray = walk.astray();
  for (WalkedEntry& entry : entries) {
    if (entry.value_left_behind) continue;
    if (Status s = decode_value(engine, entry.record, entry.flags, entry.value); !s.ok()) return s;
  }
  if (walk.progress() != 0) {
    position.progress = walk.progress();
    position.order = walk.order();
    return {};
  }
  ++position.shard;
  position.progress = position.order = 0;
  fill_random(&position.start, sizeof position.start);
  return {};
}

}  // namespace hmap
