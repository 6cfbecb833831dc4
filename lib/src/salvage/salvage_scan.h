// Finding records without any structure: a record's checksum is seeded with the store's seed and
// its own offset, so that a record found at its place is one that the store wrote there.
#ifndef HMAP_SRC_SALVAGE_SALVAGE_SCAN_H_
#define HMAP_SRC_SALVAGE_SALVAGE_SCAN_H_

#include <functional>
#include <optional>
#include <string_view>

#include "format/layout.h"
#include "system/mapping.h"

namespace hmap {

struct ScannedRecord {
  u64 offset = 0;
  std::string_view key;
  std::string_view value;  // as it is stored
  u16 flags = 0;
  [[nodiscard]] u64 bytes() const {
    return sizeof(format::RecordHeader) + key.size() + value.size();
  }
};

// The record at `offset` if its lengths are possible, whatever its checksum; none if not.
std::optional<ScannedRecord> plausible_record(const Mapping& map, u64 offset);
// Bytes of long records that may be read although they turn out not to be ones, or lie in each
// other.
u64 read_budget(const Mapping& map);
// The record at `offset` if every byte of it is right.
std::optional<ScannedRecord> intact_record(const Mapping& map, u64 seed, u64 offset);

enum class ScanStep : u8 { kGoOn, kStop };

// Looks at every multiple of 16. With a layout only where a record of its length may begin, which
// is much faster and finds the same.
class RecordScan {
 public:
  RecordScan(const Mapping& map, u64 seed, const Layout* layout);

  using Visit = std::function<ScanStep(const ScannedRecord&)>;
  // Called now and then with the offset reached; false ends the scan.
  using Tick = std::function<bool(u64 done)>;
  // False if `visit` or `tick` ended it. Cost: a byte is looked at by one record that is there and
  // by few that are not; see may_check_large().
  bool run(const Visit& visit, const Tick& tick);

  [[nodiscard]] u64 skipped() const { return skipped_; }

 private:
  [[nodiscard]] bool may_begin_at(u64 offset, u64 bytes);
  [[nodiscard]] bool may_be_in_span(u64 offset, u64 bytes) const;
  [[nodiscard]] bool may_check_large(u64 bytes);

  const Mapping& map_;
  const u64 seed_;
  const Layout* layout_;
  u64 budget_;
  u64 skipped_ = 0;
};

}  // namespace hmap

#endif  // HMAP_SRC_SALVAGE_SALVAGE_SCAN_H_
