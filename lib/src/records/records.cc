// Writing and checking records.
#include "records/records.h"

#include "format/hash.h"

namespace hmap {

using format::RecordHeader;

void write_record(const Engine& engine, std::byte* to, std::string_view key,
                  const StoredValue& value) {
  RecordHeader header{};
  header.key_bytes = static_cast<u16>(key.size());
  header.value_bytes = static_cast<u32>(value.bytes.size());
  header.flags = value.flags;
  if (!key.empty()) seam::copy_in(to + sizeof header, key.data(), key.size());
  if (!value.bytes.empty())
    seam::copy_in(to + sizeof header + key.size(), value.bytes.data(), value.bytes.size());
  constexpr u64 kSum = sizeof header.checksum;
  seam::copy_in(to + kSum, reinterpret_cast<const std::byte*>(&header) + kSum,
                sizeof header - kSum);
  header.checksum = checksum(to + kSum, record_bytes(key, value) - kSum,
                             record_seed(engine, engine.map->offset_of(to)));
  seam::copy_in(to, &header, kSum);
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
