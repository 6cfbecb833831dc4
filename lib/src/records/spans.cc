// Allocating and freeing record slots in spans.
#include "records/spans.h"

#include <algorithm>
#include <bit>

#include "records/records.h"
#include "records/span_maps.h"
#include "state/dead.h"
#include "state/space.h"

namespace hmap {
namespace {

using format::SizeClass;
using format::SpanEntry;

// Spans looked at for room before a new one is taken.
constexpr int kWalkSpans = 32;
// Records freed between two looks for an empty span.
constexpr u64 kFreesPerSweep = 64;

void store_class(SizeClass& size_class, u32 head, u32 open) {
  // One aligned word, so that both halves change together.
  seam::store(reinterpret_cast<u64&>(size_class), u64{head} | u64{open} << 32);
}

// Remembers slots of a word as unused. Crash in between: those of the word before, all taken, or
// none; what is passed over is found when the span is opened the next time.
void remember_unused(Engine& engine, u64 shard, u64 size_class, u64 hint, u64 unused) {
  format::Domain& domain = engine.domain(shard);
  seam::store(domain.class_hint[size_class], hint);
  seam::store(domain.class_free[size_class], unused);
}

// The maps of a span of the class.
Result<SpanMaps> maps_of(const Engine& engine, u64 shard, u64 size_class, u64 span,
                         const HeldSpace& held, const ReservedSlots* reserved) {
  const Result<Block> block = span_block(engine, engine.header(shard).directory, span);
  if (!block) return block.error();
  Result<SpanMaps> maps =
      SpanMaps::of(engine, *block, engine.layout.span_in_block(span), held, reserved);
  if (!maps) return maps;
  const SpanEntry& live = maps->live();
  if (live.head == 0 || span_class(live.head) != size_class) {
    return Engine::corrupt("span of another class in a list", engine.map->offset_of(&live));
  }
  return maps;
}

// Looks for a word of the open span's map with unused slots, and remembers them in class_free:
// what no cut and no view needs now and is not taken is needed by none to come.
Status find_unused(Engine& engine, u64 shard, u64 span, u64 size_class,
                   const ReservedSlots* reserved) {
  const u64 slots = engine.layout.span_shape(size_class).slots;
  const u64 hint = engine.domain(shard).class_hint[size_class];
  const u64 word = (hint & kHintWord) < format::kSpanMapWords ? hint & kHintWord : 0;
  if (const u64 fresh = slots_in_word(slots, word + 1); fresh != 0 && (hint & kFreshBehind) != 0) {
    // None of them is reserved either: who reserves slots finds them on this way.
    remember_unused(engine, shard, size_class, (word + 1) | kFreshBehind, fresh);
    return {};
  }
  const Result<SpanMaps> maps =
      maps_of(engine, shard, size_class, span, HeldSpace::of(engine), reserved);
  if (!maps) return maps.error();
  for (u64 w = word; w * 64 < slots; ++w) {
    const u64 unused = maps->unused(w);
    if (unused == 0) continue;
    remember_unused(engine, shard, size_class, w, unused);
    return {};
  }
  return {};
}

// A slot of the open span; offset 0 if it has none.
Status slot_in(Engine& engine, u64 shard, u64 span, u64 size_class, Purpose purpose,
               RecordSlot& slot, const ReservedSlots* reserved) {
  slot.offset = 0;
  format::Domain& domain = engine.domain(shard);
  const Result<SpanEntry*> found = writable_entry(engine, shard, span, purpose);
  if (!found) return found.error();
  SpanEntry& entry = **found;
  u64& unused = domain.class_free[size_class];
  if (unused == 0) {
    if (Status s = find_unused(engine, shard, span, size_class, reserved); !s.ok()) return s;
    if (unused == 0) return {};
  }
  const u64 word = seam::load(domain.class_hint[size_class]) & kHintWord;
  const u64 bits = seam::load(unused);
  const auto bit = static_cast<u64>(std::countr_zero(bits));
  const u64 number = word * 64 + bit;
  if (entry.head == 0 || span_class(entry.head) != size_class || word >= format::kSpanMapWords ||
      bits == 0 || number >= engine.layout.span_shape(size_class).slots)
    return Engine::corrupt("unused slots outside their span", engine.map->offset_of(&unused));
  // Crash: the slot is passed over until this word is looked at again.
  seam::store(unused, bits & (bits - 1));
  slot.offset =
      engine.layout.extent_offset(span_extent(entry.head)) + number * class_bytes(size_class);
  slot.map_word = &entry.map[word];
  slot.bit = u64{1} << bit;
  // The next one, for whoever writes next.
  const u64 next =
      unused != 0 ? word * 64 + static_cast<u64>(std::countr_zero(unused)) : number + 1;
  prefetch_record(engine, slot.offset + (next - number) * class_bytes(size_class));
  return {};
}

// Makes a span the open one of its class, before the store or the change that does it: slots of
// another span must never be taken for this one's. Crash: they are looked for again.
void forget_unused(Engine& engine, u64 shard, u64 size_class) {
  seam::store(engine.domain(shard).class_free[size_class], 0);
  seam::store(engine.domain(shard).class_hint[size_class], 0);
}

// Gives an empty span back: unlinks it, frees its entry, and queues its extents.
Status release_span(Engine& engine, u64 shard, u64 size_class, u64 span, u64 before,
                    const SpanEntry& empty) {
  format::ShardHeader& header = engine.header(shard);
  const u64 head = empty.head;
  const u64 extents = engine.layout.span_shape(size_class).extents;
  if (Status s = make_dead_room(engine, shard, 1); !s.ok()) return s;
  const Result<SpanEntry*> entry = writable_entry(engine, shard, span, Purpose::kRelease);
  if (!entry) return entry.error();
  SizeClass& classes = header.classes[size_class];
  Result<SpanEntry*> previous = static_cast<SpanEntry*>(nullptr);
  if (before != 0) previous = writable_entry(engine, shard, before - 1, Purpose::kRelease);
  if (!previous) return previous.error();
  Change change(engine, shard);
  u64 first = classes.head;
  if (*previous != nullptr) {
    const u64 h = (*previous)->head;
    change.set((*previous)->head, make_span_head(span_extent(h), span_class(h), span_next(head)));
  } else {
    first = span_next(head);
  }
  const u64 open = classes.open == span + 1 ? 0 : classes.open;
  change.set(reinterpret_cast<u64&>(classes), first | open << 32);
  change.set((*entry)->head, 0);
  change.set(header.span_free, header.span_free + 1);
  add_dead(engine, shard, change, span_extent(head), extents);
  // Crash: before, an empty span as ever; after, its extents are on the dead list.
  change.publish();
  return {};
}

// The span behind `before` (id + 1; 0: none) in the list of the class; 0 at the end. What `before`
// names may be gone: then it becomes 0, and the list begins again.
u64 next_in_class(const Engine& engine, u64 shard, u64 size_class, u64& before) {
  const format::ShardHeader& header = engine.header(shard);
  if (before != 0) {
    const Result<SpanEntry*> entry = span_entry(engine, header.directory, before - 1);
    if (before <= header.span_count && entry && (*entry)->head != 0 &&
        span_class((*entry)->head) == size_class)
      return span_next((*entry)->head);
    before = 0;
  }
  return header.classes[size_class].head;
}

// Goes on through the spans of the class, and opens one with an eighth of its slots unused. False:
// there was none.
Result<bool> open_some_span(Engine& engine, u64 shard, u64 size_class,
                            const ReservedSlots* reserved) {
  SizeClass& classes = engine.header(shard).classes[size_class];
  u64& cursor = engine.domain(shard).class_walk[size_class];
  const u64 slots = engine.layout.span_shape(size_class).slots;
  const HeldSpace held = HeldSpace::of(engine);
  u64 before = cursor;
  for (int i = 0; i < kWalkSpans; ++i) {
    const u64 span = next_in_class(engine, shard, size_class, before);
    before = span;
    seam::store(cursor, before);
    if (span == 0) return false;
    const bool passed_over = reserved != nullptr && reserved->avoids(span - 1);
    if (classes.open == span || passed_over) continue;
    const auto maps = maps_of(engine, shard, size_class, span - 1, held, reserved);
    if (!maps) return maps.error();
    if (maps->unused() < std::max<u64>(1, slots / 8)) continue;
    forget_unused(engine, shard, size_class);
    store_class(classes, classes.head, static_cast<u32>(span));
    return true;
  }
  return false;
}

// Goes on through the spans of the class behind `before`, at most `budget`, and gives one back if
// it is empty. False: at the end.
Result<bool> release_some_span(Engine& engine, u64 shard, u64 size_class, int budget, u64& before) {
  for (int i = 0; i < budget; ++i) {
    const u64 span = next_in_class(engine, shard, size_class, before);
    if (span == 0) return false;
    const auto maps = maps_of(engine, shard, size_class, span - 1, HeldSpace(), nullptr);
    if (!maps) return maps.error();
    const SpanEntry& live = maps->live();
    const bool is_empty =
        std::all_of(std::begin(live.map), std::end(live.map), [](u64 w) { return w == 0; });
    if (is_empty && engine.header(shard).classes[size_class].open != span) {
      if (Status s = release_span(engine, shard, size_class, span - 1, before, live); !s.ok())
        return s;
      return true;
    }
    before = span;
  }
  return true;
}

// An unused directory entry; adds a directory segment when there is none.
Result<u64> unused_span(Engine& engine, u64 shard, Purpose purpose) {
  format::ShardHeader& header = engine.header(shard);
  if (header.span_free != 0) {
    for (u64 span = 0; span < header.span_count; ++span) {
      const Result<SpanEntry*> entry = span_entry(engine, header.directory, span);
      if (!entry) return entry.error();
      if ((*entry)->head == 0) return span;
    }
  }
  const u64 span = header.span_count;
  const u64 unit = engine.layout.unit_blocks * engine.layout.spans_per_block;
  const auto segment = static_cast<u64>(std::bit_width(span / unit + 1)) - 1;
  if (segment >= format::kDirectorySegments || span >= 0xff'fff0) {
    return Status(Code::kNoSpace, "the shard has as many spans as the format allows");
  }
  if (!header.directory[segment].none()) return span;
  ExtentRequest request;
  request.domain = shard;
  request.count = engine.layout.run_extents(engine.layout.directory_shape(segment));
  request.kind = format::ExtentKind::kDirectory;
  request.payload = header.array_seq + 1;
  request.zero = true;
  request.purpose = purpose;
  const Result<u64> first = take_extents(engine, request);
  if (!first) return first.error();
  Change change(engine, shard);
  change.set(header.directory[segment], RunOffset{engine.layout.extent_offset(*first)});
  change.set(header.array_seq, header.array_seq + 1);
  change.set(engine.domain(shard).pending, 0);
  change.publish();
  return span;
}

Status open_new_span(Engine& engine, u64 shard, u64 size_class, Purpose purpose) {
  format::ShardHeader& header = engine.header(shard);
  const Result<u64> span = unused_span(engine, shard, purpose);
  if (!span) return span.error();
  const Result<SpanEntry*> found = writable_entry(engine, shard, *span, purpose);
  if (!found) return found.error();
  SpanEntry& entry = **found;
  ExtentRequest request;
  request.domain = shard;
  request.count = engine.layout.span_shape(size_class).extents;
  request.kind = format::ExtentKind::kSpan;
  request.in_zone = true;
  request.payload = *span;
  request.purpose = purpose;
  const Result<u64> extent = take_extents(engine, request);
  if (!extent) return extent.error();
  // Crash: the entry is unused, its bits mean nothing.
  seam::zero(entry.map, sizeof entry.map);
  SizeClass& classes = header.classes[size_class];
  forget_unused(engine, shard, size_class);
  Change change(engine, shard);
  change.set(entry.head, make_span_head(*extent, size_class, classes.head));
  change.set(reinterpret_cast<u64&>(classes), (*span + 1) | (*span + 1) << 32);
  if (*span == header.span_count) {
    change.set(header.span_count, *span + 1);
  } else {
    change.set(header.span_free, header.span_free - 1);
  }
  change.set(engine.domain(shard).pending, 0);
  change.publish();
  // Its first pages will all be stored to: asked for together they take a twentieth of what a fault
  // for each takes.
  if (Status s =
          engine.map->populate(engine.layout.extent_offset(*extent), engine.layout.extent_bytes);
      !s.ok()) {
    return s;
  }
  // Not to be asked for: a view of another record may hold the extents by now, as far as counts can
  // tell, but nobody can read what was never written.
  const u64 slots = engine.layout.span_shape(size_class).slots;
  remember_unused(engine, shard, size_class, kFreshBehind, slots_in_word(slots, 0));
  return {};
}

}  // namespace

u64 class_for(u64 bytes) {
  if (bytes <= 32) return 0;
  if (bytes <= 256) return (bytes - 32 + 15) / 16;
  const auto doubling = static_cast<u64>(std::bit_width(bytes - 1)) - 9;
  const u64 step = u64{32} << doubling;
  return 15 + doubling * 8 + ((bytes - (u64{256} << doubling) + step - 1) >> (5 + doubling)) - 1;
}

Status find_slot(Engine& engine, u64 shard, u64 bytes, Purpose purpose, RecordSlot& slot,
                 const ReservedSlots* reserved) {
  const u64 size_class = class_for(bytes);
  format::ShardHeader& header = engine.header(shard);
  for (int attempt = 0; attempt < 4; ++attempt) {
    if (const u64 open = header.classes[size_class].open; open != 0) {
      Status s = slot_in(engine, shard, open - 1, size_class, purpose, slot, reserved);
      if (!s.ok() || slot.offset != 0) return s;
    }
    // Twice at most: views may come to hold what was opened.
    const Result<bool> opened =
        attempt < 2 ? open_some_span(engine, shard, size_class, reserved) : Result<bool>(false);
    if (!opened) return opened.error();
    if (*opened) continue;
    if (Status s = open_new_span(engine, shard, size_class, purpose); !s.ok()) return s;
  }
  return Engine::corrupt("a new span has no room", engine.layout.header_offset(shard));
}

Status slot_of(Engine& engine, u64 shard, u64 offset, u64 bytes, Purpose purpose,
               RecordSlot& slot) {
  const u64 size_class = class_for(bytes);
  if (offset < engine.layout.heap_offset || bytes > largest_in_span(engine.layout)) {
    return Engine::corrupt("record outside the spans", offset);
  }
  const Result<u64> word = extent_word(engine, engine.layout.extent_of(offset));
  if (!word) return word.error();
  format::ShardHeader& header = engine.header(shard);
  const u64 span = extent_payload(*word);
  if (extent_kind(*word) != format::ExtentKind::kSpan || extent_shard(*word) != shard ||
      span >= header.span_count) {
    return Engine::corrupt("record in an extent that is no span of its shard", offset);
  }
  const Result<SpanEntry*> found = writable_entry(engine, shard, span, purpose);
  if (!found) return found.error();
  SpanEntry& entry = **found;
  const u64 start = engine.layout.extent_offset(span_extent(entry.head));
  const u64 number = static_cast<u32>(offset - start) / static_cast<u32>(class_bytes(size_class));
  if (entry.head == 0 || span_class(entry.head) != size_class || offset < start ||
      start + number * class_bytes(size_class) != offset ||
      number >= engine.layout.span_shape(size_class).slots) {
    return Engine::corrupt("record at no slot of its span", offset);
  }
  slot.offset = offset;
  slot.map_word = &entry.map[number / 64];
  slot.bit = u64{1} << (number % 64);
  return {};
}

Result<bool> release_empty_span(Engine& engine, u64 shard, u64 size_class, u64& before) {
  return release_some_span(engine, shard, size_class, kWalkSpans, before);
}

Status after_free(Engine& engine, u64 shard) {
  format::Domain& domain = engine.domain(shard);
  const u64 frees = domain.frees + 1;
  seam::store(domain.frees, frees);
  if (frees % kFreesPerSweep != 0) return {};
  // One class after the other, so that the spans of a class no longer written are found too.
  for (u64 i = 0; i < format::kClasses; ++i) {
    const u64 size_class = (frees / kFreesPerSweep + i) % format::kClasses;
    if (engine.header(shard).classes[size_class].head == 0) continue;
    u64 before = domain.class_walk[size_class];
    const Result<bool> more = release_some_span(engine, shard, size_class, 4, before);
    seam::store(domain.class_walk[size_class], more && *more ? before : 0);
    return more.error();
  }
  return {};
}

}  // namespace hmap
