// Reading live words, and the states of blocks. format-spec/format.md, "Block runs".
#include "verify/verify_live_view.h"

#include <algorithm>
#include <cstring>

#include "state/space.h"

namespace hmap::checking {

using format::BlockState;
using format::ExtentKind;
using format::PlaceState;

void LiveView::begin(u64 shard) {
  shard_ = shard;
  words_.clear();
  seqlocks_.clear();
  epoch_ = engine_.epoch();
  state_ = seam::load(engine_.intent(shard).state);
  if (state_ % 2 != 0) load_intent(shard);
  const u64 space = engine_.layout.space_domain();
  if (seam::load(engine_.intent(space).state) % 2 != 0) load_intent(space);
  // Not to be trusted: no more than the file has room for.
  const u64 bytes = std::max(map.refresh(), layout.heap_offset);
  const u64 room = (bytes - layout.heap_offset) / layout.extent_bytes;
  extents_end = std::min(seam::load(engine_.runtime->extents_end), room);
  cut = epoch_;
}

void LiveView::load_intent(u64 domain) {
  const format::Intent& intent = engine_.intent(domain);
  const u64 state = seam::load(intent.state);
  const u64 words = std::min<u64>(seam::load(intent.words), layout.intent_words);
  const u64 locks = std::min<u64>(seam::load(intent.seqlocks), format::kIntentSeqlocks);
  const std::size_t words_before = words_.size();
  const std::size_t locks_before = seqlocks_.size();
  for (u64 i = 0; i < words; ++i) {
    const format::IntentWord& word = engine_.intent_words(domain)[i];
    words_.push_back({seam::load(word.offset).value, seam::load(word.value)});
  }
  for (u64 i = 0; i < locks; ++i) seqlocks_.push_back(seam::load(intent.seqlock[i]).value);
  seam::read_barrier();
  if (seam::load(intent.state) == state) return;
  words_.resize(words_before);  // applied meanwhile: the bytes have it
  seqlocks_.resize(locks_before);
}

bool LiveView::steady() const {
  seam::read_barrier();
  return seam::load(engine_.intent(shard_).state) == state_ && engine_.epoch() == epoch_;
}

void LiveView::lay_over(u64 offset, void* to, u64 bytes) const {
  for (const Word& word : words_) {
    if (word.offset < offset || word.offset % 8 != 0) continue;
    const u64 at = word.offset - offset;
    if (at < bytes && bytes - at >= sizeof word.value)
      std::memcpy(static_cast<std::byte*>(to) + at, &word.value, sizeof word.value);
  }
}

void LiveView::peek(u64 offset, void* to, u64 bytes) const {
  // Word by word: each is stored as one.
  const std::byte* from = map.base() + offset;
  for (u64 i = 0; i + 8 <= bytes; i += 8) {
    const u64 word = seam::load(*reinterpret_cast<const u64*>(from + i));
    std::memcpy(static_cast<std::byte*>(to) + i, &word, sizeof word);
  }
  lay_over(offset, to, bytes);
}

u64 LiveView::place(const CheckedRun& run, u64 block) const {
  const u64 home = run.run.offset + block * layout.block_bytes;
  const Result<Block> found = block_of(engine_, run.run, block);
  if (!found) return home;
  u64 word = 0;
  peek(map.offset_of(found->place_word), &word, sizeof word);
  return word != 0 ? format::place_in_word(word) : home;
}

bool LiveView::read(const CheckedRun& run, u64 block, u64 inside, void* to, u64 bytes) const {
  if (block >= run.run.blocks) return false;
  const u64 at = place(run, block) + inside;
  if (at % 8 != 0 || map.bytes(at, bytes) == nullptr) return false;
  peek(at, to, bytes);
  return true;
}

bool LiveView::extent_word(u64 extent, u64& word) const {
  if (extent >= extents_end) return false;
  const Result<Block> block = word_block(engine_, extent);
  if (!block) return false;
  const u64 at = live_place(*block) + layout.word_in_block(extent) * 8;
  if (map.at(Offset<u64>{at}) == nullptr) return false;
  peek(at, &word, sizeof word);
  return true;
}

bool LiveView::may_be_odd(u64 offset) const {
  if (shard_ < layout.shards && offset == layout.header_offset(shard_)) {
    // Marked for a batch; or it was, which nothing else tells if the batch never happened.
    if (seam::load(engine_.batch_part(shard_).ops) != 0) return true;
    if (seam::load(engine_.header(shard_).version) % 2 == 0) return true;
  }
  return std::find(seqlocks_.begin(), seqlocks_.end(), offset) != seqlocks_.end();
}

void LiveView::check_block(const CheckedRun& run, u64 block, u64 shard, Findings& out) const {
  const Result<Block> found = block_of(engine_, run.run, block);
  const Spot here{run.run.offset + block * layout.block_bytes,
                  shard < layout.shards ? static_cast<u32>(shard) : Finding::kNoShard,
                  FindingUnit::kBlock, block};
  if (!found) {
    out.damage(FindingKind::kLivePlace, here, "a block without a state in the file");
    return;
  }
  BlockState state;
  peek(map.offset_of(found->state), &state, sizeof state);
  u64 place_word = 0;
  peek(map.offset_of(found->place_word), &place_word, sizeof place_word);
  if (place_word == 0) {
    if (state.live_born != 0) {
      out.damage(FindingKind::kLivePlace, here,
                 say("a block was never written by its place word, but its live version was born "
                     "in epoch ",
                     state.live_born, ": what is in it is lost"));
    }
    return;
  }
  const u64 at = format::place_in_word(place_word);
  if (place_word != format::make_place_word(at, state.live_born)) {
    out.damage(FindingKind::kLivePlace, here,
               say("the place word of a block has the birth tag ", place_word >> format::kPlaceBits,
                   ", but its live version was born in epoch ", state.live_born,
                   ": readers may take a place that was used again for it"));
    return;
  }
  check_place(*found, at, state.live_born, shard, here, out);
}

void LiveView::check_place(const Block& block, u64 at, u64 live_born, u64 shard, const Spot& spot,
                           Findings& out) const {
  const Result<PlaceState*> place = place_state(engine_, block, at);
  u64 word = 0;
  const bool frame = at != block.home && block.run.copies == 1;
  const bool proper =
      place && map.bytes(at, layout.block_bytes) != nullptr && at % layout.block_bytes == 0 &&
      (!frame || (extent_word(layout.extent_of(at), word) &&
                  extent_kind(word) == ExtentKind::kFrames && extent_shard(word) == shard));
  if (!proper) {
    out.damage(FindingKind::kLivePlace, spot,
               say("the live version of a block is at ", at, ", where it cannot be"));
    return;
  }
  PlaceState found;
  peek(map.offset_of(*place), &found, sizeof found);
  const u64 home = format::place_in_word(found.block);
  if (found.born != live_born || found.superseded != format::kForever || home != block.home ||
      found.born > engine_.epoch()) {
    out.damage(FindingKind::kLivePlace, spot,
               say("the live version of a block is at ", at, ", born in epoch ", live_born,
                   ", but that place holds a version of the block at ", home, ", born in ",
                   found.born, ", superseded in ", found.superseded));
    return;
  }
  if (!frame || !extent_word(layout.extent_of(block.home), word)) return;
  if (owner_tag(word) != found.block >> format::kPlaceBits) {
    out.damage(FindingKind::kLivePlace, spot,
               say("the frame at ", at, " is marked for another run than that of the block at ",
                   block.home, ": it may be used again"));
  }
}

}  // namespace hmap::checking
