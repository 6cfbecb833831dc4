// Pinning, and who pins what.
#include "state/pins.h"

#include <algorithm>
#include <bit>
#include <ctime>

#include "state/space.h"

namespace hmap {
namespace {

using format::PinnedRow;
using format::Pins;

constexpr u64 kSeconds = u64{1} << 25;

// Coarse, because every find() asks; MONOTONIC, because it is there in a coarse kind.
u64 now_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<u64>(now.tv_sec) % kSeconds;
}

u64 own_generation(const Engine& engine) { return engine.locker->word() >> 16 & 0x7fff; }

// Whether a word holds anything for the slot's present owner. Order: the word before the
// generation. A word of the present owner is younger than his generation; one of an older
// generation is that of somebody who is gone.
bool counts(const Engine& engine, u64 slot, u64 word) {
  return pin_holds(word) != 0 &&
         pin_generation(word) == (seam::load(engine.slot(slot).generation) & 0x7fff);
}

// One hold more. False: there are as many as can be.
bool add_hold(u64& word, u64 generation) {
  u64 seen = seam::load(word);
  for (;;) {
    const bool first = pin_holds(seen) == 0 || pin_generation(seen) != generation;
    if (!first && pin_holds(seen) == kHoldsMax) return false;
    const u64 next = first ? make_pin_word(1, generation, now_seconds()) : seen + 1;
    if (seam::compare_exchange(word, seen, next)) return true;
  }
}

// Crash: one hold too few would be fatal, so a word goes down only when its view is gone.
void drop_hold(u64& word) { seam::fetch_add(word, ~u64{0}); }

// Adds 1 to the words of the first `count` extents from `first` on, each word once.
bool add_holds(Pins& pins, u64 first, u64 count, u64 generation) {
  for (u64 i = 0; i < std::min(count, format::kPinGranules); ++i) {
    if (add_hold(pins.granules[(first + i) % format::kPinGranules], generation)) continue;
    while (i-- > 0) drop_hold(pins.granules[(first + i) % format::kPinGranules]);
    return false;
  }
  return true;
}

// A free cell for the row. kNoRow: there is none.
u8 take_row(Pins& pins, u64 row, u64 generation) {
  for (u64 i = 0; i < format::kPinRows; ++i) {
    PinnedRow& cell = pins.rows[i];
    u64 owner = seam::load(cell.owner);
    if (pin_holds(owner) != 0 && pin_generation(owner) == generation) continue;
    const u64 ours = make_pin_word(1, generation, now_seconds());
    // Whoever looks between these two stores sees no row, or the one of somebody who is gone.
    if (!seam::compare_exchange(cell.owner, owner, ours)) continue;
    seam::store(cell.row, row);
    return static_cast<u8>(i);
  }
  return Pin::kNoRow;
}

// What the words of a slot say, looked at one by one.
template <typename Word>
void for_each_word(const Engine& engine, u64 slot, Word&& word) {
  const Pins& pins = engine.pins(slot);
  for (u64 g = 0; g < format::kPinGranules; ++g) {
    const u64 seen = seam::load(pins.granules[g]);
    if (counts(engine, slot, seen)) word(seen);
  }
  for (const PinnedRow& cell : pins.rows) {
    const u64 seen = seam::load(cell.owner);
    if (counts(engine, slot, seen)) word(seen);
  }
}

template <typename Slot>
void for_each_pinned_slot(const Engine& engine, Slot&& slot) {
  for (u64 i = 0; i < format::kPinnedWords; ++i) {
    for (u64 bits = seam::load(engine.runtime->pinned[i]); bits != 0; bits &= bits - 1) {
      const u64 number = i * 64 + static_cast<u64>(std::countr_zero(bits)) + 1;
      if (number <= engine.layout.slots) slot(number);
    }
  }
}

// Before the first pin of a slot: from here on others look at its words.
void announce(const Engine& engine, u64 slot) {
  u64& word = engine.runtime->pinned[(slot - 1) / 64];
  const u64 bit = u64{1} << (slot - 1) % 64;
  u64 seen = seam::load(word);
  while ((seen & bit) == 0 && !seam::compare_exchange(word, seen, seen | bit)) continue;
}

}  // namespace

