// Writing and checking records.
#include "records/records.h"

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
  const u64 seed = record_seed(engine, engine.map->offset_of(to));
  const u64 bytes = record_bytes(key, value) - kSum;
  u32 sum = 0;
  if (is_crc(engine.layout.record_sums, bytes)) [[likely]] {
    // Of where the bytes come from: those in the record are still on their way to the cache.
    Crc32c crc;
    crc.add_word(seed);
    crc.add_word(lengths);
    crc.add(key.data(), key.size());
    crc.add(value.bytes.data(), value.bytes.size());
    sum = crc.value();
  } else {
    sum = checksum(to + kSum, bytes, seed);
  }
  seam::copy_in(to, &sum, kSum);
}

bool record_intact(const Engine& engine, const EntryView& entry) {
  return entry.record == 0 || checksum_is_right(engine, entry);
}

Status decode_value(const Engine& engine, u64 record, u16 flags, std::string& value) {
  if (flags == 0 || engine.codec->decode(flags, value)) return {};
  return Engine::corrupt("value that cannot be decompressed", record);
}

}  // namespace hmap
