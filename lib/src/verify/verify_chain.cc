// Chains of buckets. format-spec/format.md, F-09 to F-14.
#include <algorithm>
#include <cstddef>

#include "format/hash.h"
#include "map/bmap.h"
#include "map/grow.h"
#include "verify/verify_shard.h"

namespace hmap::checking {

// Without marks nothing bounds chains that lead into each other; no honest one is as long.
constexpr u64 kUnmarkedChainMax = u64{1} << 16;

bool ShardCheck::read_bucket(const Side& side, u64 n, BucketCopy& bucket, Spot& spot) {
  const Layout& layout = view_.layout;
  const BucketPlace where = place_in_array(layout, side.array.b, n);
  spot = {side.array.run[0].value, static_cast<u32>(shard_),
          side.old ? FindingUnit::kOldBucket : FindingUnit::kBucket, n};
  if (where.run > format::kOverflowRuns || side.runs[where.run].run.offset == 0) {
    piece_.near.damage(FindingKind::kChain, spot, "a bucket outside its array");
    piece_.gaps = true;
    return false;
  }
  const CheckedRun& run = side.runs[where.run];
  const auto [block, inside] = layout.bucket.place(where.bucket);
  if (!view_.read(run, block, inside, &bucket, layout.bucket.bytes)) {
    piece_.gaps = true;
    return false;
  }
  spot.offset = view_.place(run, block) + inside;
  piece_.bytes += layout.bucket.bytes;
  return true;
}

bool ShardCheck::evacuated_head(u64 i, bool is_first, bool& evacuated) {
  BucketCopy head;
  Spot spot;
  if (!read_bucket(old(), i, head, spot)) return false;
  evacuated = is_evacuated(head.tophash);
  if (!is_first) return true;  // the checks are made once
  if (!evacuated && (i & (evacuations(header_) - 1)) < header_.nevacuate) {
    piece_.near.damage(FindingKind::kEvacuation, spot,
                       say("old bucket ", i, " is not evacuated, but all below ", header_.nevacuate,
                           " should be: its entries will be lost"));
  }
  if (!evacuated) return true;
  const bool two = header_.b > header_.oldbuckets.b;
  for (u64 slot = 0; slot < format::kSlots; ++slot) {
    const u8 state = tophash_at(head.tophash, slot);
    if (state < format::kEvacuatedX || state > format::kEvacuatedEmpty ||
        (!two && state == format::kEvacuatedY)) {
      piece_.near.damage(
          FindingKind::kEvacuation, spot,
          say("old bucket ", i, " is evacuated, but its slot ", slot, " is in state ", u64{state}));
      break;
    }
  }
  return true;
}

void ShardCheck::chain(u64 n) {
  if (header_.oldbuckets.id == 0) return walk(current(), n);
  const u64 old_buckets = u64{1} << header_.oldbuckets.b;
  const u64 i = n & (old_buckets - 1);
  bool evacuated = false;
  if (!evacuated_head(i, n == i, evacuated)) return;
  if (header_.b < header_.oldbuckets.b) return pair(n, n + (u64{1} << header_.b), evacuated);
  if (evacuated) return walk(current(), n);
  // Both new buckets hold rubbish; the old one is looked at in place of the first.
  if (n < old_buckets) walk(old(), n);
}

// To half the size: two old buckets become one new one, together.
void ShardCheck::pair(u64 n, u64 other, bool evacuated) {
  bool other_evacuated = false;
  if (!evacuated_head(other, true, other_evacuated)) return;
  if (other_evacuated != evacuated) {
    piece_.near.damage(FindingKind::kEvacuation, {header_offset_, static_cast<u32>(shard_)},
                       say("of the old buckets ", n, " and ", other,
                           ", which become one, only one is evacuated: entries will be lost"));
  }
  if (evacuated && other_evacuated) return walk(current(), n);
  if (!evacuated) walk(old(), n);
  if (!other_evacuated) walk(old(), other);
}

void ShardCheck::walk(const Side& side, u64 head) {
  chain_entries_.clear();
  chain_keys_.clear();
  bool rest = false;
  u64 n = head;
  u64 steps = 0;
  u64 waiting = head;  // Brent: a chain in a circle meets the bucket that waits
  for (u64 power = 1;; ++steps) {
    BucketCopy bucket;
    Spot spot;
    if (!read_bucket(side, n, bucket, spot)) return;
    ++piece_.buckets;
    rest = check_bucket(side, head, bucket, spot, rest);
    n = overflow_in(bucket.overflow);
    if (n == 0) break;
    if (n == waiting) {
      piece_.near.damage(FindingKind::kChain, spot, "the chain runs in a circle");
      return;
    }
    if (steps + 1 == power) {
      waiting = n;
      power *= 2;
    }
    if (!step(side, n, spot)) return;
    if (!marked_ && steps > kUnmarkedChainMax) return;
  }
  check_duplicates();
}

// Goes on to an overflow bucket: in bounds, and of no other chain.
bool ShardCheck::step(const Side& side, u64 next, const Spot& spot) {
  const u64 main = u64{1} << side.array.b;
  if (next < main || next >= side.array.next_overflow) {
    piece_.near.damage(
        FindingKind::kChain, spot,
        say("the chain goes on in bucket ", next, ", but overflow buckets are ", main, " to ",
            side.array.next_overflow, " (exclusive): what was behind is lost"));
    piece_.gaps = true;
    return false;
  }
  const std::vector<bool>& used = side.old ? old_overflow_used_ : overflow_used_;
  if (marked_ && next - main < used.size() && used[next - main]) {
    piece_.far.damage(FindingKind::kChain, spot,
                      say("overflow bucket ", next, " is in two chains"));
    return false;
  }
  piece_.overflows.push_back({side.old, next - main});
  return true;
}

// Returns whether everything behind must be empty.
bool ShardCheck::check_bucket(const Side& side, u64 head, const BucketCopy& bucket,
                              const Spot& spot, bool rest) {
  const u64 version_at = spot.offset + offsetof(BucketCopy, version);
  if (bucket.version % 2 != 0 && !view_.may_be_odd(version_at)) {
    piece_.near.damage(FindingKind::kVersion, spot,
                       "its version is odd, but nobody is changing it: readers wait in vain");
  }
  prefetch_records(bucket);
  for (u64 slot = 0; slot < format::kSlots; ++slot) {
    const u8 state = tophash_at(bucket.tophash, slot);
    if (rest && state != format::kEmptyRest) {
      piece_.near.damage(FindingKind::kSlotState, spot,
                         say("slot ", slot, " is in state ", u64{state},
                             ", but a slot before it says that the rest of the chain is empty: "
                             "readers do not find it"));
    }
    if (state >= format::kEvacuatedX && state <= format::kEvacuatedEmpty) {
      piece_.near.damage(
          FindingKind::kSlotState, spot,
          say("slot ", slot, " says evacuated (", u64{state}, ") in a bucket that is not"));
    }
    rest = rest || state == format::kEmptyRest;
    if (!is_filled(state)) continue;
    check_entry(side, head, bucket, slot, spot);
  }
  return rest;
}

void ShardCheck::prefetch_records(const BucketCopy& bucket) const {
  if (view_.layout.bucket.is_inline()) return;
  for (u64 slot = 0; slot < format::kSlots; ++slot) {
    if (!is_filled(tophash_at(bucket.tophash, slot))) continue;
    const u64 record = record_in(&bucket.overflow, slot);
    if (record < view_.map.file_bytes()) __builtin_prefetch(view_.map.base() + record);
  }
}

void ShardCheck::check_entry(const Side& side, u64 head, const BucketCopy& bucket, u64 slot,
                             const Spot& spot) {
  const BucketShape& shape = view_.layout.bucket;
  const u8 tophash = tophash_at(bucket.tophash, slot);
  const u64 offset = shape.is_inline() ? 0 : record_in(&bucket.overflow, slot);
  const auto whose = [&] {
    return offset != 0 ? say("the key of the record at ", offset) : say("the key in slot ", slot);
  };
  ++piece_.entries;
  std::string_view key;
  if (shape.is_inline()) {
    key = chain_keys_.emplace_back(view_inline(shape, &bucket.overflow, slot).key_view());
  } else if (!check_record(offset, spot, key)) {
    return;
  }
  const u64 hash = hash_key(key, view_.seed);
  const u64 mixed = mix(hash, header_.hash0);
  if ((hash & (view_.layout.shards - 1)) != shard_) {
    piece_.near.damage(FindingKind::kWrongBucket, spot,
                       say(whose().c_str(), " belongs to shard ", hash & (view_.layout.shards - 1),
                           ": it cannot be found here"));
    return;
  }
  const u64 home = mixed & ((u64{1} << side.array.b) - 1);
  if (home != head || tophash_of(mixed) != tophash) {
    piece_.near.damage(FindingKind::kWrongBucket, spot,
                       say(whose().c_str(), " belongs to bucket ", home, " with tophash ",
                           u64{tophash_of(mixed)}, ", but is in the chain of ", head,
                           " with tophash ", u64{tophash}, ": it cannot be found here"));
    return;
  }
  const u64 kept = hash_bits_in(bucket.overflow, slot);
  if (const u64 bits = hash_bits(mixed, side.array.b); kept != bits) {
    piece_.near.damage(
        FindingKind::kHashBits, spot,
        say("slot ", slot, " keeps the hash bits ", kept, ", but those of ", whose().c_str(),
            " are ", bits, ": when the shard grows, the entry moves to where it cannot be found"));
  }
  chain_entries_.push_back({mixed, key, spot});
}

void ShardCheck::check_duplicates() {
  std::sort(chain_entries_.begin(), chain_entries_.end(), [](const auto& a, const auto& b) {
    return a.hash != b.hash ? a.hash < b.hash : a.key < b.key;
  });
  for (u64 i = 1; i < chain_entries_.size(); ++i) {
    const ChainEntry& entry = chain_entries_[i];
    if (entry.hash == chain_entries_[i - 1].hash && entry.key == chain_entries_[i - 1].key) {
      piece_.near.damage(FindingKind::kDuplicate, entry.spot,
                         "a key is twice in one chain: erasing it brings the other value back");
    }
  }
}

void ShardCheck::forget_piece() {
  clear_piece();
  long_seen_.clear();
}

void ShardCheck::clear_piece() {
  piece_.near.clear();
  piece_.far.clear();
  piece_.references.clear();
  piece_.overflows.clear();
  piece_.entries = piece_.large = piece_.buckets = piece_.bytes = 0;
  piece_.gaps = false;
}

void ShardCheck::commit_piece(Findings& near, Findings& far) {
  near.take(piece_.near);
  far.take(piece_.far);
  counts_.entries += piece_.entries;
  counts_.large_records += piece_.large;
  counts_.buckets += piece_.buckets;
  counts_.bytes += piece_.bytes;
  gaps_ = gaps_ || piece_.gaps;
  if (marked_) {
    entries_ += piece_.entries;
    for (const Overflow& overflow : piece_.overflows) {
      std::vector<bool>& used = overflow.old ? old_overflow_used_ : overflow_used_;
      if (overflow.number < used.size()) used[overflow.number] = true;
      overflows_ += overflow.old ? 0 : 1;
    }
    for (const Reference& reference : piece_.references) commit_reference(reference, far);
  }
  clear_piece();
}

}  // namespace hmap::checking
