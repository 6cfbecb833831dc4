// How a value lies in its record: as the caller gave it, or compressed with LZ4, perhaps against
// the store's dictionary. format-spec, "Compressed values".
//
// Compressed bytes are never decompressed where they lie: others may change them meanwhile, and
// the decoder looks at some of them twice. Callers copy, see that the copy was valid, and decode
// that.
#ifndef HMAP_SRC_SYSTEM_CODEC_H_
#define HMAP_SRC_SYSTEM_CODEC_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "format/layout.h"
#include "hmap/result.h"
#include "system/mapping.h"

namespace hmap {

// A value as a record holds it, with the record's flags.
struct StoredValue {
  std::string_view bytes;
  u16 flags = 0;
};

class Codec {
 public:
  // `compresses`: whether values that are written shall be. The dictionary counts for both ways.
  Codec(bool compresses, std::string dictionary);
  ~Codec();
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  [[nodiscard]] bool compresses() const { return compresses_; }
  [[nodiscard]] const std::string& dictionary() const { return dictionary_; }

  // The value as a record shall hold it: compressed if the store does that, the value is long
  // enough, and an eighth is saved. The answer refers to `value` or to `buffer`.
  StoredValue encode(std::string_view value, std::string& buffer) const;

  // Whether a record of this store may have these flags.
  [[nodiscard]] bool knows(u16 flags) const;

  // Turns the bytes of a record with these flags, not 0, into what the caller of put() gave.
  // False: they are damaged, or flags or dictionary are not the store's; `value` is as it was.
  bool decode(u16 flags, std::string& value) const;

  // Bytes of the value behind a record's first bytes, of which there are `bytes`, unless the
  // flags are 0. For statistics; not checked.
  static u64 decoded_bytes(u16 flags, const void* stored, u64 bytes);

 private:
  struct Prepared;
  u64 id_;  // of no other codec of this process
  bool compresses_;
  std::string dictionary_;
  std::unique_ptr<const Prepared> prepared_;  // null: no dictionary
};

// The codec of a store whose fixed part is mapped: with its dictionary, which is copied. kCorrupt
// if that is damaged.
Result<std::unique_ptr<const Codec>> make_codec(const Mapping& map, const Layout& layout,
                                                u64 store_seed);
// The dictionary at this place of a file, if an intact one is there; else nothing.
std::optional<std::string> read_dictionary(const Mapping& map, u64 offset, u64 store_seed);

}  // namespace hmap

#endif  // HMAP_SRC_SYSTEM_CODEC_H_