Status take_pin(const Engine& engine, u64 offset, u64 bytes, bool alone, Pin& pin) {
  const Layout& layout = engine.layout;
  if (offset < layout.heap_offset) return Engine::corrupt("record below the extents", offset);
  const u64 first = layout.extent_of(offset);
  const u64 count = layout.extent_of(offset + bytes - 1) - first + 1;
  const u64 slot = engine.locker->slot();
  const u64 generation = own_generation(engine);
  Pins& pins = engine.pins(slot);
  announce(engine, slot);
  pin.extents = make_note(first, count);
  pin.row = alone ? take_row(pins, pin.extents, generation) : Pin::kNoRow;
  if (pin.row == Pin::kNoRow) {
    if (!add_holds(pins, first, count, generation)) {
      pin = Pin();
      return Status(Code::kTooManyViews, "the process holds as many views as can be counted");
    }
    if (count > 1) seam::fetch_add(pins.extra, std::min(count, format::kPinGranules) - 1);
  }
  if (pin.row == Pin::kNoRow) {
    seam::full_barrier_after_exchange();
  } else {
    seam::full_barrier();
  }
  return {};
}

void drop_pin(const Engine& engine, const Pin& pin) {
  if (pin.extents == 0) return;
  Pins& pins = engine.pins(engine.locker->slot());
  if (pin.row != Pin::kNoRow) {
    // Order: the row first, or the cell's next owner would seem to hold it.
    seam::store(pins.rows[pin.row].row, 0);
    seam::store(pins.rows[pin.row].owner, 0);
    return;
  }
  const u64 first = note_first(pin.extents);
  const u64 words = std::min(note_count(pin.extents), format::kPinGranules);
  for (u64 i = 0; i < words; ++i) drop_hold(pins.granules[(first + i) % format::kPinGranules]);
  if (words > 1) seam::fetch_add(pins.extra, 1 - words);
}

HeldSpace HeldSpace::of(const Engine& engine) {
  HeldSpace held;
  seam::full_barrier();
  for_each_pinned_slot(engine, [&](u64 slot) { held.add(engine, slot); });
  return held;
}

void HeldSpace::add(const Engine& engine, u64 slot) {
  const Pins& pins = engine.pins(slot);
  for (u64 g = 0; g < format::kPinGranules; ++g) {
    if (counts(engine, slot, seam::load(pins.granules[g]))) granules_ |= u64{1} << g;
  }
  for (const PinnedRow& cell : pins.rows) {
    const u64 owner = seam::load(cell.owner);
    const u64 row = seam::load(cell.row);
    if (row != 0 && counts(engine, slot, owner)) rows_.push_back(row);
  }
}

bool HeldSpace::in_rows(u64 extent) const {
  return std::any_of(rows_.begin(), rows_.end(), [&](u64 row) {
    return extent >= note_first(row) && extent - note_first(row) < note_count(row);
  });
}

SlotViews views_of(const Engine& engine, u64 slot) {
  SlotViews views;
  const u64 now = now_seconds();
  for_each_word(engine, slot, [&](u64 word) {
    views.count += pin_holds(word);
    const u64 age = (now - pin_second(word)) % kSeconds;
    // A second may begin between reading the clock and the word.
    if (age != kSeconds - 1) views.seconds = std::max(views.seconds, age);
  });
  const u64 extra = seam::load(engine.pins(slot).extra);
  views.count -= std::min(views.count, extra);
  return views;
}

u64 slot_of_oldest_view(const Engine& engine) {
  u64 oldest = 0;
  u64 seconds = 0;
  for_each_pinned_slot(engine, [&](u64 slot) {
    const SlotViews views = views_of(engine, slot);
    if (views.count == 0 || (oldest != 0 && views.seconds <= seconds)) return;
    oldest = slot;
    seconds = views.seconds;
  });
  return oldest;
}

void sweep_dead_pins(const Engine& engine) {
  for_each_pinned_slot(engine, [&](u64 slot) {
    format::Slot& entry = engine.slot(slot);
    u64 generation = seam::load(entry.generation);
    bool holds = false;
    for_each_word(engine, slot, [&](u64) { holds = true; });
    if (!holds || engine.locker->owner_alive(owner_word(generation, slot))) return;
    // All of its words are of an older generation now, and count for nothing. If the slot has a new
    // owner by now, his generation is this one or a later one, and his words are his.
    seam::compare_exchange(entry.generation, generation, generation + 1);
  });
}

// Crash: the words left are of an older generation, and count for nothing.
void clear_pins(const Engine& engine, u64 slot) { seam::zero(&engine.pins(slot), sizeof(Pins)); }

}  // namespace hmap
