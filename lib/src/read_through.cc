// Consistent reads without locks.
#include "read_through.h"

#include <sched.h>

#include <cstddef>

namespace hmap {

using format::BlockState;
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
    const u64 at = seam::load(body[i].offset);
    if (at < offset || at >= offset + bytes || at % 8 != 0) continue;
    words[(at - offset) / 8] = seam::load(body[i].value);
    hit = true;
  }
  // A version that is odd without words of the intent: a block is just coming home.
  if (!hit || seam::load(intent.state) != state) return Look::kMoved;
  intent_state = state;
  return Look::kOk;
}

Look ShardReader::header(HeaderView& view) {
  const ShardHeader& header = engine_.header(shard_);
  header_ = &view;
  view.version = seam::load(header.version);
  view.intent_state = 0;
  if (view.version % 2 == 0) [[likely]] {
    view.hash0 = seam::load(header.hash0);
    view.buckets = &header.buckets;
    view.oldbuckets = &header.oldbuckets;
    return Look::kOk;
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

void ShardReader::keep(const BucketView& view) {
  if (seen_count_ < seen_.size()) {
    seen_[seen_count_++] = view;
  } else {
    more_.push_back(view);
  }
}

Look ShardReader::bucket(const BucketArray& array, u64 n, BucketImage& image) {
  const Layout& layout = engine_.layout;
  const u64 b = seam::load(array.b);
  if (b >= kMaxB) return Look::kOutside;
  const BucketPlace where = place_in_array(layout, b, n);
  if (where.run > format::kOverflowRuns) return Look::kOutside;
  const u64 run = seam::load(array.run[where.run]);
  const u64 block = where.bucket >> layout.bucket_block_shift;
  u64 away = 0;
  u64 states = 0;
  if (where.run == 0) [[likely]] {
    away = layout.shape(b).away;
    states = layout.shape(b).states;
  } else {
    const Run relative{0, layout.array_run_blocks(b, where.run), 1};
    away = layout.away_offset(relative);
    states = layout.states_offset(relative);
  }
  BucketView view;
  view.away_word = engine_.map->at<u64>(run + away + block / 64 * 8);
  view.away_bit = u64{1} << (block % 64);
  if (run < format::kPageBytes || view.away_word == nullptr) return Look::kOutside;
  u64 offset = run + where.bucket * sizeof(Bmap);
  if ((seam::load(*view.away_word) & view.away_bit) != 0) [[unlikely]] {
    view.state = engine_.map->at<BlockState>(run + states + block * sizeof(BlockState));
    if (view.state == nullptr) return Look::kOutside;
    view.place = seam::load(view.state->live_place);
    view.born = seam::load(view.state->live_born);
    offset = view.place + (where.bucket & (layout.buckets_per_block - 1)) * sizeof(Bmap);
  }
  view.bucket = engine_.map->at<Bmap>(offset);
  if (view.bucket == nullptr) return Look::kOutside;
  view.version = seam::load(view.bucket->version);
  image = BucketImage::of(*view.bucket);
  if (view.version % 2 != 0) [[unlikely]] {
    std::array<u64, 8> words = {image.tophash,  0,
                                image.overflow, image.refs[0],
                                image.refs[1],  image.refs[2],
                                image.refs[3],  image.refs[4]};
    const Look look = through(offset, sizeof(Bmap), words.data(), view.intent_state);
    if (look != Look::kOk) return look;
    image.tophash = words[0];
    image.overflow = words[2];
    for (u64 i = 0; i < 5; ++i) image.refs[i] = words[3 + i];
  }
  keep(view);
  return Look::kOk;
}

bool ShardReader::unchanged() const {
  seam::read_barrier();
  const u64 intent_state = seam::load(engine_.intent(shard_).state);
  const auto same = [&](const BucketView& seen) {
    if (seam::load(seen.bucket->version) != seen.version) return false;
    if (seen.version % 2 != 0 && intent_state != seen.intent_state) return false;
    const bool away = (seam::load(*seen.away_word) & seen.away_bit) != 0;
    if (seen.state == nullptr) return !away;
    return away && seam::load(seen.state->live_place) == seen.place &&
           seam::load(seen.state->live_born) == seen.born;
  };
  for (u64 i = 0; i < seen_count_; ++i) {
    if (!same(seen_[i])) return false;
  }
  for (const BucketView& seen : more_) {
    if (!same(seen)) return false;
  }
  if (header_->version % 2 != 0 && intent_state != header_->intent_state) return false;
  return seam::load(engine_.header(shard_).version) == header_->version;
}

bool Patience::again() {
  constexpr u32 kSpins = 64;
  constexpr u32 kLimit = 1u << 20;
  ++attempts_;
  if (attempts_ > kSpins) ::sched_yield();
  return attempts_ < kLimit;
}

}  // namespace hmap
