// What views hold: records that nobody may write over, although nobody can reach them any more.
//
// A pin is a count in the process's slot: of the extent (modulo kPinGranules) that the record lies
// in, or, for a large record, the row of its extents. So any number of views take no more room than
// one, and what a view holds back is its span, those that share its count, and nothing else: no
// epoch has to pass before what others free is used again.
//
//   reader: finds a record; pins it; looks whether all it went by is unchanged     (find.cc)
//   writer: makes a record unreachable, ever before; looks who pins; writes over   (spans, space)
//
// With a full barrier in the middle of each one of the two sees the other. Who pins what he may not
// keep lets go at once. lib/README.md, "Views".
#ifndef HMAP_SRC_STATE_PINS_H_
#define HMAP_SRC_STATE_PINS_H_

#include <vector>

#include "state/engine.h"

namespace hmap {

// What one view holds. Trivially copyable: whoever has it last drops it.
struct Pin {
  static constexpr u8 kNoRow = 0xff;
  u64 extents = 0;  // first + 1 (32 bits) | count (32); 0: nothing
  u8 row = kNoRow;  // the cell of Pins::rows that says so; else the granules do
};

// Pins the record of `bytes` bytes at `offset`, in the slot of this handle; `alone`: no other
// record shares its extents. It holds from here on if the caller then finds that the record was
// reachable all the time; else drop it. Errors: kTooManyViews, kCorrupt (below the extents).
// Crash: what a dead process pins counts until somebody sweeps it.
Status take_pin(const Engine& engine, u64 offset, u64 bytes, bool alone, Pin& pin);
void drop_pin(const Engine& engine, const Pin& pin);

// What all views hold at this moment, for whoever is about to use anew what is unreachable already:
// what is not held now will not be held later. Nothing to look at in a store without pins.
class HeldSpace {
 public:
  static HeldSpace of(const Engine& engine);

  [[nodiscard]] bool empty() const { return granules_ == 0 && rows_.empty(); }
  [[nodiscard]] bool has(u64 extent) const {
    return (granules_ >> extent % format::kPinGranules & 1) != 0 ||
           (!rows_.empty() && in_rows(extent));
  }
  [[nodiscard]] bool has_any(u64 first, u64 count) const {
    if (empty()) [[likely]]
      return false;
    for (u64 i = 0; i < count; ++i) {
      if (has(first + i)) return true;
    }
    return false;
  }

 private:
  void add(const Engine& engine, u64 slot);
  [[nodiscard]] bool in_rows(u64 extent) const;

  u64 granules_ = 0;  // bit g: a living or dead process holds extents e with e % kPinGranules = g
  std::vector<u64> rows_;
};

// The views that a slot holds, as far as anybody can see from outside.
struct SlotViews {
  u64 count = 0;
  u64 seconds = 0;  // for how long the oldest, or those that came and went in its place
};
SlotViews views_of(const Engine& engine, u64 slot);

// The slot, dead or alive, that has held views longest; 0: there are no views.
u64 slot_of_oldest_view(const Engine& engine);

// Ends the pins of dead processes. Any number may do so at once. Errors: none.
void sweep_dead_pins(const Engine& engine);

// Of a new owner of a slot, whose generation is stored already: what is left of the last one.
void clear_pins(const Engine& engine, u64 slot);

// The parts of a pin word.
inline constexpr u64 kHoldsMax = (u64{1} << 24) - 1;
constexpr u64 pin_holds(u64 word) { return word & kHoldsMax; }
constexpr u64 pin_generation(u64 word) { return word >> 24 & 0x7fff; }
constexpr u64 pin_second(u64 word) { return word >> 39; }
constexpr u64 make_pin_word(u64 holds, u64 generation, u64 second) {
  return holds | (generation & 0x7fff) << 24 | second << 39;
}

}  // namespace hmap

#endif  // HMAP_SRC_STATE_PINS_H_
