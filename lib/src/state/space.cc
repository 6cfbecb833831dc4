// Taking and freeing extents.
#include "state/space.h"

#include <algorithm>

#include "state/free_rows.h"
#include "state/intent.h"
#include "state/pins.h"

namespace hmap {
namespace {

using format::ExtentKind;

// The file grows by a sixteenth of its size, in steps within these bounds.
constexpr u64 kGrowthBytesMax = u64{1} << 20;
constexpr u64 kReserveExtents = 8;
// Zones are used from this many zones' worth of extents on.
constexpr u64 kZonesFrom = 4;
// One in so many zones of a store is kept ahead of need, at most kZonesAhead.
constexpr u64 kZonesAheadOf = 32;
constexpr u64 kZonesAhead = 4;
// What extend_zone() waits for a stopped owner of the space lock.
constexpr std::chrono::milliseconds kExtendPatience{50};

constexpr const char* kLargest = "the store is as large as the format allows";

// Makes sure that the file has blocks for the extents up to `end` and, for ordinary purposes, a
// reserve behind them.
Status extend_file(Engine& engine, u64 end, Purpose purpose) {
  const Layout& layout = engine.layout;
  const u64 reserve = purpose == Purpose::kOrdinary ? kReserveExtents : 0;
  const u64 have = engine.runtime->file_extents;
  if (have >= end + reserve) return {};
  const u64 limit = engine.size_limit != 0 ? std::min(engine.size_limit, addressable_end(engine))
                                           : addressable_end(engine);
  if (layout.extent_offset(end + reserve) > limit) {
    if (layout.extent_offset(end) <= limit && have >= end && reserve == 0) return {};
    return Status(Code::kNoSpace, "the size limit of the store is reached");
  }
  const u64 step = std::min(kGrowthBytesMax, layout.extent_offset(have) / 16) / layout.extent_bytes;
  u64 want = std::max(end + reserve, have + step);
  if (layout.extent_offset(want) > limit) want = end + reserve;
  // What lies below extents_end has its blocks, or is reserved and gets them in steps.
  const u64 from = layout.extent_offset(std::max(have, engine.runtime->extents_end));
  const auto grow = [&](u64 to) {
    return engine.map->allocate(from, layout.extent_offset(to) - from);
  };
  Status status = grow(want);
  if (!status.ok() && want > end + reserve) status = grow(want = end + reserve);
  if (!status.ok()) return status;
  // Crash: the file is longer than this says; allocating again changes nothing.
  seam::store(engine.runtime->file_extents, want);
  return {};
}

u64 word_for(const ExtentRequest& request, u64 position) {
  if (request.kind != ExtentKind::kLargePending) {
    return make_extent_word(request.kind, request.domain, request.payload);
  }
  return position == 0 ? make_extent_word(request.kind, request.domain, request.count)
                       : make_extent_word(ExtentKind::kLargeRest, request.domain, position);
}

Status make_words_writable(Engine& engine, u64 first, u64 count) {
  for (u64 done = 0; done < count; done += words_left_in_block(engine, first + done)) {
    if (const Result<u64*> words = writable_words(engine, first + done); !words)
      return words.error();
  }
  return {};
}

// Marks the extents in as many intents as it takes; the first one also sets the note and the ends.
// With an error none is marked: a note is left behind by a death only.
Status mark_taken(Engine& engine, const ExtentRequest& request, u64 first) {
  const u64 space = engine.layout.space_domain();
  u64& note = request.note != nullptr ? *request.note : engine.domain(request.domain).pending;
  format::RuntimeHeader& runtime = *engine.runtime;
  if (Status s = make_words_writable(engine, first, request.count); !s.ok()) return s;
  for (u64 done = 0; done < request.count;) {
    const u64 extent = first + done;
    const Result<u64*> words = writable_words(engine, extent);
    if (!words) return words.error();
    Change change(engine, space);
    if (done == 0) {
      change.set(note, make_note(first, request.count));
      if (runtime.extents_end < first + request.count) {
        change.set(runtime.extents_end, first + request.count);
      }
      if (runtime.clean_from < first + request.count) {
        change.set(runtime.clean_from, first + request.count);
      }
    }
    const u64 now =
        std::min({request.count - done, words_left_in_block(engine, extent), change.room()});
    for (u64 i = 0; i < now; ++i) change.set((*words)[i], word_for(request, done + i));
    // Crash: the note says what was taken; whoever recovers its owner frees it again.
    change.publish();
    done += now;
  }
  return {};
}

// What the run of a segment of the extent table asks for.
ExtentRequest segment_request(const Engine& engine, u64 segment) {
  ExtentRequest request;
  request.domain = engine.layout.space_domain();
  request.count = engine.layout.run_extents(engine.layout.extent_table_shape(segment));
  request.kind = ExtentKind::kExtentTable;
  request.payload = segment;
  request.zero = true;
  request.purpose = Purpose::kRelease;
  return request;
}

// Makes the extents from `first` on, zero and with blocks, the run of the next segment.
Status add_segment(Engine& engine, const ExtentRequest& request, u64 first) {
  // Crash: finish_segment() goes on.
  if (Status s = mark_taken(engine, request, first); !s.ok()) return s;
  Change change(engine, request.domain);
  change.set(engine.runtime->extent_table[request.payload],
             RunOffset{engine.layout.extent_offset(first)});
  change.set(engine.domain(request.domain).pending, 0);
  change.publish();
  return {};
}

// Adds the next segment of the extent table when the last one is nearly used up.
Status ensure_table(Engine& engine, u64 count) {
  // Of one that failed in between.
  if (Status s = finish_segment(engine); !s.ok()) return s;
  for (;;) {
    const u64 end = engine.runtime->extents_end + count;
    const u64 capacity = table_capacity(engine);
    const u64 segment = segment_of(engine, capacity);
    if (segment >= format::kExtentSegments) return Status(Code::kNoSpace, kLargest);
    const ExtentRequest request = segment_request(engine, segment);
    if (end + request.count + 1 <= capacity) return {};
    const u64 first = engine.runtime->extents_end;
    if (first + request.count > capacity)
      return Engine::corrupt("extent table without room for its successor", 0);
    if (Status s = extend_file(engine, first + request.count, request.purpose); !s.ok()) return s;
    const u64 at = engine.layout.extent_offset(first);
    if (Status s = engine.map->make_zero(at, request.count * engine.layout.extent_bytes); !s.ok())
      return s;
    if (Status s = add_segment(engine, request, first); !s.ok()) return s;
  }
}

// How many extents the zone in use should have left, so that none is waited for; 0 in a small
// store.
u64 extents_ahead(const Engine& engine) {
  const u64 size = engine.layout.zone_extents();
  if (size == 0) return 0;
  return std::min(seam::load(engine.runtime->extents_end) / size / kZonesAheadOf, kZonesAhead) *
         size;
}

// Whether the zone in use should be, and can be, made longer at its end. With or without the lock.
bool zone_runs_short(const Engine& engine) {
  const format::Domain& space = engine.domain(engine.layout.space_domain());
  const u64 end = seam::load(space.zone[1]);
  const u64 next = seam::load(space.zone[0]);
  return next <= end && end - next < extents_ahead(engine) &&
         end == seam::load(engine.runtime->extents_end);
}

// The first extent from `extent` on that a zone, of `size` extents, can begin with.
u64 next_zone(const Layout& layout, u64 extent, u64 size) {
  const u64 unaligned = layout.heap_offset / layout.extent_bytes + extent;
  return extent + (size - unaligned % size) % size;
}

// Spans are taken from zones of 2 MiB that hold little else: records are written densely, so huge
// pages cost them nothing, and a get finds them with one page table entry instead of 512. Blocks
// that are changed here and there would be written back 2 MiB at a time.
Result<u64> take_from_zone(Engine& engine, u64 count, Purpose purpose) {
  const Layout& layout = engine.layout;
  const u64 size = layout.zone_extents();
  // A small store has no zones: each would be a good part of it.
  if (size < count || engine.runtime->extents_end < kZonesFrom * size) return format::kForever;
  format::Domain& space = engine.domain(layout.space_domain());
  u64 next = 0;
  if (space.zone[0] + count <= space.zone[1] && space.zone[1] <= engine.runtime->extents_end) {
    const u64 first = space.zone[0];
    const Result<u64> found = find_row(engine, first, first + count, count, next);
    if (!found || *found == first) {
      seam::store(space.zone[0], first + count);
      if (zone_runs_short(engine)) engine.wants_ahead.store(true, std::memory_order_relaxed);
      return found;
    }
  }
  const Result<u64> freed = find_freed(engine, count, false);
  if (!freed || *freed != format::kForever) return freed;
  const u64 old_end = engine.runtime->extents_end;
  const u64 begin = next_zone(layout, old_end, size);
  if (Status s = ensure_table(engine, begin + size - old_end); !s.ok()) return s;
  if (engine.runtime->extents_end != old_end || !extend_file(engine, begin + size, purpose).ok()) {
    return format::kForever;  // the table took the place, or the disk is nearly full: as everybody
                              // else
  }
  engine.map->advise_huge(layout.extent_offset(begin), Layout::kZoneBytes);
  // Crash: between these stores the zone is free extents like others.
  seam::store(engine.runtime->extents_end, begin + size);
  seam::store(space.zone[0], begin + count);
  seam::store(space.zone[1], begin + size);
  seam::store(space.hint[1], 0);  // the extents before the zone can be found
  return begin;
}

Status out_of_addresses(const Engine& engine) {
  const bool of_window = addressable_end(engine) == engine.map->window_bytes();
  return {Code::kNoSpace, of_window ? "the window of address space is used up" : kLargest};
}

// Behind all extents in use; runs of buckets of 2 MiB and more from the next zone on. Falls back to
// any freed extents when the file cannot grow.
Result<u64> take_at_end(Engine& engine, const ExtentRequest& request) {
  const Layout& layout = engine.layout;
  const bool wide =
      request.kind == ExtentKind::kBuckets && layout.is_wide(request.count * layout.extent_bytes);
  const u64 gap = wide ? layout.zone_extents() : 0;
  const auto freed_or = [&](const Status& status) -> Result<u64> {
    const Result<u64> freed = find_freed(engine, request.count, true);
    return freed && *freed == format::kForever ? Result<u64>(status) : freed;
  };
  // Before the table grows for it.
  if (layout.extent_offset(engine.runtime->extents_end + request.count) > addressable_end(engine))
    return freed_or(out_of_addresses(engine));
  if (Status s = ensure_table(engine, request.count + gap); !s.ok()) return s;
  const u64 end = engine.runtime->extents_end;
  const u64 first = gap != 0 ? next_zone(layout, end, gap) : end;
  if (layout.extent_offset(first + request.count) > addressable_end(engine))
    return freed_or(out_of_addresses(engine));
  // A reserved run has no blocks yet, but the file must reach as far as the extents in use.
  const Status status = request.reserve_only
                            ? engine.map->allocate(layout.extent_offset(first + request.count - 1),
                                                   layout.extent_bytes)
                            : extend_file(engine, first + request.count, request.purpose);
  if (!status.ok()) return freed_or(status);
  // What is left before a zone is free extents like others, to be found by the next search.
  if (first != end) seam::store(engine.domain(layout.space_domain()).hint[1], 0);
  return first;
}

// Freed extents may have been punched, or lost their blocks when the file was copied.
Status make_ready(Engine& engine, const ExtentRequest& request, u64 first, u64 clean_from) {
  if (request.reserve_only || first >= clean_from) return {};
  const u64 at = engine.layout.extent_offset(first);
  const u64 bytes = request.count * engine.layout.extent_bytes;
  return request.zero ? engine.map->make_zero(at, bytes) : engine.map->allocate(at, bytes);
}

Result<u64> take_locked(Engine& engine, const ExtentRequest& request) {
  if (request.count == 0 || request.count > engine.layout.extents_max)
    return Status(Code::kNoSpace, "more extents at once than the format allows");
  const Layout& layout = engine.layout;
  const u64 clean_from = engine.runtime->clean_from;
  Result<u64> first = request.in_zone ? take_from_zone(engine, request.count, request.purpose)
                                      : Result<u64>(format::kForever);
  if (first && *first == format::kForever) first = find_freed(engine, request.count, false);
  if (!first) return first;
  if (*first == format::kForever) first = take_at_end(engine, request);
  if (!first) return first;
  if (Status s = make_ready(engine, request, *first, clean_from); !s.ok()) return s;
  const u64 at = layout.extent_offset(*first);
  const u64 bytes = request.count * layout.extent_bytes;
  // `file_extents` and `clean_from` of a damaged runtime area may say that this is done already.
  if (!request.reserve_only && engine.map->bytes(at, bytes) == nullptr)
    return Engine::corrupt("extents to take lie beyond the end of the file", at);
  if (Status s = mark_taken(engine, request, *first); !s.ok()) return s;
  if (request.kind == ExtentKind::kBuckets && layout.is_wide(bytes))
    engine.map->advise_huge(at, bytes);
  engine.add_dirty(request.domain, bytes);
  return first;
}

}  // namespace

bool is_usable(u64 word, u64 extent, u64 oldest, const HeldSpace& held) {
  return extent_kind(word) == ExtentKind::kFree && extent_payload(word) <= oldest &&
         (held.empty() || extent_payload(word) == 0 || !held.has(extent));
}

Status finish_segment(Engine& engine) {
  const u64 note = seam::load(engine.domain(engine.layout.space_domain()).pending);
  if (note == 0) return {};
  const u64 capacity = table_capacity(engine);
  const u64 segment = segment_of(engine, capacity);
  const u64 first = note_first(note);
  const u64 end = first + note_count(note);
  // The lock has been held since the row was taken, so nothing was taken behind it.
  if (segment >= format::kExtentSegments || end != engine.runtime->extents_end || end > capacity)
    return Engine::corrupt("note of a segment of the extent table is damaged", 0);
  const ExtentRequest request = segment_request(engine, segment);
  if (note_count(note) != request.count)
    return Engine::corrupt("note of a segment of the extent table is damaged", 0);
  for (u64 extent = first; extent < end; ++extent) {
    const Result<u64> word = extent_word(engine, extent);
    if (!word) return word.error();
    if (*word != word_for(request, extent - first) && extent_kind(*word) != ExtentKind::kFree)
      return Engine::corrupt("segment of the extent table lies where something else is",
                             engine.layout.extent_offset(extent));
  }
  return add_segment(engine, request, first);
}

Result<u64> extend_zone(Engine& engine) {
  const Layout& layout = engine.layout;
  format::RuntimeHeader& runtime = *engine.runtime;
  format::Domain& space = engine.domain(layout.space_domain());
  const u64 size = layout.zone_extents();
  if (!zone_runs_short(engine)) return format::kForever;
  // Blocks for it, and for as much again that others take at the end. Without the lock, because a
  // file system may take its time, and the writers need the lock. Crash, or somebody else is
  // faster: the file is longer than `file_extents` says; allocating again changes nothing.
  const u64 have = seam::load(runtime.file_extents);
  const u64 from = std::max(have, seam::load(runtime.extents_end));
  const u64 want = from + 2 * size;
  bool extends = have < seam::load(space.zone[1]) + size + kReserveExtents &&
                 engine.size_limit == 0 && want <= layout.extents_max &&
                 layout.extent_offset(want) <= addressable_end(engine);
  if (extends) {
    const u64 at = layout.extent_offset(from);
    const Status s = engine.map->allocate_at_once(at, 2 * Layout::kZoneBytes);
    if (!s.ok() && s.code() != Code::kUnsupported) return s;
    extends = s.ok();
  }
  const Result<DomainLock> lock = DomainLock::take(engine, layout.space_domain(), kExtendPatience);
  if (!lock) return lock.error();
  if (extends && runtime.file_extents == have) seam::store(runtime.file_extents, want);
  const u64 end = space.zone[1];
  if (!zone_runs_short(engine)) return format::kForever;
  if (Status s = ensure_table(engine, size); !s.ok()) return s;
  if (runtime.extents_end != end) return format::kForever;  // the table took the place
  if (Status s = extend_file(engine, end + size, Purpose::kOrdinary); !s.ok()) return s;
  // Crash: between these stores what was added is free extents like others.
  seam::store(runtime.extents_end, end + size);
  seam::store(space.zone[1], end + size);
  return layout.extent_offset(end);
}

Result<u64> take_extents(Engine& engine, const ExtentRequest& request) {
  const Result<DomainLock> lock = DomainLock::take(engine, engine.layout.space_domain());
  if (!lock) return lock.error();
  return take_locked(engine, request);
}

Status prepare_extents(Engine& engine, u64 offset, u64 bytes) {
  const Layout& layout = engine.layout;
  // The words of a damaged header must not lead to the superblock, or beyond the extents in use.
  if (offset < layout.heap_offset || bytes > layout.extent_offset(layout.extents_max) ||
      layout.extent_of(offset + bytes - 1) >= seam::load(engine.runtime->extents_end))
    return Engine::corrupt("array to prepare lies outside the extents in use", offset);
  return engine.map->make_zero(offset, bytes);
}

bool is_of_shard(u64 word, u64, const void* shard) {
  return extent_kind(word) != ExtentKind::kFree &&
         extent_shard(word) == *static_cast<const u64*>(shard);
}

Status free_extents(Engine& engine, u64 first, u64 count, OwnsWord owned, const void* context) {
  const Result<DomainLock> lock = DomainLock::take(engine, engine.layout.space_domain());
  if (!lock) return lock.error();
  return free_extents_locked(engine, first, count, owned, context);
}

Status prepare_freeing(Engine& engine, u64 first, u64 count) {
  if (first + count > engine.runtime->extents_end)
    return Engine::corrupt("extents to free out of range", 0);
  return make_words_writable(engine, first, count);
}

Status free_words(Engine& engine, u64 first, u64 count, OwnsWord owned, const void* context) {
  const u64 epoch = engine.epoch();
  const u64 freed = make_extent_word(ExtentKind::kFree, 0, epoch);
  // Crash: somebody looks for extents to punch in vain.
  if (engine.runtime->freed != epoch) seam::store(engine.runtime->freed, epoch);
  for (u64 done = 0; done < count;) {
    const u64 extent = first + done;
    const Result<u64*> words = writable_words(engine, extent);
    if (!words) return words.error();
    Change change(engine, engine.layout.space_domain());
    const u64 now = std::min({count - done, words_left_in_block(engine, extent), change.room()});
    for (u64 i = 0; i < now; ++i) {
      if (owned((*words)[i], done + i, context)) change.set((*words)[i], freed);
    }
    if (!change.empty()) change.publish();
    done += now;
  }
  return {};
}

}  // namespace hmap
