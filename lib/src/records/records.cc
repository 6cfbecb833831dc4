// Writing and checking records.
#include "records/records.h"

#include "format/hash.h"

namespace hmap {

using format::RecordHeader;

void write_record(const Engine& engine, std::byte* to, std::string_view key,
                  const StoredValue& value) {
  constexpr u64 kSum = sizeof RecordHeader::checksum;
  const u64 lengths = header_lengths(key.size(), value.bytes.size(), value.flags);
  if (!key.empty()) seam::copy_in(to + sizeof(RecordHeader), key.data(), key.size());
  if (!value.bytes.empty())
    seam::copy_in(to + sizeof(RecordHeader) + key.size(), value.bytes.data(), value.bytes.size());
  seam::copy_in(to + kSum, &lengths, sizeof lengths);
  const u32 sum = checksum(to + kSum, record_bytes(key, value) - kSum,
                           record_seed(engine, engine.map->offset_of(to)));
  seam::copy_in(to, &sum, kSum);
}

bool record_intact(const Engine& engine, const EntryView& entry) {
  return entry.record == 0 ||
         record_intact(entry.record_at(), entry.record_bytes(), record_seed(engine, entry.record));
}

bool record_intact(const std::byte* record, u64 bytes, u64 seed) {
  u32 stored = 0;
  seam::copy_out(&stored, record, sizeof stored);
  return stored == checksum(record + sizeof stored, bytes - sizeof stored, seed);
}

Status decode_value(const Engine& engine, u64 record, u16 flags, std::string& value) {
  if (flags == 0 || engine.codec->decode(flags, value)) return {};
  return Engine::corrupt("value that cannot be decompressed", record);
}

}  // namespace hmap
