// Finding records without any structure.
#include "salvage/salvage_scan.h"

#include <algorithm>
#include <cstring>

#include "format/record_sum.h"
#include "records/spans.h"

namespace hmap {
namespace {

using format::kRecordUnit;
using format::RecordHeader;

constexpr u64 kTickBytes = u64{256} << 10;
// Without a layout: no span holds longer records, no extents are smaller.
constexpr u64 kLongestInSpan = 65'536;
constexpr u64 kSmallestExtent = 2'048;
// Bytes of long records that turn out not to be ones, as multiples of the file. Honest files need
// a small part of one; without a bound a file could be made that takes for ever.
constexpr u64 kBudgetFiles = 16;
constexpr u64 kBudgetLeast = u64{64} << 20;

bool checksum_is_right(const ScannedRecord& record, u64 seed) {
  constexpr u64 kSum = sizeof(u32);
  const char* at = record.key.data() - sizeof(RecordHeader);
  u32 stored = 0;
  std::memcpy(&stored, at, sizeof stored);
  // Zeros would be the record of nothing under the empty key for one seed and place in 2^32.
  if (stored == 0 && record.bytes() == sizeof(RecordHeader)) return false;
  // Of either kind: whether the store had the one or the other may be lost with its superblock.
  const auto has = [&](RecordSums sums) {
    return stored == record_checksum(sums, at + kSum, record.bytes() - kSum, seed ^ record.offset);
  };
  return has(RecordSums::kCrc) || has(RecordSums::kXxh3);
}

}  // namespace

std::optional<ScannedRecord> plausible_record(const Mapping& map, u64 offset) {
  const u64 end = map.file_bytes();
  if (offset % kRecordUnit != 0 || offset > end || end - offset < sizeof(RecordHeader)) {
    return std::nullopt;
  }
  RecordHeader header;
  std::memcpy(&header, map.base() + offset, sizeof header);
  const u64 rest = end - offset - sizeof header;
  if (!format::value_flags_possible(header.flags) ||
      u64{header.key_bytes} + header.value_bytes > rest)
    return std::nullopt;
  const char* key = reinterpret_cast<const char*>(map.base() + offset) + sizeof header;
  return ScannedRecord{
      offset, {key, header.key_bytes}, {key + header.key_bytes, header.value_bytes}, header.flags};
}

u64 read_budget(const Mapping& map) {
  return std::max(kBudgetLeast, map.file_bytes() * kBudgetFiles);
}

std::optional<ScannedRecord> intact_record(const Mapping& map, u64 seed, u64 offset) {
  std::optional<ScannedRecord> record = plausible_record(map, offset);
  if (record && !checksum_is_right(*record, seed)) record.reset();
  return record;
}

RecordScan::RecordScan(const Mapping& map, u64 seed, const Layout* layout)
    : map_(map), seed_(seed), layout_(layout), budget_(read_budget(map)) {}

bool RecordScan::run(const Visit& visit, const Tick& tick) {
  const u64 end = map_.file_bytes();
  u64 at = layout_ != nullptr ? layout_->heap_offset : 0;
  u64 next_tick = at;
  // Bound: `at` rises by at least 16 each round.
  while (at < end && end - at >= sizeof(RecordHeader)) {
    if (at >= next_tick) {
      if (tick && !tick(at)) return false;
      next_tick = at + kTickBytes;
    }
    u64 step = kRecordUnit;
    RecordHeader header;
    std::memcpy(&header, map_.base() + at, sizeof header);
    // Most of what is no record: not worth a look at its checksum.
    const bool zero = header.key_bytes == 0 && header.value_bytes == 0 && header.checksum == 0;
    const u64 bytes = sizeof header + header.key_bytes + header.value_bytes;
    if (format::value_flags_possible(header.flags) && !zero && bytes <= end - at &&
        may_begin_at(at, bytes)) {
      if (const auto record = intact_record(map_, seed_, at)) {
        if (visit(*record) == ScanStep::kStop) return false;
        // No other record of the store lies inside: one of the two would be damaged.
        step = (bytes + kRecordUnit - 1) / kRecordUnit * kRecordUnit;
      }
    }
    at += step;
  }
  return true;
}

bool RecordScan::may_begin_at(u64 offset, u64 bytes) {
  if (layout_ == nullptr) {
    if (bytes <= kLongestInSpan) return true;
    return offset % kSmallestExtent == 0 && may_check_large(bytes);
  }
  if (bytes <= largest_in_span(*layout_)) return may_be_in_span(offset, bytes);
  return offset % layout_->extent_bytes == 0 && may_check_large(bytes);
}

// A span of the record's class begins at this extent or a few before.
bool RecordScan::may_be_in_span(u64 offset, u64 bytes) const {
  const u64 size_class = class_for(bytes);
  const SpanShape& shape = layout_->span_shape(size_class);
  const u64 extent = layout_->extent_of(offset);
  for (u64 back = 0; back < shape.extents && back <= extent; ++back) {
    const u64 inside = offset - layout_->extent_offset(extent - back);
    if (inside % class_bytes(size_class) == 0 && inside / class_bytes(size_class) < shape.slots) {
      return true;
    }
  }
  return false;
}

bool RecordScan::may_check_large(u64 bytes) {
  if (bytes > budget_) {
    ++skipped_;
    return false;
  }
  budget_ -= bytes;
  return true;
}

}  // namespace hmap
