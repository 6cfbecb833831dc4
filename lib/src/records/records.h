// Records: a key and its value, written once into unreachable space. format-spec, "Record".
#ifndef HMAP_SRC_RECORDS_RECORDS_H_
#define HMAP_SRC_RECORDS_RECORDS_H_

#include <string>
#include <string_view>

#include "format/record_sum.h"
#include "state/engine.h"
#include "system/codec.h"

namespace hmap {

// From here on a record counts as long: who walks over a file that may be hostile reads none of
// them once for each slot that refers to it.
inline constexpr u64 kLongRecordBytes = 4096;

inline u64 record_bytes(std::string_view key, const StoredValue& value) {
  return sizeof(format::RecordHeader) + key.size() + value.bytes.size();
}

// Writes the record to `to`, which nobody can reach yet.
void write_record(const Engine& engine, std::byte* to, std::string_view key,
                  const StoredValue& value);

// An entry found in the file: a record or, where slots hold keys and elements, those of a bucket.
// Its bytes may be changing under us: whatever is concluded from them counts only after the caller
// has seen that the reference, or the bucket, was still valid.
struct EntryView {
  const char* key = nullptr;
  const char* value = nullptr;
  u64 record = 0;  // file offset; 0: the entry lies in a bucket
  u64 key_bytes = 0;
  u64 value_bytes = 0;
  u16 flags = 0;  // not 0: decode the value

  [[nodiscard]] const std::byte* record_at() const {
    return reinterpret_cast<const std::byte*>(key) - sizeof(format::RecordHeader);
  }
  [[nodiscard]] u64 record_bytes() const {
    return sizeof(format::RecordHeader) + key_bytes + value_bytes;
  }
  [[nodiscard]] StoredValue stored() const { return {{value, value_bytes}, flags}; }
  [[nodiscard]] std::string_view key_view() const { return {key, key_bytes}; }
  [[nodiscard]] bool has_key(std::string_view other) const {
    return key_bytes == other.size() && seam::equal(key, other.data(), key_bytes);
  }
};

// A record's checksum is seeded with its place, so that a wrong reference is noticed even if it
// leads to an intact record.
inline u64 record_seed(const Engine& engine, u64 offset) { return engine.store_seed ^ offset; }

// What follows the checksum in a record's header, as one word: loaded and stored as one.
constexpr u64 header_lengths(u64 key_bytes, u64 value_bytes, u16 flags) {
  return key_bytes | u64{flags} << 16 | value_bytes << 32;
}
static_assert(offsetof(format::RecordHeader, key_bytes) == sizeof(u32) &&
              offsetof(format::RecordHeader, flags) == sizeof(u32) + 2 &&
              offsetof(format::RecordHeader, value_bytes) == sizeof(u32) + 4 &&
              sizeof(format::RecordHeader) == sizeof(u32) + sizeof(u64));

// Looks at the record at `offset`: lengths once, bounds checked against `memory`, a Mapping or its
// Bounds. kCorrupt.
template <typename Memory>
[[gnu::always_inline]] inline Status view_record(const Memory& memory, u64 offset,
                                                 EntryView& entry) {
  const std::byte* at = offset % format::kRecordUnit == 0
                            ? memory.bytes(offset, sizeof(format::RecordHeader))
                            : nullptr;
  if (at == nullptr) [[unlikely]]
    return Engine::corrupt("record outside the file", offset);
  u64 lengths = 0;
  seam::copy_out(&lengths, at + sizeof(u32), sizeof lengths);
  const auto* key = reinterpret_cast<const char*>(at) + sizeof(format::RecordHeader);
  const u64 key_bytes = lengths & 0xffff;
  entry = {key, key + key_bytes, offset, key_bytes, lengths >> 32, static_cast<u16>(lengths >> 16)};
  if (memory.bytes(offset, entry.record_bytes()) == nullptr) [[unlikely]]
    return Engine::corrupt("record reaches beyond the file", offset);
  return {};
}
inline Result<EntryView> view_record(const Engine& engine, u64 offset) {
  EntryView entry;
  if (Status s = view_record(*engine.map, offset, entry); !s.ok()) return s;
  return entry;
}

// Whether the record's checksum is that of its bytes as they are now. An entry in a bucket has no
// checksum of its own, and counts as intact.
bool record_intact(const Engine& engine, const EntryView& entry);
// The same of an entry that is a record.
[[gnu::always_inline]] inline bool checksum_is_right(const Engine& engine, const EntryView& entry) {
  u32 stored = 0;
  seam::copy_out(&stored, entry.record_at(), sizeof stored);
  return stored == record_checksum(engine.layout.record_sums, entry.record_at() + sizeof stored,
                                   entry.record_bytes() - sizeof stored,
                                   record_seed(engine, entry.record));
}

// Turns a copy of an entry's value bytes, of an entry that was valid when they were copied, into
// the value; `record` and `flags` are the entry's. kCorrupt.
Status decode_value(const Engine& engine, u64 record, u16 flags, std::string& value);

// Asks the processor to fetch a record's header and the beginning of its key.
inline void prefetch_key(const Engine& engine, u64 offset) {
  if (offset < engine.map->file_bytes()) __builtin_prefetch(engine.map->base() + offset);
}

inline constexpr u64 kCacheLine = 64;

// Asks the processor to fetch the beginning of a record. (Inlined, as in slots.h.)
[[gnu::always_inline]] inline void prefetch_record(const Mapping::Bounds& memory, u64 offset) {
  // Two lines: most records are longer than one, and the second would be a wait of its own.
  const std::byte* at = memory.bytes(offset, 2 * kCacheLine);
  if (at == nullptr) [[unlikely]]
    return;
  __builtin_prefetch(at);
  __builtin_prefetch(at + kCacheLine);
}
[[gnu::always_inline]] inline void prefetch_record(const Engine& engine, u64 offset) {
  prefetch_record(engine.map->bounds(), offset);
}

// Asks for the other lines of a record, all at once: whoever just reads on has as many on their way
// as fit into the processor between what is done with each. (Inlined, as in slots.h.)
[[gnu::always_inline]] inline void prefetch_rest(const EntryView& entry) {
  const u64 bytes = entry.record_bytes();
  for (u64 line = 2 * kCacheLine; line < bytes; line += kCacheLine)
    __builtin_prefetch(entry.record_at() + line);
}

}  // namespace hmap

#endif  // HMAP_SRC_RECORDS_RECORDS_H_
