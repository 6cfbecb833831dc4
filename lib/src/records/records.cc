// Writing and checking records.
#include "records/records.h"

#include "format/hash.h"

namespace hmap {

using format::RecordHeader;

void write_record(const Engine& engine, std::byte* to, std::string_view key,
                  const StoredValue& value) {
  constexpr u64 kSum = sizeof RecordHeader::checksum;
  // What follows the checksum in the header, as one word: it is loaded as one.
  const u64 lengths = key.size() | u64{value.flags} << 16 | u64{value.bytes.size()} << 32;
  static_assert(offsetof(RecordHeader, flags) == kSum + 2 &&
                offsetof(RecordHeader, value_bytes) == kSum + 4 &&
                sizeof(RecordHeader) == kSum + sizeof lengths);
  if (!key.empty()) seam::copy_in(to + sizeof(RecordHeader), key.data(), key.size());
  if (!value.bytes.empty())
    seam::copy_in(to + sizeof(RecordHeader) + key.size(), value.bytes.data(), value.bytes.size());
  seam::copy_in(to + kSum, &lengths, sizeof lengths);
  const u32 sum = checksum(to + kSum, record_bytes(key, value) - kSum,
                           record_seed(engine, engine.map->offset_of(to)));
  seam::copy_in(to, &sum, kSum);
}

bool record_intact(const Engine& engine, const EntryView& entry) {
  if (entry.record == 0) return true;
  u32 stored = 0;
  seam::copy_out(&stored, entry.record_at(), sizeof stored);
  const std::byte* bytes = entry.record_at() + sizeof stored;
  const u64 count = entry.record_bytes() - sizeof stored;
#ifdef HMAP_TSAN
  std::string copy(count, 0);
  seam::copy_out(copy.data(), bytes, count);
  bytes = reinterpret_cast<const std::byte*>(copy.data());
#endif
  return stored == checksum(bytes, count, record_seed(engine, entry.record));
}

Status decode_value(const Engine& engine, u64 record, u16 flags, std::string& value) {
  if (flags == 0 || engine.codec->decode(flags, value)) return {};
  return Engine::corrupt("value that cannot be decompressed", record);
}

}  // namespace hmap
