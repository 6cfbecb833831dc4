// Values in and out of LZ4.
#include "system/codec.h"

#include <lz4.h>

#include <array>
#include <atomic>
#include <cstring>

#include "format/hash.h"
#include "hmap/options.h"
#include "system/per_thread.h"
#include "system/seam.h"

namespace hmap {

using format::kValueCompressed;
using format::kValueWithDictionary;

namespace {

// Shorter values save nothing that the size classes would notice.
constexpr std::size_t kLeastBytes = 96;
constexpr std::size_t kLeastBytesWithDictionary = 32;
// LZ4 makes at most this of one byte: whoever says more would only make us ask for memory.
constexpr u64 kExpansionMax = 255;
constexpr u64 kKeptBytes = u64{1} << 20;

// Memory of a thread to decode in; it begins with the dictionary of the codec. A few, so that a
// thread that uses several stores in turn does not copy dictionaries all the time.
struct Workspace {
  u64 codec = 0;
  std::string bytes;
};
using Workspaces = std::array<Workspace, 4>;

std::string& workspace(u64 codec, const std::string& dictionary) {
  Workspaces& workspaces = PerThread<Workspaces>::get();
  Workspace& mine = workspaces[codec % workspaces.size()];
  if (mine.codec != codec) {
    mine.bytes = dictionary;
    mine.codec = codec;
  }
  return mine.bytes;
}

u64 next_codec() {
  static std::atomic<u64> last = 0;
  return ++last;
}

}  // namespace

// The dictionary as the compressor wants it; copied for each value, as it changes in use.
struct Codec::Prepared {
  LZ4_stream_t stream;
};

Codec::Codec(bool compresses, std::string dictionary)
    : id_(next_codec()), compresses_(compresses), dictionary_(std::move(dictionary)) {
  if (dictionary_.empty()) return;
  auto prepared = std::make_unique<Prepared>();
  LZ4_initStream(&prepared->stream, sizeof prepared->stream);
  LZ4_loadDict(&prepared->stream, dictionary_.data(), static_cast<int>(dictionary_.size()));
  prepared_ = std::move(prepared);
}

Codec::~Codec() = default;

StoredValue Codec::encode(std::string_view value, std::string& buffer) const {
  const StoredValue plain{value, 0};
  const bool with = prepared_ != nullptr;
  if (!compresses_ || value.size() < (with ? kLeastBytesWithDictionary : kLeastBytes) ||
      value.size() > LZ4_MAX_INPUT_SIZE)
    return plain;
  const auto raw_bytes = static_cast<u32>(value.size());
  const std::size_t worth = value.size() - value.size() / 8;
  buffer.resize(worth);
  std::memcpy(buffer.data(), &raw_bytes, sizeof raw_bytes);
  char* to = buffer.data() + sizeof raw_bytes;
  const int room = static_cast<int>(worth - sizeof raw_bytes);
  const int from_bytes = static_cast<int>(value.size());
  int made = 0;
  if (with) {
    LZ4_stream_t stream = prepared_->stream;
    made = LZ4_compress_fast_continue(&stream, value.data(), to, from_bytes, room, 1);
  } else {
    made = LZ4_compress_default(value.data(), to, from_bytes, room);
  }
  if (made <= 0) return plain;
  buffer.resize(sizeof raw_bytes + static_cast<std::size_t>(made));
  return {buffer, static_cast<u16>(kValueCompressed | (with ? kValueWithDictionary : 0))};
}

bool Codec::knows(u16 flags) const {
  const bool with = (flags & kValueWithDictionary) != 0;
  return format::value_flags_possible(flags) && !(with && dictionary_.empty());
}

bool Codec::decode(u16 flags, std::string& value) const {
  const bool with = (flags & kValueWithDictionary) != 0;
  if (flags == 0 || !knows(flags)) return false;
  u32 raw_bytes = 0;
  if (value.size() <= sizeof raw_bytes) return false;
  std::memcpy(&raw_bytes, value.data(), sizeof raw_bytes);
  const u64 packed = value.size() - sizeof raw_bytes;
  if (raw_bytes > LZ4_MAX_INPUT_SIZE || packed > LZ4_MAX_INPUT_SIZE ||
      raw_bytes > packed * kExpansionMax)
    return false;
  // Behind the dictionary, where the decoder is faster by a third than with one elsewhere.
  std::string& work = workspace(id_, dictionary_);
  const std::size_t before = dictionary_.size();
  if (work.size() < before + raw_bytes) work.resize(before + raw_bytes);
  const char* from = value.data() + sizeof raw_bytes;
  const int from_bytes = static_cast<int>(packed);
  const int room = static_cast<int>(raw_bytes);
  const int made = with ? LZ4_decompress_safe_usingDict(from, work.data() + before, from_bytes,
                                                        room, work.data(), static_cast<int>(before))
                        : LZ4_decompress_safe(from, work.data() + before, from_bytes, room);
  const bool intact = made == room;
  if (intact) value.assign(work, before, raw_bytes);
  if (raw_bytes > kKeptBytes) std::string(dictionary_).swap(work);
  return intact;
}

u64 Codec::decoded_bytes(u16 flags, const void* stored, u64 bytes) {
  u32 raw_bytes = 0;
  if (flags == 0 || bytes < sizeof raw_bytes) return bytes;
  std::memcpy(&raw_bytes, stored, sizeof raw_bytes);
  return raw_bytes;
}

std::optional<std::string> read_dictionary(const Mapping& map, u64 offset, u64 store_seed) {
  format::Dictionary header;
  const std::byte* at = map.bytes(offset, sizeof header);
  if (at == nullptr) return std::nullopt;
  seam::copy_out(&header, at, sizeof header);
  if (header.magic != format::kDictionaryMagic || header.bytes > kDictionaryBytesMax ||
      map.bytes(offset, sizeof header + header.bytes) == nullptr)
    return std::nullopt;
  std::string dictionary(header.bytes, '\0');
  seam::copy_out(dictionary.data(), at + sizeof header, dictionary.size());
  if (checksum(dictionary.data(), dictionary.size(), store_seed ^ offset) != header.checksum)
    return std::nullopt;
  return dictionary;
}

Result<std::unique_ptr<const Codec>> make_codec(const Mapping& map, const Layout& layout,
                                                u64 store_seed) {
  std::string dictionary;
  if (layout.dictionary_bytes != 0) {
    std::optional<std::string> found = read_dictionary(map, layout.dictionary_offset, store_seed);
    if (!found || found->size() != layout.dictionary_bytes)
      return Status(Code::kCorrupt, "the dictionary for compressed values is damaged",
                    layout.dictionary_offset);
    dictionary = *std::move(found);
  }
  // Inline slots have no room for flags.
  const bool compresses =
      layout.compression == format::kCompressionLz4 && !layout.bucket.is_inline();
  return std::unique_ptr<const Codec>(std::make_unique<Codec>(compresses, std::move(dictionary)));
}

}  // namespace hmap
