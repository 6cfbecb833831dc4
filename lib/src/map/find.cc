// get: header, bucket, record, copy, and the check that all of it was true at once.
#include "map/find.h"

#include <iterator>

#include "format/hash.h"
#include "map/hmap.h"
#include "map/quick_find.h"
#include "map/read_through.h"
#include "map/slots.h"
#include "records/batch_area.h"

namespace hmap {
namespace {

using format::BucketArray;

enum class Outcome : u8 { kFound, kAbsent, kEvacuated, kAgain, kDamaged };

class Search {
 public:
  Search(const Engine& engine, std::string_view key, u64 hash, std::string* value,
         const Frozen* frozen, HeldRecord* held = nullptr)
      : engine_(engine),
        frozen_(frozen),
        key_(key),
        hash_(hash),
        shard_(hash & (engine.layout.shards - 1)),
        value_(value),
        held_(held) {}

  // What the value was copied from.
  [[nodiscard]] const EntryView& entry() const { return entry_; }

  // One attempt from the top.
  Outcome run() {
    ShardReader reader(engine_, shard_, frozen_);
    HeaderView header;
    const Look look = reader.header(header);
    if (look != Look::kOk && look != Look::kInBatch) [[unlikely]]
      return Outcome::kAgain;
    const Outcome outcome =
        look == Look::kOk ? in_arrays(reader, header) : in_batch(reader, header);
    if (outcome == Outcome::kAgain) return outcome;
    if (held_ != nullptr && outcome == Outcome::kFound) [[unlikely]]
      return hold(reader);
    // Whatever was concluded counts only if nothing moved meanwhile.
    return reader.unchanged() ? outcome : Outcome::kAgain;
  }

  [[nodiscard]] Status damage() const { return damage_; }

 private:
  // A batch has happened that may not be done yet.
  [[gnu::noinline]] Outcome in_batch(ShardReader& reader, const HeaderView& header) {
    const u64 op = find_in_batch(engine_, key_, hash_);
    if (op == 0) return in_arrays(reader, header);
    if ((op & format::kBatchEraseBit) != 0) return Outcome::kAbsent;
    const u64 record = format::batch_op_record(op);
    prefetch_record(engine_, record);
    return in_entry(view_record(engine_, record));
  }

  Outcome in_arrays(ShardReader& reader, const HeaderView& header) {
    if (seam::load(header.buckets->id) == 0) return Outcome::kAbsent;
    const u64 hash = mix(hash_, header.hash0);
    bool growing = seam::load(header.oldbuckets->id) != 0;
    for (;;) {
      const Outcome outcome =
          in_chain(reader, growing ? *header.oldbuckets : *header.buckets, hash);
      if (outcome != Outcome::kEvacuated) [[likely]]
        return outcome;
      // The bucket of a new array evacuated: the header is out of date.
      if (!growing) return Outcome::kAgain;
      growing = false;
    }
  }

  Outcome in_chain(ShardReader& reader, const BucketArray& array, u64 hash) {
    const u8 top = tophash_of(hash);
    const u64 b = seam::load(array.b);
    u64 n = b < kMaxB ? hash & ((u64{1} << b) - 1) : 0;
    for (ChainHops hops;;) {
      BucketWords words;
      const Look look = reader.bucket(array, n, words);
      if (look == Look::kMoved) return Outcome::kAgain;
      if (look == Look::kOutside) return damaged("bucket outside the file", array);
      if (is_evacuated(words.tophash)) return Outcome::kEvacuated;
      for (u32 slots = match_bytes(words.tophash, top); slots != 0; slots &= slots - 1) {
        const auto slot = static_cast<u64>(std::countr_zero(slots));
        prefetch_slot(engine_, words.rest, slot);
        const Outcome outcome = in_entry(view_slot(engine_, words.rest, slot));
        if (outcome != Outcome::kAbsent) return outcome;
      }
      if (words.overflow == 0 || match_bytes(words.tophash, format::kEmptyRest) != 0)
        return Outcome::kAbsent;
      n = words.overflow;
      if (!hops.goes_on(n)) return damaged("bucket chain without end", array);
    }
  }

  // Pins the record first and then looks whether it was reachable until now: if it was, whoever
  // makes it unreachable sees the pin before he writes over it.
  Outcome hold(const ShardReader& reader) {
    const EntryView& entry = held_->entry;
    damage_ = take_pin(engine_, entry.record, entry.record_bytes(),
                       is_large(engine_.layout, entry.record_bytes()), held_->pin);
    const bool unchanged = reader.unchanged();
    if (damage_.ok() && unchanged) return Outcome::kFound;
    held_->let_go(engine_);
    return unchanged ? Outcome::kDamaged : Outcome::kAgain;
  }

  Outcome damaged(const char* what, const BucketArray& array) {
    damage_ = Engine::corrupt(what, seam::load(array.run[0]));
    return Outcome::kDamaged;
  }

