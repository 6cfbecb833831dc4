// Where records lie: spans of size classes with an allocation bitmap each, and extents of their own
// for large ones. format-spec, "Spans".
#ifndef HMAP_SRC_RECORDS_SPANS_H_
#define HMAP_SRC_RECORDS_SPANS_H_

#include <unordered_map>
#include <vector>

#include "records/directory.h"
#include "state/intent.h"

namespace hmap {

// The smallest class that holds `bytes` bytes.
u64 class_for(u64 bytes);

// Records above this lie in extents of their own.
inline u64 largest_in_span(const Layout& layout) {
  return std::min<u64>(2 * layout.extent_bytes, 65'536);
}

// A free slot: take it by set_bits(*map_word, bit, 0) in the Change that makes the record
// reachable.
struct RecordSlot {
  u64 offset = 0;
  u64* map_word = nullptr;
  u64 bit = 0;
};

// What a search for a slot passes over: slots found and not taken yet, while their finder holds the
// shard's lock (those of a batch); spans that are to become empty.
class ReservedSlots {
 public:
  // By span id; stays the caller's. The open span of a class is used all the same.
  void avoid(const std::vector<bool>& spans) { avoided_ = &spans; }
  [[nodiscard]] bool avoids(u64 span) const {
    return avoided_ != nullptr && span < avoided_->size() && (*avoided_)[span];
  }
  void add(const RecordSlot& slot) { words_[slot.map_word] |= slot.bit; }
  // Of one word of a span's map.
  [[nodiscard]] u64 in(const u64* map_word) const {
    const auto found = words_.find(map_word);
    return found != words_.end() ? found->second : 0;
  }

 private:
  std::unordered_map<const u64*, u64> words_;
  const std::vector<bool>* avoided_ = nullptr;
};

// Finds a slot of the shard for a record of `bytes` <= largest_in_span() bytes, none of those
// `reserved`. The caller holds the shard's lock and has no Change under construction. Errors:
// kNoSpace, kBusy, kCorrupt, kIoError.
Status find_slot(Engine& engine, u64 shard, u64 bytes, Purpose purpose, RecordSlot& slot,
                 const ReservedSlots* reserved = nullptr);

// The slot that the record at `offset`, `bytes` long, occupies; its bitmap word is writable. The
// bit is to be cleared in the Change that makes the record unreachable. kCorrupt if the spans
// disagree.
Status slot_of(Engine& engine, u64 shard, u64 offset, u64 bytes, Purpose purpose, RecordSlot& slot);

// Counts a freed record; now and then looks whether a span has become empty and gives it back.
Status after_free(Engine& engine, u64 shard);

// One step: looks at spans of the class for empty ones and gives the first one back; `before` is
// where it goes on, 0 at the beginning. The caller holds the shard's lock. False: at the end.
// Errors: kBusy, kCorrupt.
Result<bool> release_empty_span(Engine& engine, u64 shard, u64 size_class, u64& before);

// The parts of Domain::class_hint: the word, and whether the words behind it are fresh: the span
// was made for this class, and no slot of theirs was taken since. Then nobody can need one.
inline constexpr u64 kHintWord = 0xff;
inline constexpr u64 kFreshBehind = kHintWord + 1;

}  // namespace hmap

#endif  // HMAP_SRC_RECORDS_SPANS_H_
