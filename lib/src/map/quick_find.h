// What nearly every look-up meets, from top to bottom: header and bucket at rest, the key in the
// first bucket of its chain or known to be absent, a record of moderate size. One look; whatever is
// not so simple, errors too, is left to find.cc.
#ifndef HMAP_SRC_MAP_QUICK_FIND_H_
#define HMAP_SRC_MAP_QUICK_FIND_H_

#include <bit>
#include <string>
#include <string_view>

#include "format/hash.h"
#include "map/find.h"
#include "map/slots.h"

namespace hmap {

// Above this a value is copied once, and only the look-up is repeated if the bucket changed.
inline constexpr u64 kCopyOnceBytes = 4096;

enum class Quick : u8 { kFound, kAbsent, kUnsure };

// The first bucket of a key's chain, and the words that must be the same after the look. What it
// needs beside shared words is read once, before the first of them: behind each the compiler would
// read it again, and how many instructions a look-up takes decides how many of them a processor
// has under way at a time.
class FirstBucket {
 public:
  explicit FirstBucket(const Engine& engine) : memory_(engine.map->bounds()) {}

  [[nodiscard]] const Mapping::Bounds& memory() const { return memory_; }

  // Null if header or bucket are not at rest, or something is not where it should be.
  [[gnu::always_inline]] const format::Bmap* find(const Engine& engine, const BucketShape& shape,
                                                  u64 key_hash) {
    header_ = &engine.header(key_hash & (engine.layout.shards - 1));
    header_version_ = seam::load(header_->version);
    const u64 hash = mix(key_hash, seam::load(header_->hash0));
    bool growing = seam::load(header_->oldbuckets.id) != 0;
    if (header_version_ % 2 != 0 || seam::load(header_->buckets.id) == 0) [[unlikely]]
      return nullptr;
    top_ = tophash_of(hash);
    const format::BucketArray* array = growing ? &header_->oldbuckets : &header_->buckets;
    for (;;) {
      found_ = find_head(memory_, engine.layout, shape, *array, hash);
      if (found_.bucket == nullptr) [[unlikely]]
        return nullptr;
      prefetch_inline(shape, found_.bucket);
      version_ = seam::load(found_.bucket->version);
      tophash_ = seam::load(found_.bucket->tophash);
      if (version_ % 2 != 0) [[unlikely]]
        return nullptr;
      if (!is_evacuated(tophash_)) [[likely]]
        return found_.bucket;
      if (!growing) return nullptr;
      growing = false;
      array = &header_->buckets;
    }
  }

  // The slots that may have the key.
  [[nodiscard, gnu::always_inline]] u32 candidates() const { return match_bytes(tophash_, top_); }
  // Whether the chain has no further bucket with filled slots.
  [[nodiscard, gnu::always_inline]] bool is_last() const {
    return overflow_in(seam::load(found_.bucket->overflow)) == 0 ||
           match_bytes(tophash_, format::kEmptyRest) != 0;
  }
  // Whether what was read in the meantime was true at one moment.
  [[nodiscard, gnu::always_inline]] bool unchanged() const {
    seam::read_barrier();
    return seam::load(found_.bucket->version) == version_ &&
           seam::load(*found_.place_word) == found_.place &&
           seam::load(header_->version) == header_version_;
  }

