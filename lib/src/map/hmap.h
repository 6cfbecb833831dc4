// The writing half of Go's map: insert, erase, clear of one shard. Each takes the shard's lock
// itself.
#ifndef HMAP_SRC_MAP_HMAP_H_
#define HMAP_SRC_MAP_HMAP_H_

#include <string_view>

#include "records/records.h"
#include "records/spans.h"

namespace hmap {

enum class PutMode : u8 {
  kPut,      // insert or replace
  kInsert,   // only if absent
  kReplace,  // only if present
  kCompare,  // only if present with the value expected
};

// Writes key and value; `hash` is hash_key(key). Returns whether anything was written. `note` is a
// note of the caller's slot, free and the caller's own meanwhile; used for large records only.
// `expected`: for kCompare, else null.
// Errors: kNoSpace, kBusy, kCorrupt, kPoisoned, kIoError; then the old state stands.
Result<bool> put_entry(Engine& engine, std::string_view key, u64 hash, const StoredValue& value,
                       PutMode mode, u64* note, const std::string_view* expected = nullptr);

// Removes the key, if its value is *expected or `expected` is null; returns whether it did. Errors
// as above.
Result<bool> erase_entry(Engine& engine, std::string_view key, u64 hash,
                         const std::string_view* expected = nullptr);

// The same for the record of a put, or of the key to erase, of a batch that is committed:
// everything that may fail has been done (BatchPlan), the caller holds the lock of the key's shard,
// and what has been done already is left alone. Not logged. kCorrupt, kBusy.
Status redo_put(Engine& engine, const EntryView& op, u64 hash);
Status redo_erase(Engine& engine, const EntryView& op, u64 hash);

// Makes the shard an empty hmap with a new seed in one step, then gives its space back in bounded
// ones, releasing the lock in between. Errors as above.
Status clear_shard(Engine& engine, u64 shard);

// Whether a record of this size is written before the lock is taken (and needs a note).
inline bool is_large(const Layout& layout, u64 record_bytes) {
  return record_bytes > largest_in_span(layout);
}

// ---- shared by insert.cc and erase.cc; the shard's lock is held --------------------------------

// Where a key is, or where it would go. Buckets are named by number: addresses change when a block
// becomes writable.
struct Location {
  bool found = false;
  bool has_room = false;  // not found: bucket and slot are empty
  u64 bucket = 0;         // of the key; or of the first empty slot
  u64 slot = 0;
  u64 last = 0;     // last bucket of the chain
  EntryView entry;  // if found
};
// Searches the chain in `buckets`; while growing, the key's old bucket must have been evacuated.
Status locate(const Engine& engine, u64 shard, std::string_view key, u64 hash, Location& location);

// Whether the value of the key that was found is `expected`.
Result<bool> has_value(const Engine& engine, const Location& location, std::string_view expected);

// What frees a record when its reference goes: either a bit of a span, or extents of its own; an
// entry that lies in its bucket needs neither.
struct FreedRecord {
  RecordSlot slot;  // without a map word: none
  u64 first_extent = 0;
  u64 extents = 0;
};
// Prepares the freeing of the record of an entry, if it has one (its bitmap word writable, room on
// the dead list).
Status prepare_free(Engine& engine, u64 shard, const EntryView& entry, Purpose purpose,
                    FreedRecord& freed);
class Change;
void add_free(Engine& engine, u64 shard, Change& change, const FreedRecord& record);

// Gives back one bounded piece of what a cleared hmap, or a grown one, left; false: nothing is
// left.
Result<bool> give_back_cleared(Engine& engine, u64 shard);
bool has_cleared_space(const Engine& engine, u64 shard);
// The same, or anything else on the dead list. Without the shard's lock: as it was a moment ago.
bool has_dead(const Engine& engine, u64 shard);
// Before a large record becomes reachable: those of a cleared hmap must be gone, because nothing
// but their shard's number tells them from new ones.
Status finish_clear_of_large(Engine& engine, u64 shard);

// Asks for the bucket of a key before the lock is taken: a guess from words that may be changing.
void prefetch_bucket(const Engine& engine, u64 shard, u64 hash);
// With the lock held: asks for the records that locate() will compare the key with, in the first
// bucket of its chain, and for what prepare_free() will look at.
void prefetch_records(const Engine& engine, u64 shard, u64 hash);

// A new hash seed for an empty hmap.
u64 new_seed();

// Small work left over from earlier operations, some of it on every call.
Status tidy_up(Engine& engine, u64 shard, bool freed);

}  // namespace hmap

#endif  // HMAP_SRC_MAP_HMAP_H_