  Outcome in_entry(const Result<EntryView>& entry) {
    if (!entry) {
      damage_ = entry.error();
      return Outcome::kDamaged;
    }
    if (!entry->has_key(key_)) return Outcome::kAbsent;
    if (held_ != nullptr) {
      held_->entry = *entry;
      return Outcome::kFound;
    }
    if (copied_ != 0 && entry->record == copied_) return Outcome::kFound;
    const bool is_long = value_ != nullptr && entry->value_bytes >= kCopyOnceBytes;
    if (!is_long && engine_.verify_reads && !record_intact(engine_, *entry))
      return with_wrong_checksum(*entry);
    if (value_ == nullptr) return Outcome::kFound;
    entry_ = *entry;
    copy_value(*value_, entry->value, entry->value_bytes);
    if (!is_long) return Outcome::kFound;
    // The copy is checked instead of the record, and kept for the next attempt.
    if (copy_is_intact()) {
      copied_ = entry->record;
    } else if (engine_.verify_reads) {
      return with_wrong_checksum(*entry);
    }
    return Outcome::kFound;
  }

  // Which is damage, unless somebody used the record's place anew: run() finds that out.
  Outcome with_wrong_checksum(const EntryView& entry) {
    damage_ = Engine::corrupt("record with a wrong checksum", entry.record);
    return Outcome::kDamaged;
  }

  // Whether the private copy is the whole record entry() with this key: then it may be kept while
  // only the look-up is repeated, even if the record's place was used anew in between.
  [[nodiscard]] bool copy_is_intact() const {
    format::RecordHeader header;
    seam::copy_out(&header, entry_.record_at(), sizeof header);
    if (header.key_bytes != key_.size() || header.value_bytes != value_->size() ||
        header.flags != entry_.flags)
      return false;
    static_assert(kCopyOnceBytes > kCrcBytesMax);  // so that it is XXH3 in every store
    constexpr std::size_t kSum = sizeof header.checksum;
    const HashPart parts[] = {
        {reinterpret_cast<const std::byte*>(&header) + kSum, sizeof header - kSum},
        {key_.data(), key_.size()},
        {value_->data(), value_->size()}};
    const u64 seed = record_seed(engine_, entry_.record);
    return static_cast<u32>(hash_parts(parts, std::size(parts), seed)) == header.checksum;
  }

  const Engine& engine_;
  const Frozen* frozen_;
  std::string_view key_;
  u64 hash_;
  u64 shard_;
  std::string* value_;
  HeldRecord* held_;
  EntryView entry_;
  u64 copied_ = 0;  // offset of the record that *value_ is a verified copy of; 0: none
  Status damage_;
};

Result<bool> run_until_settled(const Engine& engine, Search& search, u64 hash) {
  Patience patience(engine, hash & (engine.layout.shards - 1));
  do {
    const Outcome outcome = search.run();
    if (outcome == Outcome::kFound || outcome == Outcome::kAbsent) [[likely]]
      return outcome == Outcome::kFound;
    if (outcome == Outcome::kDamaged) return search.damage();
  } while (patience.again());
  return Engine::corrupt("a bucket never came to rest",
                         engine.layout.header_offset(hash & (engine.layout.shards - 1)));
}

// The whole way, through chains, intents and retries. Kept out of find(), whose frame is small
// then.
[[gnu::noinline]] Result<bool> search(const Engine& engine, std::string_view key, u64 hash,
                                      std::string* value, const Frozen* frozen) {
  Search search(engine, key, hash, value, frozen);
  const Result<bool> found = run_until_settled(engine, search, hash);
  if (!found || !*found || value == nullptr) return found;
  const EntryView& entry = search.entry();
  if (Status s = decode_value(engine, entry.record, entry.flags, *value); !s.ok()) return s;
  return found;
}

}  // namespace

void copy_value(std::string& to, const char* from, u64 bytes) {
#ifdef HMAP_TSAN
  to.resize(bytes);
  seam::copy_out(to.data(), from, bytes);
#else
  if (to.size() == bytes) {
    std::memcpy(to.data(), from, bytes);
  } else {
    to.assign(from, bytes);
  }
#endif
}

Result<bool> find(const Engine& engine, std::string_view key, u64 hash, std::string* value,
                  const Frozen* frozen) {
  if (frozen == nullptr) [[likely]] {
    const Quick quick = quick_find(engine, key, hash, value);
    if (quick != Quick::kUnsure) [[likely]]
      return quick == Quick::kFound;
  }
  return search(engine, key, hash, value, frozen);
}

Result<bool> find_elem(const Engine& engine, std::string_view key, u64 hash, void* elem) {
  std::string value;
  const Result<bool> found = search(engine, key, hash, &value, nullptr);
  if (!found || !*found) return found;
  // Slots hold nothing else, but the record of a batch that is not done may, in a damaged file.
  if (value.size() != engine.layout.bucket.elem_bytes) {
    return Engine::corrupt("element of another length than the store's",
                           engine.layout.header_offset(hash & (engine.layout.shards - 1)));
  }
  std::memcpy(elem, value.data(), value.size());
  return found;
}

Result<bool> find_held(const Engine& engine, std::string_view key, u64 hash, HeldRecord& held) {
  Search search(engine, key, hash, nullptr, nullptr, &held);
  const Result<bool> found = run_until_settled(engine, search, hash);
  // Nobody may change the bytes any more: what is wrong now is damage.
  if (!found || !*found || !engine.verify_reads || record_intact(engine, held.entry)) return found;
  held.let_go(engine);
  return Engine::corrupt("record with a wrong checksum", held.entry.record);
}

}  // namespace hmap
