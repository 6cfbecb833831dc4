// Looking up a key without a lock.
#ifndef HMAP_SRC_MAP_FIND_H_
#define HMAP_SRC_MAP_FIND_H_

#include <string>
#include <string_view>

#include "records/records.h"
#include "state/engine.h"
#include "state/pins.h"

namespace hmap {

struct Frozen;

// Looks up `key`, whose hash_key() is `hash`; copies its value to *value unless that is null.
// Returns whether the key is present. Errors: kCorrupt. No lock, no store, bounded waiting for
// nobody but a writer that keeps changing just this bucket. In the live state or, if `frozen` is
// not null, in that of a cut.
Result<bool> find(const Engine& engine, std::string_view key, u64 hash, std::string* value,
                  const Frozen* frozen = nullptr);

// The same in the live state of a store with inline slots, for what quick_find_inline() was unsure
// about: the element, as long as the shape says, goes to `elem`; kCorrupt if it has another length.
Result<bool> find_elem(const Engine& engine, std::string_view key, u64 hash, void* elem);

// A record that was found and is pinned until let_go(). Not for stores with inline slots.
struct HeldRecord {
  EntryView entry;
  Pin pin;

  void let_go(const Engine& engine) {
    drop_pin(engine, pin);
    pin = Pin();
  }
};

// Looks up `key` in the live state, and pins its record. Returns whether the key is present; if
// not, or on an error, nothing is pinned. Needs a slot. Errors: kCorrupt, kTooManyViews. Waits as
// find(); stores to the pins of its slot only.
Result<bool> find_held(const Engine& engine, std::string_view key, u64 hash, HeldRecord& held);

// Replaces *to by `bytes` bytes at `from`, which may be changing.
void copy_value(std::string& to, const char* from, u64 bytes);

}  // namespace hmap

#endif  // HMAP_SRC_MAP_FIND_H_
