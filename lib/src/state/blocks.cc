// Versions of blocks: finding them, and the copy at the first touch in an epoch.
#include "state/blocks.h"

#include <algorithm>

#include "state/dead.h"
#include "state/intent.h"
#include "state/space.h"
#include "state/tables.h"

namespace hmap {
namespace {

using format::PlaceState;

// A chain of versions has one per needed cut, the live one, and those between that became needless
// since the block was last copied; more is damage.
constexpr int kVersionsMax = 64;

bool is_seen(const PlaceState& place, u64 cut) {
  return seam::load(place.born) <= cut && cut < seam::load(place.superseded);
}

// Whether a version that is not live must stay: a cut needs it, or it leads to one that a cut needs
// (unlink_needless() takes it out of the chain).
bool is_needed(const PlaceState& place, const Engine::Needed& cuts) {
  return seam::load(place.born) != 0 && seam::load(place.superseded) > cuts.oldest;
}

PlaceState* frame_state(const Engine& engine, u64 place) {
  const Layout& layout = engine.layout;
  if (place < layout.heap_offset) return nullptr;
  const u64 extent = layout.extent_offset(layout.extent_of(place));
  const u64 index = (place - extent) / layout.block_bytes;
  if (index == 0 || (place - extent) % layout.block_bytes != 0) return nullptr;
  return engine.map->at(
      Offset<PlaceState>{extent + sizeof(format::FrameHeader) + (index - 1) * sizeof(PlaceState)});
}

// The home of the block that a place holds is in the low 48 bits of PlaceState::block, the tag of
// its run's extents above.
constexpr u64 kHomeBits = format::kPlaceBits;

// Whether somebody still needs the frame. The run of its block may be gone: then the word of the
// home's extent says so, and since when.
Result<bool> frame_is_needed(const Engine& engine, u64 d, const PlaceState& state,
                             const Engine::Needed& cuts) {
  if (state.born == 0 || state.superseded != format::kForever) return is_needed(state, cuts);
  const u64 home = state.block & ((u64{1} << kHomeBits) - 1);
  if (home < engine.layout.heap_offset)
    return Engine::corrupt("frame of a block below the extents", home);
  const Result<u64> word = extent_word(engine, engine.layout.extent_of(home));
  if (!word) return word.error();
  const format::ExtentKind kind = extent_kind(*word);
  if (kind == format::ExtentKind::kFree) return extent_payload(*word) > cuts.oldest;
  const bool run = kind == format::ExtentKind::kBuckets || kind == format::ExtentKind::kDirectory;
  return run && extent_shard(*word) == d && owner_tag(*word) == state.block >> kHomeBits;
}

// The next frame of the domain that holds nothing anybody needs, one in huge pages only if `wide`;
// 0 if there is none.
Result<u64> find_free_frame(Engine& engine, u64 d, const Engine::Needed& cuts, bool wide) {
  constexpr u64 kRoundBits = 0xffff'ffff;
  const Layout& layout = engine.layout;
  format::Domain& domain = engine.domain(d);
  if (domain.frame_head == 0) return u64{0};
  // After a round in vain nothing becomes free before the next checkpoint is complete, but in an
  // extent added since, which is where frame_next points.
  const u64 round = (seam::load(engine.runtime->durable) + 1) & kRoundBits;
  const u64 shift = wide ? 32 : 0;
  const bool only_newest = (domain.frame_full >> shift & kRoundBits) == round;
  u64 extent = domain.frame_next != 0 ? domain.frame_next : domain.frame_head;
  const u64 first = extent;
  // Bound: an extent can be in the list once; a damaged list ends after as many as the file has.
  const u64 extents = engine.map->file_bytes() >> layout.extent_shift;
  for (u64 hops = 0; hops <= extents; ++hops) {
    const u64 at = layout.extent_offset(extent - 1);
    const auto* header = engine.map->at(Offset<format::FrameHeader>{at});
    if (header == nullptr || engine.map->bytes(at, layout.extent_bytes) == nullptr) {
      return Engine::corrupt("extent of frames outside the file", at);
    }
    const auto* states = reinterpret_cast<const PlaceState*>(header + 1);
    const u64 frames = wide || header->wide == 0 ? layout.frames_per_extent : 0;
    for (u64 i = 0; i < frames; ++i) {
      const Result<bool> needed = frame_is_needed(engine, d, states[i], cuts);
      if (!needed) return needed.error();
      if (*needed) continue;
      seam::store(domain.frame_next, extent);
      return at + (i + 1) * layout.block_bytes;
    }
    extent = header->next != 0 ? header->next : domain.frame_head;
    if (extent == first || only_newest) break;
  }
  seam::store(domain.frame_full, (domain.frame_full & ~(kRoundBits << shift)) | round << shift);
  return u64{0};
}

// Takes an extent, of a zone if `wide`, and links it into the domain's list of frames.
Result<u64> add_frames(Engine& engine, u64 d, bool wide, Purpose purpose) {
  const Layout& layout = engine.layout;
  ExtentRequest request;
  request.domain = d;
  request.count = 1;
  request.kind = format::ExtentKind::kFrames;
  request.in_zone = wide;
  request.purpose = purpose;
  const Result<u64> extent = take_extents(engine, request);
  if (!extent) return extent.error();
  const u64 at = layout.extent_offset(*extent);
  format::Domain& domain = engine.domain(d);
  // Crash: `pending` names the extent, the next owner of this lock frees it.
  seam::zero(engine.map->base() + at, layout.block_bytes);
  auto& header = engine.part(Offset<format::FrameHeader>{at});
  seam::store(header.domain, d);
  seam::store(header.next, domain.frame_head);
  seam::store(header.wide, u64{wide});
  Change change(engine, d);
  change.set(domain.frame_head, *extent + 1);
  change.set(domain.pending, 0);
  change.publish();
  seam::store(domain.frame_next, *extent + 1);
  return at + layout.block_bytes;
}

// Of the blocks of a large run: whether so many change from cut to cut that each huge page is
// written back anyway. Then they may come home, and their frames lie in huge pages as their homes
// do, so that reads need few page table entries. While few change, they go from frame to frame in
// small pages, because a store to a huge one has 2 MiB written back.
bool many_change(const Engine& engine, u64 d, const Block& block) {
  constexpr u64 kPart = 8;
  const format::Domain& domain = engine.domain(d);
  return domain.copies + domain.copies_before >= block.run.blocks / kPart;
}

// A place for the next version of the block, other than the live one.
Result<u64> choose_place(Engine& engine, u64 domain, const Block& block, Purpose purpose) {
  Engine::Needed cuts = engine.needed_cuts();
  if (block.run.copies > 1) cuts.oldest = cuts.durable;  // snapshots do not see the extent table
  const u64 live = live_place(block);
  const bool wide_run =
      block.run.copies == 1 && engine.layout.is_wide(block.run.blocks * engine.layout.block_bytes);
  const bool wide = wide_run && many_change(engine, domain, block);
  const bool home_is_free = block.home != live && !is_needed(block.state->home, cuts);
  if (home_is_free && (wide || !wide_run || purpose == Purpose::kHome)) return block.home;
  if (purpose == Purpose::kHome)
    return Status(Code::kNoSpace, "a cut needs what lies at the block's home");
  for (u64 k = 1; k < block.run.copies; ++k) {
    const u64 spare = block.home + k * block.run.blocks * engine.layout.block_bytes;
    if (spare == live) continue;
    const Result<PlaceState*> state = place_state(engine, block, spare);
    if (!state) return state.error();
    if (!is_needed(**state, cuts)) return spare;
  }
  if (block.run.copies > 1) {
    return Engine::corrupt("extent table: every copy of a block is needed", block.home);
  }
  Result<u64> frame = find_free_frame(engine, domain, cuts, wide);
  if (!frame || *frame != 0) return frame;
  frame = add_frames(engine, domain, wide, purpose);
  if (frame || frame.error().code() != Code::kNoSpace) return frame;
  // On a full disk any place will do.
  if (home_is_free) return block.home;
  const Result<u64> any = find_free_frame(engine, domain, cuts, true);
  return !any || *any != 0 ? any : frame;
}

// Takes the versions that no cut needs any more out of the chain behind `newest`, whose places are
// free as soon as their `born` is 0: that of `unlinked`, if there is one, is left to the caller.
// There are none without snapshots: each version is seen by the cut that ended it.
Status unlink_needless(const Engine& engine, const Block& block, PlaceState& newest, Change& change,
                       PlaceState*& unlinked) {
  if (block.run.copies > 1) return {};
  const Engine::Needed cuts = engine.needed_cuts();
  PlaceState* newer = &newest;
  for (int i = 0; i < kVersionsMax && !newer->older.none() && newer->born > cuts.oldest; ++i) {
    const Result<PlaceState*> older = place_state(engine, block, newer->older.value);
    if (!older) return older.error();
    PlaceState& state = **older;
    const auto sees = [&](u64 cut) { return is_seen(state, cut); };
    if (std::any_of(cuts.all.begin(), cuts.all.begin() + static_cast<long>(cuts.count), sees)) {
      newer = &state;
      continue;
    }
    if (change.room() < 16) return {};
    change.set(newer->older, state.older);
    unlinked = &state;
    // Only one at a time behind the same version: its new link is not stored yet.
    return {};
  }
  return {};
}

// Publishes that the block's live version is now at `place` and was born in this epoch.
void publish_move(Engine& engine, u64 domain, const Block& block, u64 place, PlaceState& state,
                  u64 old_place, PlaceState* old_state, u64 tag) {
  const u64 epoch = engine.epoch();
  Change change(engine, domain);
  change.set(state.born, epoch);
  change.set(state.superseded, format::kForever);
  change.set(state.older, {old_place});
  change.set(state.block, block.home | tag << kHomeBits);
  PlaceState* unlinked = nullptr;
  if (old_state != nullptr) {
    change.set(old_state->superseded, epoch);
    // A chain that contradicts itself is for those who walk it to report.
    static_cast<void>(unlink_needless(engine, block, *old_state, change, unlinked).ok());
  }
  change.set(block.state->live_born, epoch);
  change.set(*block.place_word, format::make_place_word(place, epoch));
  // Order: a walk that came to it by the old link takes a `born` of 0 for a version that every cut
  // sees, and notices by the place word (place_at()), which has changed before.
  if (unlinked != nullptr) change.set(unlinked->born, 0);
  change.publish();
}

// Whether nobody needs any frame of the extent.
Result<bool> frames_are_needless(const Engine& engine, u64 d, const format::FrameHeader& header) {
  const Engine::Needed cuts = engine.needed_cuts();
  const auto* states = reinterpret_cast<const PlaceState*>(&header + 1);
  for (u64 i = 0; i < engine.layout.frames_per_extent; ++i) {
    const Result<bool> needed = frame_is_needed(engine, d, states[i], cuts);
    if (!needed || *needed) return !needed ? needed : Result<bool>(false);
  }
  return true;
}

// Takes an extent of frames out of the domain's list, `link` being the word that names it, and
// frees it.
Status unlink_frames(Engine& engine, u64 d, u64& link, const format::FrameHeader& header) {
  format::Domain& domain = engine.domain(d);
  const u64 extent = seam::load(link) - 1;
  Change change(engine, d);
  change.set(link, header.next);
  if (domain.frame_next == extent + 1) change.set(domain.frame_next, 0);
  return free_row(engine, d, change, extent, 1);
}

// The header of an extent of frames of the domain. kCorrupt if it is none.
Result<format::FrameHeader*> frame_header(const Engine& engine, u64 d, u64 extent) {
  const u64 at = engine.layout.extent_offset(extent);
  const Result<u64> word = extent_word(engine, extent);
  if (!word) return word.error();
  auto* header = engine.map->at(Offset<format::FrameHeader>{at});
  if (extent_kind(*word) != format::ExtentKind::kFrames || extent_shard(*word) != d ||
      header == nullptr || engine.map->bytes(at, engine.layout.extent_bytes) == nullptr)
    return Engine::corrupt("list of frames leads to an extent without", at);
  return header;
}

}  // namespace

Result<bool> release_frames(Engine& engine, u64 domain, u64& before, u64& released) {
  constexpr int kExtents = 64;
  u64* link = &engine.domain(domain).frame_head;
  if (before != 0) {
    // Others may have given it back meanwhile; one that is the domain's is in its list.
    const Result<format::FrameHeader*> header = frame_header(engine, domain, before - 1);
    if (header) link = &(*header)->next;
    if (!header) before = 0;
  }
  for (int i = 0; i < kExtents; ++i) {
    const u64 extent = seam::load(*link);
    if (extent == 0) return false;
    const Result<format::FrameHeader*> header = frame_header(engine, domain, extent - 1);
    if (!header) return header.error();
    const Result<bool> needless = frames_are_needless(engine, domain, **header);
    if (!needless) return needless.error();
    if (*needless) {
      if (Status s = unlink_frames(engine, domain, *link, **header); !s.ok()) return s;
      ++released;
    } else {
      before = extent;
      link = &(*header)->next;
    }
  }
  return true;
}

Result<u64> frame_tag(const Engine& engine, const Block& block) {
  if (block.home < engine.layout.heap_offset || block.run.copies > 1) return u64{0};
  const Result<u64> word = extent_word(engine, engine.layout.extent_of(block.home));
  if (!word) return word;
  return owner_tag(*word);
}

Result<PlaceState*> place_state(const Engine& engine, const Block& block, u64 place) {
  if (place == block.home) return &block.state->home;
  const u64 stride = block.run.blocks * engine.layout.block_bytes;
  PlaceState* state = nullptr;
  if (block.run.copies == 1) {
    state = frame_state(engine, place);
  } else if (place > block.home && (place - block.home) % stride == 0 &&
             (place - block.home) / stride < block.run.copies) {
    const u64 k = (place - block.home) / stride;
    state = engine.map->at(
        Offset<PlaceState>{engine.layout.spares_offset(block.run) +
                           ((k - 1) * block.run.blocks + block.index) * sizeof(PlaceState)});
  }
  if (state == nullptr) return Engine::corrupt("block at an impossible place", place);
  return state;
}

Result<u64> place_at(const Engine& engine, const Block& block, u64 cut) {
  // Versions are taken out of the chain and their places used anew only after the place word has
  // changed, so a walk between two equal ones has seen one chain.
  for (int attempt = 0; attempt < kVersionsMax; ++attempt) {
    const u64 word = seam::load(*block.place_word);
    u64 place = format::place_in_word(word);
    Status damage;
    for (int i = 0; i < kVersionsMax && place != 0 && damage.ok(); ++i) {
      const Result<PlaceState*> state = place_state(engine, block, place);
      if (!state) {
        damage = state.error();
      } else if (seam::load((*state)->born) <= cut) {
        break;
      } else {
        place = seam::load((*state)->older).value;
        if (i + 1 == kVersionsMax)
          damage = Engine::corrupt("block with too many versions", block.home);
      }
    }
    if (seam::load(*block.place_word) != word) continue;
    return damage.ok() ? Result<u64>(place) : Result<u64>(damage);
  }
  return Engine::corrupt("a block never came to rest", block.home);
}

Result<std::byte*> first_touch(Engine& engine, u64 domain, const Block& block, Purpose purpose) {
  const u64 live = format::place_in_word(*block.place_word);
  // The cut of a snapshot does not concern the extent table.
  if (block.run.copies > 1 && live != 0 && block.state->live_born > engine.cut().cut)
    return live_bytes(engine, block);
  if (live == 0) {
    // Never written since its run was made: zero at home, and no cut knows it.
    std::byte* home = engine.map->bytes(block.home, engine.layout.block_bytes);
    if (home == nullptr) return Engine::corrupt("block outside the file", block.home);
    publish_move(engine, domain, block, block.home, block.state->home, 0, nullptr, 0);
    return home;
  }
  const Result<PlaceState*> old_state = place_state(engine, block, live);
  if (!old_state) return old_state.error();
  const Result<std::byte*> from = live_bytes(engine, block);
  if (!from) return from.error();
  if (Status s = check_durable(engine, block.run, block.index, block.state->live_born, live);
      !s.ok())
    return s;
  const Result<u64> place = choose_place(engine, domain, block, purpose);
  if (!place) return place.error();
  const Result<PlaceState*> state = place_state(engine, block, *place);
  if (!state) return state.error();
  std::byte* to = engine.map->bytes(*place, engine.layout.block_bytes);
  // Damage may have one place begin within the other.
  if (to == nullptr || overlap(*place, engine.map->offset_of(*from), engine.layout.block_bytes))
    return Engine::corrupt("block place outside the file or over another", *place);
  if (Status s = engine.map->prepare_overwrite(*place, engine.layout.block_bytes); !s.ok())
    return s;
  // A reader that found the block here long ago may still be looking at these bytes. Order: the
  // place word changed when the block left, before any of them does, and the reader checks that
  // word last. Crash: the place is needed by nobody, what is in it does not matter.
  seam::write_barrier();
  seam::copy_in(to, *from, engine.layout.block_bytes);
  const Result<u64> tag = frame_tag(engine, block);
  if (!tag) return tag.error();
  publish_move(engine, domain, block, *place, **state, live, *old_state, *tag);
  engine.add_dirty(domain, engine.layout.block_bytes);
  format::Domain& owner = engine.domain(domain);
  seam::store(owner.copies, owner.copies + 1);
  return to;
}

}  // namespace hmap
