// get: header, bucket, record, copy, and the check that all of it was true at once.
#include "find.h"

#include "hash.h"
#include "read_through.h"

namespace hmap {
namespace {

using format::BucketArray;

// Above this a value is copied once, and only the look-up is repeated if the bucket changed.
constexpr u64 kCopyOnceBytes = 4096;

enum class Outcome : u8 { kFound, kAbsent, kAgain, kDamaged };

class Search {
 public:
  Search(const Engine& engine, std::string_view key, u64 hash, std::string* value)
      : engine_(engine),
        key_(key),
        hash_(hash),
        shard_(hash & (engine.layout.shards - 1)),
        value_(value) {}

  // One attempt from the top.
  Outcome run() {
    ShardReader reader(engine_, shard_);
    HeaderView header;
    damage_ = Engine::corrupt("offset outside the file", engine_.layout.header_offset(shard_));
    switch (reader.header(header)) {
      case Look::kMoved:
        return Outcome::kAgain;
      case Look::kOutside:
        return Outcome::kDamaged;
      case Look::kOk:
        break;
    }
    const Outcome outcome = in_arrays(reader, header);
    if (outcome == Outcome::kAgain) return outcome;
    // Whatever was concluded counts only if nothing moved meanwhile.
    return reader.unchanged() ? outcome : Outcome::kAgain;
  }

  [[nodiscard]] Status damage() const { return damage_; }

 private:
  Outcome in_arrays(ShardReader& reader, const HeaderView& header) {
    if (seam::load(header.buckets->id) == 0) return Outcome::kAbsent;
    const u64 hash = mix(hash_, header.hash0);
    if (seam::load(header.oldbuckets->id) != 0) {
      bool evacuated = false;
      const Outcome outcome = in_chain(reader, *header.oldbuckets, hash, evacuated);
      if (!evacuated) return outcome;
    }
    bool evacuated = false;
    const Outcome outcome = in_chain(reader, *header.buckets, hash, evacuated);
    return evacuated ? Outcome::kAgain : outcome;
  }

  Outcome in_chain(ShardReader& reader, const BucketArray& array, u64 hash, bool& evacuated) {
    const u8 top = tophash_of(hash);
    const u64 b = seam::load(array.b);
    u64 n = b < kMaxB ? hash & ((u64{1} << b) - 1) : 0;
    const u64 most = chain_bound(array);
    for (u64 bound = most; bound != 0; --bound) {
      BucketImage image;
      switch (reader.bucket(array, n, image)) {
        case Look::kMoved:
          return Outcome::kAgain;
        case Look::kOutside:
          return Outcome::kDamaged;
        case Look::kOk:
          break;
      }
      if (is_evacuated(image.tophash)) {
        evacuated = true;
        return Outcome::kAgain;
      }
      for (u32 slots = match_bytes(image.tophash, top); slots != 0; slots &= slots - 1) {
        prefetch_record(engine_, image.record(static_cast<u64>(std::countr_zero(slots))));
        const Outcome outcome = in_record(image.record(static_cast<u64>(std::countr_zero(slots))));
        if (outcome != Outcome::kAbsent) return outcome;
      }
      if (image.overflow == 0 || match_bytes(image.tophash, format::kEmptyRest) != 0)
        return Outcome::kAbsent;
      n = image.overflow;
    }
    // A chain longer than all overflow buckets there were when the walk began: it grew, or it is a
    // ring.
    if (chain_bound(array) != most) return Outcome::kAgain;
    damage_ = Engine::corrupt("bucket chain without end", seam::load(array.run[0]));
    return Outcome::kDamaged;
  }

  Outcome in_record(u64 offset) {
    const Result<RecordView> record = view_record(engine_, offset);
    if (!record) {
      damage_ = record.error();
      return Outcome::kDamaged;
    }
    if (!record->has_key(key_)) return Outcome::kAbsent;
    if (offset == copied_) return Outcome::kFound;
    if (engine_.verify_reads && !record_intact(engine_, *record)) {
      damage_ = Engine::corrupt("record with a wrong checksum", offset);
      return Outcome::kDamaged;
    }
    if (value_ == nullptr) return Outcome::kFound;
    copy_value(*value_, record->value(), record->value_bytes);
    if (record->value_bytes >= kCopyOnceBytes && copy_is_intact(*record)) copied_ = offset;
    return Outcome::kFound;
  }

  // Whether the private copy is a whole record with this key: then it may be kept while only the
  // look-up is repeated, even if the record's place was used anew in between.
  [[nodiscard]] bool copy_is_intact(const RecordView& record) const {
    format::RecordHeader header;
    seam::copy_out(&header, record.at, sizeof header);
    if (header.key_bytes != key_.size() || header.value_bytes != value_->size()) return false;
    XXH3_state_t state;
    XXH3_64bits_reset_withSeed(&state, record_seed(engine_, record.offset));
    XXH3_64bits_update(&state, reinterpret_cast<const std::byte*>(&header) + 4, sizeof header - 4);
    XXH3_64bits_update(&state, key_.data(), key_.size());
    XXH3_64bits_update(&state, value_->data(), value_->size());
    return static_cast<u32>(XXH3_64bits_digest(&state)) == header.checksum;
  }

  const Engine& engine_;
  std::string_view key_;
  u64 hash_;
  u64 shard_;
  std::string* value_;
  u64 copied_ = 0;  // offset of the record that *value_ is a verified copy of; 0: none
  Status damage_;
};

}  // namespace

void copy_value(std::string& to, const char* from, u64 bytes) {
#ifdef HMAP_TSAN
  to.resize(bytes);
  seam::copy_out(to.data(), from, bytes);
#else
  to.assign(from, bytes);
#endif
}

Result<bool> find(const Engine& engine, std::string_view key, u64 hash, std::string* value) {
  Search search(engine, key, hash, value);
  Patience patience;
  do {
    switch (search.run()) {
      case Outcome::kFound:
        return true;
      case Outcome::kAbsent:
        return false;
      case Outcome::kDamaged:
        return search.damage();
      case Outcome::kAgain:
        break;
    }
  } while (patience.again());
  return Engine::corrupt("a bucket never came to rest",
                         engine.layout.header_offset(hash & (engine.layout.shards - 1)));
}

}  // namespace hmap
