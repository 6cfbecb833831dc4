// A store file in memory, taken apart into the structures of the format, to be
// damaged and to have its checksums made right again.
#ifndef HMAP_TESTS_FUZZ_IMAGE_H_
#define HMAP_TESTS_FUZZ_IMAGE_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "format/layout.h"

namespace hmap::test {

// What a part of a file is. The order is part of the inputs kept as
// regressions: only append.
enum class Kind : std::uint8_t {
  kFile,  // all of it
  kSuperblock,
  kRoot,
  kSavedHeader,
  kRuntime,
  kSlot,
  kDomain,
  kIntent,
  kIntentWords,
  kLiveHeader,
  kCut,
  kCutHeader,
  kTablePage,
  kExtentWords,  // a block of the extent table, at any of its places
  kBuckets,      // a block of a bucket array
  kSpanEntries,  // a block of a span directory
  kStates,       // the V part of a run
  kFrameStates,  // first block of an extent of frames
  kRecord,       // header, key and value
  kExtent,       // for its address
  kBatch,
  kBatchPart,
  kBatchOps,
  kType,        // fields of the superblock: kinds and compression; lengths to fingerprint
  kDictionary,  // with its header
  kHead,        // of a bucket with inline slots: what is before its keys
  kKeys,        // of such a bucket
  kElems,       // of such a bucket
  kPacked,      // a compressed value: its length and the block
  kCount,
};
inline constexpr std::size_t kKinds = static_cast<std::size_t>(Kind::kCount);

struct Part {
  u64 offset = 0;
  u64 bytes = 0;
};

// Where the structures of an undamaged file lie.
class Anatomy {
 public:
  explicit Anatomy(const std::string& file);
  // Of a commit log: its header as kSuperblock, its records, whole, as kRecord.
  Anatomy(const std::string& log, const Layout& layout_of_store);

  [[nodiscard]] const Layout& layout() const { return layout_; }
  [[nodiscard]] const std::vector<Part>& parts(Kind kind) const {
    return parts_[static_cast<std::size_t>(kind)];
  }
  // A part of this kind, whatever the index; the whole file if there is none of
  // the kind.
  [[nodiscard]] const Part& part(Kind kind, u64 index) const {
    const std::vector<Part>& all = parts(kind);
    return all.empty() ? parts(Kind::kFile).front() : all[index % all.size()];
  }

 private:
  void add(Kind kind, u64 offset, u64 bytes);
  void add_fixed();
  void add_state(const std::string& file, u64 table, const RunOffset* extent_table, u64 headers_at);
  void add_run(const std::string& file, const Run& run, Kind kind, u64 table);
  void add_heap(const std::string& file);
  void add_buckets(const std::string& file);
  void add_record(const std::string& file, u64 offset);

  Layout layout_;
  std::array<std::vector<Part>, kKinds> parts_;
};

// Makes the checksums of a damaged file right, so that only rules behind them
// can tell: of what its own headers, as they are now, lead to. `anatomy`: of
// the file before the damage.
void seal_structures(std::string& file, const Anatomy& anatomy);
// The same for the superblock alone.
void seal_superblock(std::string& file);
// The same for records.
void seal_records(std::string& file, const Anatomy& anatomy);

}  // namespace hmap::test

#endif  // HMAP_TESTS_FUZZ_IMAGE_H_
