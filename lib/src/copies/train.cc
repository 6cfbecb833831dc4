// hmap::train_dictionary(): see hmap/train.h.
#include "hmap/train.h"

#include <zdict.h>

#include <algorithm>
#include <vector>

#include "hmap/store.h"

namespace hmap {
namespace {

constexpr std::size_t kDictionaryBytesMin = 256;
// The builder looks for what eight bytes and more have in common. Of shorter samples alone it reads
// beyond their end (zstd issue 4499).
constexpr std::size_t kSampleBytesMin = 8;
constexpr std::size_t kSampleBytesMax = std::size_t{16} << 10;
constexpr std::size_t kSamplesBytesMax = std::size_t{16} << 20;
constexpr std::size_t kSamplesMin = 8;

// What is used of a value; nothing of one that is of no use.
std::string_view sample_of(std::string_view value) {
  return value.size() < kSampleBytesMin ? std::string_view() : value.substr(0, kSampleBytesMax);
}

// The samples one after the other, as the builder wants them.
struct Samples {
  std::string bytes;
  std::vector<std::size_t> sizes;

  [[nodiscard]] bool full() const { return bytes.size() >= kSamplesBytesMax; }
  void add(std::string_view sample) {
    if (sample.empty()) return;
    bytes += sample;
    sizes.push_back(sample.size());
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
  for (const std::string_view value : values) all += sample_of(value).size();
  const double share = std::min(1.0, double{kSamplesBytesMax} / static_cast<double>(all));
  Samples samples;
  // By bytes, not every n-th one: short and long values may take turns.
  std::size_t seen = 0;
  for (const std::string_view value : values) {
    const std::string_view sample = sample_of(value);
    const auto taken = static_cast<double>(samples.bytes.size());
    if (taken <= static_cast<double>(seen) * share) samples.add(sample);
    seen += sample.size();
  }
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
    samples.add(sample_of((*entry)->value));
  }
  return train(samples, bytes);
}

}  // namespace hmap
