// hmap::train_dictionary(): see hmap/train.h.
#include "hmap/train.h"

#include <zdict.h>

#include <algorithm>
#include <vector>

#include "hmap/store.h"

namespace hmap {
namespace {

constexpr std::size_t kDictionaryBytesMin = 256;
constexpr std::size_t kSampleBytesMax = std::size_t{16} << 10;
constexpr std::size_t kSamplesBytesMax = std::size_t{16} << 20;
constexpr std::size_t kSamplesMin = 8;

// The samples one after the other, as the builder wants them.
struct Samples {
  std::string bytes;
  std::vector<std::size_t> sizes;

  [[nodiscard]] bool full() const { return bytes.size() >= kSamplesBytesMax; }
  void add(std::string_view value) {
    value = value.substr(0, kSampleBytesMax);
    if (value.empty()) return;
    bytes += value;
    sizes.push_back(value.size());
  }
};

Result<std::string> train(const Samples& samples, std::size_t bytes) {
  if (bytes < kDictionaryBytesMin || bytes > kDictionaryBytesMax)
    return Status(Code::kInvalidArgument, "dictionary: 256 to 65,536 bytes");
  if (samples.sizes.size() < kSamplesMin)
    return Status(Code::kInvalidArgument, "dictionary: too few values to make one of");
  std::string dictionary(bytes, '\0');
  const std::size_t made =
      ZDICT_trainFromBuffer(dictionary.data(), dictionary.size(), samples.bytes.data(),
                            samples.sizes.data(), static_cast<unsigned>(samples.sizes.size()));
  if (ZDICT_isError(made) != 0)
    return Status(Code::kInvalidArgument,
                  "dictionary: the values are too few, too short or have nothing in common");
  dictionary.resize(made);
  // The tables of another compressor at the beginning: LZ4 has no use for them.
  const std::size_t tables = ZDICT_getDictHeaderSize(dictionary.data(), dictionary.size());
  if (ZDICT_isError(tables) == 0 && tables < dictionary.size()) dictionary.erase(0, tables);
  return dictionary;
}

}  // namespace

Result<std::string> train_dictionary(std::span<const std::string_view> values, std::size_t bytes) {
  std::size_t all = 0;
  for (const std::string_view value : values) all += std::min(value.size(), kSampleBytesMax);
  const std::size_t step = all / kSamplesBytesMax + 1;
  Samples samples;
  for (std::size_t i = 0; i < values.size() && !samples.full(); i += step) samples.add(values[i]);
  return train(samples, bytes);
}

Result<std::string> train_dictionary(const Store& store, std::size_t bytes) {
  // Random from the start: a walk goes by hashes.
  Result<Cursor> cursor = store.cursor();
  if (!cursor) return cursor.error();
  Samples samples;
  while (!samples.full()) {
    const Result<std::optional<Entry>> entry = cursor->next();
    if (!entry) return entry.error();
    if (!entry->has_value()) break;
    samples.add((*entry)->value);
  }
  return train(samples, bytes);
}

}  // namespace hmap