 private:
  const Mapping::Bounds memory_;
  const format::ShardHeader* header_ = nullptr;
  u64 header_version_ = 0;
  FoundBucket found_;
  u64 version_ = 0;
  u64 tophash_ = 0;
  u8 top_ = 0;
};

// Of a store whose slots refer to records; the value goes to *value unless that is null.
[[gnu::always_inline]] inline Quick quick_find_record(const Engine& engine, std::string_view key,
                                                      u64 key_hash, std::string* value) {
  BucketShape shape = engine.layout.bucket;
  shape.key_bytes = 0;  // it is: now the compiler knows, too
  shape.bytes = sizeof(format::Bmap);
  FirstBucket at(engine);
  const format::Bmap* bucket = at.find(engine, shape, key_hash);
  if (bucket == nullptr) [[unlikely]]
    return Quick::kUnsure;
  for (u32 slots = at.candidates(); slots != 0; slots &= slots - 1) {
    const u64 record = record_in(&bucket->overflow, static_cast<u64>(std::countr_zero(slots)));
    prefetch_record(at.memory(), record);
    EntryView entry;
    if (!view_record(at.memory(), record, entry).ok() || entry.value_bytes >= kCopyOnceBytes)
        [[unlikely]]
      return Quick::kUnsure;
    prefetch_rest(entry);
    if (!entry.has_key(key)) [[unlikely]]
      continue;
    if (engine.verify_reads && !checksum_is_right(engine, entry)) [[unlikely]]
      return Quick::kUnsure;
    if (value != nullptr) copy_value(*value, entry.value, entry.value_bytes);
    if (!at.unchanged()) [[unlikely]]
      return Quick::kUnsure;
    const bool is_value = entry.flags == 0 || value == nullptr;
    return is_value || engine.codec->decode(entry.flags, *value) ? Quick::kFound : Quick::kUnsure;
  }
  return at.is_last() && at.unchanged() ? Quick::kAbsent : Quick::kUnsure;
}

// Of a store whose slots hold keys, all of one length, and elements: with the layout's shape, or
// one of which the compiler knows more. The element goes to `elem` unless that is null.
[[gnu::always_inline]] inline Quick quick_find_inline(const Engine& engine,
                                                      const BucketShape& shape, const char* key,
                                                      u64 key_hash, void* elem) {
  FirstBucket at(engine);
  const format::Bmap* bucket = at.find(engine, shape, key_hash);
  if (bucket == nullptr) [[unlikely]]
    return Quick::kUnsure;
  const auto* bytes = reinterpret_cast<const std::byte*>(bucket);
  for (u32 slots = at.candidates(); slots != 0; slots &= slots - 1) {
    const auto slot = static_cast<u64>(std::countr_zero(slots));
    if (!seam::equal(bytes + key_at(shape, slot), key, shape.key_bytes)) [[unlikely]]
      continue;
    if (elem != nullptr) copy_elem(shape, bytes, slot, elem);
    return at.unchanged() ? Quick::kFound : Quick::kUnsure;
  }
  return at.is_last() && at.unchanged() ? Quick::kAbsent : Quick::kUnsure;
}
// Of a store of words under words: half the instructions, as the compiler knows all lengths.
[[gnu::always_inline]] inline Quick quick_find_word(const Engine& engine, u64 key, u64& elem) {
  BucketShape shape = engine.layout.bucket;
  if (shape.key_bytes != sizeof key || shape.elem_bytes != sizeof elem) [[unlikely]]
    return Quick::kUnsure;
  shape.key_bytes = sizeof key;
  shape.elem_bytes = sizeof elem;
  shape.bytes = inline_bucket_bytes(sizeof key, sizeof elem);
  const u64 hash = hash_word(key, engine.store_seed);
  return quick_find_inline(engine, shape, reinterpret_cast<const char*>(&key), hash, &elem);
}

[[gnu::always_inline]] inline Quick quick_find(const Engine& engine, std::string_view key,
                                               u64 key_hash, std::string* value) {
  const BucketShape& shape = engine.layout.bucket;
  if (!shape.is_inline()) [[likely]]
    return quick_find_record(engine, key, key_hash, value);
  if (key.size() != shape.key_bytes) return Quick::kUnsure;
  if (value != nullptr) value->resize(shape.elem_bytes);
  return quick_find_inline(engine, shape, key.data(), key_hash,
                           value == nullptr ? nullptr : value->data());
}

}  // namespace hmap

#endif  // HMAP_SRC_MAP_QUICK_FIND_H_
