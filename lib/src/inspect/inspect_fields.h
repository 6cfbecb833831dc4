// The structures of the format with the names and meanings of their fields, for people.
#ifndef HMAP_SRC_INSPECT_INSPECT_FIELDS_H_
#define HMAP_SRC_INSPECT_INSPECT_FIELDS_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "format/layout.h"
#include "hmap/inspect.h"

namespace hmap::inspecting {

enum class Show : u8 {
  kNumber,
  kHex,     // seeds, masks, checksums
  kBytes,   // in the order of the file
  kText,    // up to the first zero
  kOffset,  // of the file; 0: none
  kTime,    // nanoseconds since 1970
  kRow,     // {first extent index + 1: 32, number of extents: 32}
  kZero,    // reserved: anything else is wrong
};

struct Structure;
struct Field {
  const char* name;
  u64 offset;
  u64 bytes;
  u64 element;  // bytes of one element of an array, else `bytes`
  Show show;
  const Structure* structure;  // what an element consists of; null: a number
  const char* meaning;
};
struct Structure {
  const char* name;
  u64 bytes;
  std::span<const Field> fields;
};

extern const Structure kSuperblock, kRoot, kShardHeader, kBucketArray, kSizeClass, kBmap,
    kRecordHeader, kTablePage, kTableEntry, kPlaceState, kBlockState, kFrameHeader, kSpanEntry,
    kRuntimeHeader, kLock, kLogState, kSnapshotCell, kSlot, kDomain, kIntent, kIntentWord, kCut,
    kBatch, kBatchPart, kPins, kPinnedRow, kDictionary;
// All of the above.
std::span<const Structure* const> all_structures();

// A node for a structure that lies at `offset`, its bytes at `from`. Of arrays only the elements
// that are not zero are told, of reserved bytes only those that should be zero and are not.
InspectNode node_of(const Structure& structure, const std::byte* from, u64 offset,
                    std::string name = {}, std::string meaning = {});

std::string hex(u64 number);
std::string hex_bytes(const std::byte* from, u64 count);
// "extents 5 to 7"; of one "extent 5".
std::string extents(u64 first, u64 count);
// In quotes, printable ASCII, the rest as \xHH, cut when long.
std::string quoted(std::string_view bytes);

}  // namespace hmap::inspecting

#endif  // HMAP_SRC_INSPECT_INSPECT_FIELDS_H_
