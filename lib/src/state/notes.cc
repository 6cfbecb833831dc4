// What keeps a death from leaking extents: pending rows, rows being freed, and the notes of large
// records.
#include "state/intent.h"
#include "state/space.h"

namespace hmap {

using format::ExtentKind;

Status adopt_large(Engine& engine, u64& note) {
  const Result<DomainLock> lock = DomainLock::take(engine, engine.layout.space_domain());
  if (!lock) return lock.error();
  const u64 value = seam::load(note);
  if ((value & kNotePublished) == 0) return {};
  const u64 extent = note_first(value);
  if (extent >= engine.runtime->extents_end) return Engine::corrupt("note outside the file", 0);
  const Result<Block> block = word_block(engine, extent);
  if (!block) return block.error();
  const u64 space = engine.layout.space_domain();
  const Result<std::byte*> bytes = writable(engine, space, *block, Purpose::kRelease);
  if (!bytes) return bytes.error();
  u64& word = reinterpret_cast<u64*>(*bytes)[engine.layout.word_in_block(extent)];
  Change change(engine, space);
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
  const OwnsWord owned = [](u64 word, u64, const void* number) {
    return extent_kind(word) != ExtentKind::kFree &&
           extent_shard(word) == *static_cast<const u64*>(number);
  };
  if (Status s = free_extents(engine, note_first(note), note_count(note), owned, &shard); !s.ok())
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
  const OwnsWord owned = [](u64 word, u64 position, const void* length) {
    const ExtentKind kind = position == 0 ? ExtentKind::kLargePending : ExtentKind::kLargeRest;
    const u64 payload = position == 0 ? *static_cast<const u64*>(length) : position;
    return extent_kind(word) == kind && extent_payload(word) == payload;
  };
  return free_extents(engine, first, count, owned, &count);
}

Status drop_large_record(Engine& engine, u64& note) {
  const u64 value = seam::load(note);
  if (value == 0 || (value & kNotePublished) != 0) return {};
  if (Status s = free_pending_large(engine, note_first(value), note_count(value)); !s.ok())
    return s;
  // Crash: the note is swept again, and finds nothing that is still its own.
  seam::store(note, 0);
  return {};
}

Status finish_for_the_dead(Engine& engine, u64 domain) {
  const u32 word = seam::load(engine.domain(domain).lock.word);
  if (word == 0 || engine.locker->owner_alive(word)) return {};
  return DomainLock::take(engine, domain).error();
}

Status sweep_notes(Engine& engine, u64 slot) {
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
    if (Status s = drop_large_record(engine, note); !s.ok()) return s;
  }
  return {};
}

}  // namespace hmap
