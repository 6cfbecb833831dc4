// Looking into a store file: what every byte of it is, in the words of format-spec/format.md.
//
//   hmap::Result<hmap::Inspector> inspector = hmap::Inspector::open("users.hmap");
//   if (!inspector) return fail(inspector.error());
//   print(inspector->key("ada"));
#ifndef HMAP_INSPECT_H_
#define HMAP_INSPECT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hmap/export.h"
#include "hmap/result.h"
#include "hmap/status.h"
#include "hmap/type.h"

namespace hmap {

// Something in the file, or said about it, with what it consists of.
struct InspectNode {
  std::string name;          // As in the specification ("store_seed"), or what it is ("bucket 3").
  std::uint64_t offset = 0;  // Where its bytes are; counts only if `bytes` is not 0.
  std::uint64_t bytes = 0;
  std::string value;    // Numbers in decimal; offsets, hashes, seeds and masks with 0x.
  std::string meaning;  // What that means; may be empty.
  bool wrong = false;   // It contradicts a checksum or a rule of the format.
  std::vector<InspectNode> children;
};

// What an extent is used for.
enum class ExtentUse : std::uint8_t {
  kFree,
  kBuckets,
  kDirectory,    // which slots of spans are taken
  kExtentTable,  // what each extent is
  kFrames,       // displaced blocks
  kRecords,      // a span
  kLargeRecord,
  kPending,  // a large record that is being written, or was when its writer died
  kUnknown,  // its word in the extent table is lost
};

struct ExtentFacts {
  std::uint64_t extent = 0;
  std::uint64_t offset = 0;
  ExtentUse use = ExtentUse::kUnknown;
  std::uint32_t shard = 0;       // of the owner; 0 for kFree, kExtentTable, kUnknown
  std::uint64_t bytes = 0;       // of an extent
  std::uint64_t used_bytes = 0;  // of these: slots of records and buckets that are taken, frames
                                 // in use, structures; of buckets an estimate by some of them
  std::uint64_t slot_bytes = 0;  // kRecords: of a slot
  bool outgrown = false;         // kBuckets: of an array that is being evacuated or given back
  // Epoch in which it was freed, or in which what tells of it was last changed (buckets: one of
  // their blocks; records: the bitmap). 0: not known; always in the durable state but for kFree.
  std::uint64_t epoch = 0;
};

struct InspectOptions {
  // Which state to show: that of this boot if there is one, and memory for a private view of the
  // file (none of it is used, but the system may refuse to promise it), else the one of the last
  // checkpoint; or in any case the latter.
  bool durable = false;
  // As RecoverOptions::store_seed, for a file whose superblock is lost.
  std::optional<std::uint64_t> store_seed{};
};

// Reads a file that may be damaged anywhere: what cannot be read is said to be so. Takes no lock
// and no process slot and changes no byte. Others may have the store open and write to it: then
// what is told of a place that they are changing may be half old and half new.
//
// Threads: one call at a time. After fork() the child has its own copy.
class HMAP_EXPORT Inspector {
 public:
  // Errors: kNotFound, kPermission, kNotAStore (not a regular file, or nothing in it can be
  // verified), kWrongVersion, kNoAddressSpace, kIoError, kSystem.
  static Result<Inspector> open(const std::string& path, const InspectOptions& options = {});
  Inspector(Inspector&&) noexcept;
  Inspector& operator=(Inspector&&) noexcept;
  ~Inspector();

  // The file from the top: superblock, roots, runtime area, shards, extents; and what is damaged
  // of it. Cost: one word per extent and per span.
  [[nodiscard]] InspectNode file() const;

  // The type of the keys and values, as far as it can be told: where the superblock and its spares
  // are lost and what stands in the place of the type is none, byte strings.
  [[nodiscard]] TypeInfo type() const;

  // The chain of a main bucket of a shard, slot by slot; while the shard grows that of the old
  // bucket in its stead, if that is not evacuated yet. kInvalidArgument: there is no such shard
  // or bucket; kCorrupt: nothing can be read of the shard.
  [[nodiscard]] Result<InspectNode> bucket(std::uint64_t shard, std::uint64_t bucket) const;

  // Each step of looking a key up, from its hash to its record. `found`, if not null, gets the
  // answer. kInvalidArgument: the key is too long, or not as long as the type of the store says;
  // kCorrupt as above.
  [[nodiscard]] Result<InspectNode> key(std::string_view key, bool* found = nullptr) const;

  // The smallest thing that the byte at `offset` is part of, with its fields; `name` says what it
  // belongs to. It begins at or before the offset and never reaches beyond the file.
  // kInvalidArgument: beyond the end of the file.
  [[nodiscard]] Result<InspectNode> at(std::uint64_t offset) const;

  // Calls `visit` for every extent in use, in order, until it answers false. kCorrupt: no state
  // can be read. Cost: one block of eight of the buckets, one word per extent and per span.
  Status for_each_extent(const std::function<bool(const ExtentFacts&)>& visit) const;

  // Bytes of the file as they are at this moment; fewer at its end.
  [[nodiscard]] Result<std::string> read(std::uint64_t offset, std::uint64_t bytes) const;

  [[nodiscard]] std::uint64_t file_bytes() const;

 private:
  class Impl;
  explicit Inspector(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hmap

#endif  // HMAP_INSPECT_H_
