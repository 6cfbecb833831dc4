// Which domain owns which extents of the file. One u64 per extent, in blocks guarded by the space
// lock; storing it is the allocation. format-spec/format.md, "Space".
#ifndef HMAP_SRC_STATE_SPACE_H_
#define HMAP_SRC_STATE_SPACE_H_

#include "state/blocks.h"

namespace hmap {

class HeldSpace;

struct ExtentRequest {
  u64 domain =
      0;          // the shard the extents are for, whose lock the caller holds; or the space domain
  u64 count = 1;  // contiguous extents
  format::ExtentKind kind = format::ExtentKind::kSpan;
  u64 payload = 0;            // of the extent word (kLargePending: ignored, computed)
  bool in_zone = false;       // of a zone, in huge pages, if there are zones
  bool zero = false;          // must read as zero
  bool reserve_only = false;  // no blocks yet: prepare_extents() does that in steps
  u64* note = nullptr;        // where to note first + 1 | count << 32; null: Domain::pending
  Purpose purpose = Purpose::kOrdinary;
};

// Takes `count` contiguous extents and notes them, so that a death before their adoption leaks
// nothing: the intent that adopts them must set the note to 0. Returns the index of the first.
// The caller must not hold the space lock, nor have a Change of its domain under construction.
// Errors: kNoSpace (nothing changed), kBusy, kCorrupt, kIoError.
Result<u64> take_extents(Engine& engine, const ExtentRequest& request);

// Makes the zone that spans come from one zone longer, if little is left of it and nothing lies
// behind it; a write that takes of such a zone sets Engine::wants_ahead. Returns where the new part
// begins; kForever: not needed, or not possible. For a thread of its own, because a file system may
// take its time. The caller holds no lock. Errors: kNoSpace, kBusy, kCorrupt, kIoError; none of
// them concerns a write.
Result<u64> extend_zone(Engine& engine);

// Gives `bytes` of blocks to, and makes zero, the part of a reserved run that begins at `offset`.
Status prepare_extents(Engine& engine, u64 offset, u64 bytes);

// Frees those of the extents [first, first + count) whose word `owned` accepts: what is not (or no
// longer) the caller's stays. They can be taken again after the next checkpoint. Errors: kBusy,
// kCorrupt, kIoError; then none is freed.
using OwnsWord = bool (*)(u64 word, u64 position, const void* context);
Status free_extents(Engine& engine, u64 first, u64 count, OwnsWord owned, const void* context);
// Whether an extent in use is the shard's whose number `shard` points to. An OwnsWord.
bool is_of_shard(u64 word, u64 position, const void* shard);
// The same in two steps, for whoever holds the space lock: what can fail, and what cannot any more.
Status prepare_freeing(Engine& engine, u64 first, u64 count);
Status free_words(Engine& engine, u64 first, u64 count, OwnsWord owned, const void* context);
// Both, one after the other.
inline Status free_extents_locked(Engine& engine, u64 first, u64 count, OwnsWord owned,
                                  const void* context) {
  if (Status s = prepare_freeing(engine, first, count); !s.ok()) return s;
  return free_words(engine, first, count, owned, context);
}

// Ends the note of a published large record: its first word becomes kLarge. Idempotent. The caller
// holds the lock of the record's shard, so that no cut sees a reachable record that is pending.
Status adopt_large(Engine& engine, u64& note);
// The same for every published note that is left: somebody died in between.
Status adopt_published(Engine& engine);
bool has_published_notes(const Engine& engine);

// Where the file has to end: what lies behind has no address here, or none in the format.
u64 addressable_end(const Engine& engine);
// The block that holds an extent's word.
Result<Block> word_block(const Engine& engine, u64 extent);

// The word of an extent where it can be changed, and those of the same block behind it. The caller
// holds the space lock. Errors: kCorrupt, kNoSpace, kIoError.
Result<u64*> writable_words(Engine& engine, u64 extent);

// The live word of an extent, without the lock: exact for extents the caller owns.
Result<u64> extent_word(const Engine& engine, u64 extent);

// The segment of the extent table that has the word of an extent.
u64 segment_of(const Engine& engine, u64 extent);
// The run of extent table segment `segment`; offset 0 if there is none.
Run extent_table_run(const Engine& engine, u64 segment);
// How many words the segments have that there are.
u64 table_capacity(const Engine& engine);
// Goes on with the segment that somebody was adding to the extent table when he died, or failed. It
// cannot be given up for another try: there is room for one in the table, and none after it. The
// caller holds the space lock. Errors: kCorrupt (nothing changed), kNoSpace, kIoError.
Status finish_segment(Engine& engine);

// Frees what a dead owner of the shard had taken and not adopted, and what it was freeing; part of
// recover_domain().
Status free_pending(Engine& engine, u64 shard);
// Frees the extents that Domain::freeing of a shard names, then clears it.
Status finish_freeing(Engine& engine, u64 shard);
// Frees the row of a large record that never became reachable, as far as its words still say so.
// The first extent last: while that is pending nobody else's row begins there.
Status free_pending_large(Engine& engine, u64 first, u64 count);
// The same for the row that a note names; with its first extent goes the note. Does nothing if it
// is published.
Status drop_large_record(Engine& engine, u64& note);

// Takes over the lock of a domain whose owner died, which finishes what he had published, and lets
// it go; does nothing otherwise.
Status finish_for_the_dead(Engine& engine, u64 domain);

// Frees the unpublished large records noted in the slot of a dead process. Domains whose lock that
// process held are recovered first, because their intents may set a note, or publish it. Does
// nothing to a slot that is of another generation by then: of somebody who lives.
Status sweep_notes(Engine& engine, u64 slot, u64 generation);

// Whether an extent with this word may be written to: free in every state that a power cut could
// leave, that a snapshot sees or that a view holds. `oldest` of the needed cuts. Nobody can read
// what was never used, whatever the counts of views say.
bool is_usable(u64 word, u64 extent, u64 oldest, const HeldSpace& held);

// Parts of an extent word.
constexpr format::ExtentKind extent_kind(u64 word) {
  return static_cast<format::ExtentKind>(word & 0xff);
}
constexpr u64 extent_shard(u64 word) { return word >> 8 & 0xff; }
constexpr u64 extent_payload(u64 word) { return word >> 16; }
constexpr u64 make_extent_word(format::ExtentKind kind, u64 shard, u64 payload) {
  return static_cast<u64>(kind) | (shard & 0xff) << 8 | payload << 16;
}

// The part of an extent word that tells a run from every other that may use its place: what a frame
// remembers of the block it holds.
constexpr u64 owner_tag(u64 word) { return extent_payload(word) & 0xffff; }

// Notes and dead runs: first + 1 (32 bits) | count (32).
constexpr u64 make_note(u64 first, u64 count) { return (first + 1) | count << 32; }
constexpr u64 note_first(u64 note) { return (note & 0xffff'ffff) - 1; }
constexpr u64 note_count(u64 note) { return note >> 32 & 0x7fff'ffff; }
// Set in the note of a large record by the intent that makes the record reachable.
inline constexpr u64 kNotePublished = u64{1} << 63;

}  // namespace hmap

#endif  // HMAP_SRC_STATE_SPACE_H_
