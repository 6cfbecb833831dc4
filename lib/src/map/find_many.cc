// multi_get: the memory accesses of many look-ups side by side instead of one after the other.
#include "map/find_many.h"

#include <algorithm>
#include <array>
#include <bit>

#include "format/hash.h"
#include "hmap/options.h"
#include "map/find.h"
#include "map/slots.h"

namespace hmap {
namespace {

// Look-ups under way at once. Processors follow 10 to 16 misses at a time; more of them would only
// push what was fetched first out of the nearest cache again.
constexpr std::size_t kAtOnce = 16;

// A key on its way. The buckets are guesses from words that may be changing, good for asking the
// memory and for nothing else.
struct Pending {
  u64 key_hash;
  u8 tophash;
  const format::Bmap* bucket;      // null: none to be had
  const format::Bmap* old_bucket;  // null: not growing
};

const format::Bmap* ask_for_bucket(const Engine& engine, const format::BucketArray& array,
                                   u64 hash) {
  if (seam::load(array.id) == 0) return nullptr;
  const format::Bmap* bucket = find_head(engine, array, hash).bucket;
  if (bucket != nullptr) prefetch_bucket_lines(engine, bucket);
  return bucket;
}

Pending ask_for_buckets(const Engine& engine, std::string_view key) {
  const u64 key_hash = hash_key(key, engine.store_seed);
  const format::ShardHeader& header = engine.header(key_hash & (engine.layout.shards - 1));
  const u64 hash = mix(key_hash, seam::load(header.hash0));
  return {key_hash, tophash_of(hash), ask_for_bucket(engine, header.buckets, hash),
          ask_for_bucket(engine, header.oldbuckets, hash)};
}

void ask_for_records(const Engine& engine, const Pending& pending) {
  if (engine.layout.bucket.is_inline()) return;
  const format::Bmap* bucket = pending.old_bucket;
  if (bucket == nullptr || is_evacuated(seam::load(bucket->tophash))) bucket = pending.bucket;
  if (bucket == nullptr) return;
  const u64 tophash = seam::load(bucket->tophash);
  prefetch_slots(engine, &bucket->overflow, match_bytes(tophash, pending.tophash));
}

Result<bool> find_one(const Engine& engine, std::string_view key, u64 key_hash,
                      std::optional<std::string>* value, const Frozen* frozen) {
  if (value == nullptr) return find(engine, key, key_hash, nullptr, frozen);
  if (!value->has_value()) value->emplace();  // else its memory is used again
  const Result<bool> found = find(engine, key, key_hash, &**value, frozen);
  if (!found || !*found) value->reset();
  return found;
}

Status check_keys(const Engine& engine, std::span<const std::string_view> keys) {
  for (const std::string_view key : keys) {
    if (key.size() > kKeyBytesMax)
      return {Code::kInvalidArgument, "the key is longer than 65,535 bytes"};
    if (Status s = engine.layout.lengths.check_key(key.size()); !s.ok()) return s;
  }
  return {};
}

}  // namespace

Result<u64> find_many(const Engine& engine, std::span<const std::string_view> keys,
                      std::optional<std::string>* values, bool* present, const Frozen* frozen) {
  if (Status s = check_keys(engine, keys); !s.ok()) return s;
  engine.count_reads(keys.size());
  u64 found = 0;
  std::array<Pending, kAtOnce> group;
  for (std::size_t first = 0; first < keys.size(); first += kAtOnce) {
    const std::size_t count = std::min(kAtOnce, keys.size() - first);
    for (std::size_t i = 0; i < count; ++i) group[i] = ask_for_buckets(engine, keys[first + i]);
    for (std::size_t i = 0; i < count; ++i) ask_for_records(engine, group[i]);
    for (std::size_t i = 0; i < count; ++i) {
      const Result<bool> one = find_one(engine, keys[first + i], group[i].key_hash,
                                        values == nullptr ? nullptr : values + first + i, frozen);
      if (!one) return one.error();
      if (present != nullptr) present[first + i] = *one;
      found += *one ? 1 : 0;
    }
  }
  return found;
}

}  // namespace hmap
