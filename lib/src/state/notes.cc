// What keeps a death from leaking extents: pending rows, rows being freed, and the notes of large
// records.
#include "state/intent.h"
#include "state/space.h"

namespace hmap {

using format::ExtentKind;

namespace {

// Frees what is left of the row of a large record that never became reachable, and ends the note
// that names it, if one does. The caller holds the space lock.
//
// The first extent stays to the end, and the note as long as it: who dies on the way leaves a note,
// and the cut of a checkpoint may come before the next sweep, so that others take what is free by
// then. None of their rows begins with this one's first extent, so their words for the same extents
// are others than this one's.
Status free_large_row(Engine& engine, u64 first, u64 count, u64* note) {
  const OwnsWord owned = [](u64 word, u64 position, const void*) {
    return extent_kind(word) == ExtentKind::kLargeRest && extent_payload(word) == position + 1;
  };
  const u64 rest = count == 0 ? 0 : count - 1;
  if (Status s = free_extents_locked(engine, first + 1, rest, owned, nullptr); !s.ok()) return s;
  const Result<u64*> words = writable_words(engine, first);
  if (!words) return words.error();
  u64& word = **words;
  Change change(engine, engine.layout.space_domain());
  if (extent_kind(word) == ExtentKind::kLargePending && extent_payload(word) == count)
    change.set(word, make_extent_word(ExtentKind::kFree, 0, engine.epoch()));
  if (note != nullptr) change.set(*note, 0);
  // Crash: before, a row with its first extent and its note; after, neither.
  if (!change.empty()) change.publish();
  return {};
}

// The caller holds the space lock. Others may have swept it while he waited for that.
Status drop_noted_row(Engine& engine, u64& note) {
  const u64 value = seam::load(note);
  if (value == 0 || (value & kNotePublished) != 0) return {};
  return free_large_row(engine, note_first(value), note_count(value), &note);
}

}  // namespace

Status adopt_large(Engine& engine, u64& note) {
  const Result<DomainLock> lock = DomainLock::take(engine, engine.layout.space_domain());
  if (!lock) return lock.error();
  const u64 value = seam::load(note);
  if ((value & kNotePublished) == 0) return {};
  const u64 at = engine.map->offset_of(&note);
  const u64 extent = note_first(value);
  if (extent >= engine.runtime->extents_end) return Engine::corrupt("note outside the file", at);
  const Result<u64*> words = writable_words(engine, extent);
  if (!words) return words.error();
  u64& word = **words;
  // kLarge already: who recovered the shard had adopted it, and died before the shard's intent was
  // done; the next one published the note once more.
  const bool is_its_word =
      extent_kind(word) == ExtentKind::kLargePending || extent_kind(word) == ExtentKind::kLarge;
  if (!is_its_word || extent_payload(word) != note_count(value))
    return Engine::corrupt("note of a large record that its extents do not know", at);
  Change change(engine, engine.layout.space_domain());
  change.set(word, make_extent_word(ExtentKind::kLarge, extent_shard(word), extent_payload(word)));
  change.set(note, 0);
  change.publish();
  return {};
}

bool has_published_notes(const Engine& engine) {
  for (u64 slot = 1; slot <= engine.layout.slots; ++slot) {
    for (const u64& note : engine.slot(slot).notes) {
      if ((seam::load(note) & kNotePublished) != 0) return true;
    }
  }
  return false;
}

Status adopt_published(Engine& engine) {
  for (u64 slot = 1; slot <= engine.layout.slots; ++slot) {
    for (u64& note : engine.slot(slot).notes) {
      if ((seam::load(note) & kNotePublished) == 0) continue;
      if (Status s = adopt_large(engine, note); !s.ok()) return s;
    }
  }
  return {};
}

Status finish_freeing(Engine& engine, u64 shard) {
  u64& freeing = engine.domain(shard).freeing;
  const u64 note = seam::load(freeing);
  if (note == 0) return {};
  // Until `freeing` is cleared the shard takes no extents, so what bears its number is meant.
  if (Status s = free_extents(engine, note_first(note), note_count(note), is_of_shard, &shard);
      !s.ok())
    return s;
  seam::store(freeing, 0);
  return {};
}

Status free_pending(Engine& engine, u64 shard) {
  if (Status s = finish_freeing(engine, shard); !s.ok()) return s;
  u64& pending = engine.domain(shard).pending;
  const u64 note = seam::load(pending);
  if (note == 0) return {};
  struct Context {
    const Engine* engine;
    u64 shard;
  };
  const Context context{&engine, shard};
  const OwnsWord owned = [](u64 word, u64, const void* opaque) {
    const auto& [of, owner] = *static_cast<const Context*>(opaque);
    const ExtentKind kind = extent_kind(word);
    if (kind == ExtentKind::kFree || kind == ExtentKind::kExtentTable ||
        extent_shard(word) != owner)
      return false;
    if (kind == ExtentKind::kLarge || kind == ExtentKind::kLargeRest ||
        kind == ExtentKind::kLargePending) {
      return false;  // those are noted in slots; this one was taken from a row only half marked
    }
    // The only runs that take more than one intent to mark: their id has never been adopted.
    const bool array = kind == ExtentKind::kBuckets || kind == ExtentKind::kDirectory;
    return !array || extent_payload(word) == ((of->header(owner).array_seq + 1) & 0xffff'ffff'ffff);
  };
  const Status status = free_extents(engine, note_first(note), note_count(note), owned, &context);
  if (status.ok()) seam::store(pending, 0);
  return status;
}

Status free_pending_large(Engine& engine, u64 first, u64 count) {
  const Result<DomainLock> lock = DomainLock::take(engine, engine.layout.space_domain());
  if (!lock) return lock.error();
  return free_large_row(engine, first, count, nullptr);
}

Status drop_large_record(Engine& engine, u64& note) {
  if (seam::load(note) == 0) return {};
  const Result<DomainLock> lock = DomainLock::take(engine, engine.layout.space_domain());
  return lock ? drop_noted_row(engine, note) : lock.error();
}

Status finish_for_the_dead(Engine& engine, u64 domain) {
  const u32 word = seam::load(engine.domain(domain).lock.word);
  if (word == 0 || engine.locker->owner_alive(word)) return {};
  return DomainLock::take(engine, domain).error();
}

Status sweep_notes(Engine& engine, u64 slot, u64 generation) {
  // First, because what is published there may be just about to set a note.
  if (Status s = finish_for_the_dead(engine, engine.layout.space_domain()); !s.ok()) return s;
  for (u64& note : engine.slot(slot).notes) {
    if (seam::load(note) == 0) continue;
    for (u64 shard = 0; shard < engine.layout.shards; ++shard) {
      if (Status s = finish_for_the_dead(engine, shard); !s.ok()) return s;
    }
    const u64 value = seam::load(note);
    if (value == 0) continue;
    if ((value & kNotePublished) != 0) {
      if (Status s = adopt_large(engine, note); !s.ok()) return s;
      continue;
    }
    const Result<DomainLock> lock = DomainLock::take(engine, engine.layout.space_domain());
    if (!lock) return lock.error();
    // Notes are set under this lock: none here is a new owner's yet.
    if (seam::load(engine.slot(slot).generation) != generation) return {};
    if (Status s = drop_noted_row(engine, note); !s.ok()) return s;
  }
  return {};
}

}  // namespace hmap
