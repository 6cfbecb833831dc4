// Consistent reads without locks: the parts that are rarely needed.
#include "map/read_through.h"

#include <sched.h>

#include <cstddef>

#include "records/batch_area.h"

namespace hmap {

using format::Bmap;
using format::BucketArray;
using format::ShardHeader;

Look ShardReader::through(u64 offset, u64 bytes, u64* words, u64& intent_state) const {
  const format::Intent& intent = engine_.intent(shard_);
  const u64 state = seam::load(intent.state);
  if (state % 2 == 0) return Look::kMoved;
  const u64 count = std::min<u64>(seam::load(intent.words), engine_.layout.intent_words);
  const format::IntentWord* body = engine_.intent_words(shard_);
  bool hit = false;
  for (u64 i = 0; i < count; ++i) {
    const u64 at = seam::load(body[i].offset).value;
    if (at < offset || at >= offset + bytes || at % 8 != 0) continue;
    words[(at - offset) / 8] = seam::load(body[i].value);
    hit = true;
  }
  // A version that is odd without words of the intent: the intent is another one by now.
  if (!hit || seam::load(intent.state) != state) return Look::kMoved;
  intent_state = state;
  return Look::kOk;
}

void ShardReader::make_room() {
  if (more_ == nullptr) more_ = std::make_unique<std::vector<Seen>>();
  more_->insert(more_->end(), seen_.begin(), seen_.end());
  seen_count_ = 0;
}

Look ShardReader::header_through(HeaderView& view) {
  const ShardHeader& header = engine_.header(shard_);
  if (seam::load(engine_.batch_part(shard_).ops) != 0) {
    view.intent_state = kMarkedForBatch;
    view.hash0 = seam::load(header.hash0);
    view.buckets = &header.buckets;
    view.oldbuckets = &header.oldbuckets;
    return part_is_committed(engine_, shard_) ? Look::kInBatch : Look::kOk;
  }
  static_assert(offsetof(ShardHeader, next) == sizeof(view.copy));
  const auto* words = reinterpret_cast<const u64*>(&header);
  for (u64 i = 0; i < view.copy.size(); ++i) view.copy[i] = seam::load(words[i]);
  const Look look = through(engine_.layout.header_offset(shard_), sizeof view.copy,
                            view.copy.data(), view.intent_state);
  view.hash0 = view.copy[offsetof(ShardHeader, hash0) / 8];
  view.buckets =
      reinterpret_cast<const BucketArray*>(&view.copy[offsetof(ShardHeader, buckets) / 8]);
  view.oldbuckets =
      reinterpret_cast<const BucketArray*>(&view.copy[offsetof(ShardHeader, oldbuckets) / 8]);
  return look;
}

Look ShardReader::frozen_bucket(const BucketArray& array, u64 n, BucketWords& words) const {
  const BucketPlace at = place_in_array(engine_.layout, array.b, n);
  if (array.b >= kMaxB || at.run > format::kOverflowRuns) return Look::kOutside;
  const BucketShape::Place in_run = engine_.layout.bucket.place(at.bucket);
  const Result<Block> block =
      block_of(engine_, engine_.layout.array_run(array, at.run), in_run.block);
  if (!block) return Look::kOutside;
  const Result<u64> place = place_at(engine_, *block, frozen_->cut);
  if (!place) return Look::kOutside;
  words.tophash = words.overflow = 0;
  words.rest = words.copy.data();
  if (*place == 0) return Look::kOk;  // not written by then: empty
  const Bmap* bucket =
      in_file<Bmap>(*engine_.map, *place + in_run.inside, engine_.layout.bucket.bytes);
  if (bucket == nullptr) return Look::kOutside;
  words.tophash = seam::load(bucket->tophash);
  words.overflow = overflow_in(seam::load(bucket->overflow));
  words.rest = &bucket->overflow;
  return Look::kOk;
}

Look ShardReader::bucket_through(Seen& seen, BucketWords& words) const {
  const u64 bytes = engine_.layout.bucket.bytes;
  const auto* shared = reinterpret_cast<const u64*>(seen.bucket);
  for (u64 i = 0; i < bytes / sizeof(u64); ++i) words.copy[i] = seam::load(shared[i]);
  const Look look =
      through(engine_.map->offset_of(seen.bucket), bytes, words.copy.data(), seen.intent_state);
  if (look != Look::kOk) return look;
  words.tophash = words.copy[offsetof(Bmap, tophash) / 8];
  words.rest = &words.copy[offsetof(Bmap, overflow) / 8];
  words.overflow = overflow_in(*words.rest);
  return Look::kOk;
}

bool Patience::again() {
  constexpr u32 kSpins = 64;
  constexpr u32 kLimit = 1U << 20U;
  // Whoever reads through intents needs no writer to go on, alive or dead. So if one cannot be read
  // though nothing changes, it is damage; without this it took a second of the processor to say so.
  constexpr u32 kIdleLimit = 1U << 8U;
  const u64 state = seam::load(state_);
  idle_ = attempts_ == 0 || state != seen_ ? 0 : idle_ + 1;
  seen_ = state;
  ++attempts_;
  if (attempts_ > kSpins) ::sched_yield();
  return attempts_ < kLimit && idle_ < kIdleLimit;
}

}  // namespace hmap
