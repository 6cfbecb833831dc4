#include "base/workload.h"

#include <bit>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace hmap::bench {
namespace {

static_assert(std::endian::native == std::endian::little);

constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15;

std::uint64_t load_word(const char* from) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, from, sizeof(word));
  return word;
}

// Writes the `left` low bytes of `word`, fewer than 8.
void store_tail(char* to, std::uint64_t word, std::size_t left) noexcept {
  for (std::size_t i = 0; i < left; ++i) to[i] = static_cast<char>(word >> (8 * i));
}

// The word that all words of a value after the first are counted up from.
std::uint64_t value_base(std::string_view key, std::uint64_t version) noexcept {
  return scramble(load_word(key.data()) + version * 0xd1342543de82ef95);
}

}  // namespace

std::uint64_t scramble(std::uint64_t x) noexcept {
  x += kGolden;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

void Workload::key(std::uint64_t index, std::string& key) const {
  if (key.size() != shape_.key_bytes) key.resize(shape_.key_bytes);
  char* to = key.data();
  std::size_t left = shape_.key_bytes;
  std::uint64_t word = scramble(index + shape_.seed * kGolden);
  for (; left >= sizeof(word); left -= sizeof(word)) {
    std::memcpy(to, &word, sizeof(word));
    to += sizeof(word);
    // As random as the first, at the price of one multiplication.
    word = (word ^ (word >> 32)) * kGolden;
  }
  store_tail(to, word, left);
}

void Workload::value(std::string_view key, std::uint64_t version, std::string& value) const {
  if (value.size() != shape_.value_bytes) value.resize(shape_.value_bytes);
  char* to = value.data();
  if (value.size() == sizeof(version)) {
    const std::uint64_t word = version ^ value_base(key, 0);
    std::memcpy(to, &word, sizeof(word));
    return;
  }
  std::size_t left = value.size() - sizeof(version);
  std::memcpy(to, &version, sizeof(version));
  std::uint64_t word = value_base(key, version);
  for (to += sizeof(version); left >= sizeof(word); left -= sizeof(word)) {
    std::memcpy(to, &word, sizeof(word));
    to += sizeof(word);
    word += kGolden;
  }
  store_tail(to, word, left);
}

std::optional<std::uint64_t> Workload::version_of(std::string_view key,
                                                  std::string_view value) const noexcept {
  if (key.size() != shape_.key_bytes || value.size() != shape_.value_bytes) return std::nullopt;
  const char* from = value.data();
  if (value.size() == sizeof(std::uint64_t)) {
    const std::uint64_t version = load_word(from) ^ value_base(key, 0);
    if (version >> kVersionBits != 0) return std::nullopt;
    return version;
  }
  std::size_t left = value.size() - sizeof(std::uint64_t);
  const std::uint64_t version = load_word(from);
  std::uint64_t word = value_base(key, version);
  std::uint64_t difference = 0;
  from += sizeof(version);
  // Four words at a time: this program's own work is in every store's figure.
  for (; left >= 4 * sizeof(word); left -= 4 * sizeof(word)) {
    difference |= (load_word(from) ^ word) | (load_word(from + 8) ^ (word + kGolden)) |
                  (load_word(from + 16) ^ (word + 2 * kGolden)) |
                  (load_word(from + 24) ^ (word + 3 * kGolden));
    from += 4 * sizeof(word);
    word += 4 * kGolden;
  }
  for (; left >= sizeof(word); left -= sizeof(word)) {
    difference |= load_word(from) ^ word;
    from += sizeof(word);
    word += kGolden;
  }
  if (left != 0) {
    // The last bytes are the low ones of `word`, and the high ones of the last whole load.
    const std::size_t unused_bits = 8 * (sizeof(word) - left);
    const std::uint64_t tail = load_word(from + left - sizeof(word)) >> unused_bits;
    difference |= tail ^ (word << unused_bits >> unused_bits);
  }
  if (difference != 0) return std::nullopt;
  return version;
}

std::uint64_t Workload::token(std::string_view key, std::uint64_t version) noexcept {
  return scramble(value_base(key, version));
}

Order::Order(std::uint64_t n, std::uint64_t seed) {
  if (n == 0 || n > kEntriesMax) throw std::runtime_error("entries must be 1 to 2^31 - 1");
  indexes_.resize(n);
  for (std::uint64_t i = 0; i < n; ++i) indexes_[i] = static_cast<std::uint32_t>(i);
  std::uint64_t random = scramble(~seed);
  for (std::uint64_t i = n - 1; i > 0; --i) {
    random = scramble(random);
    // The high 32 bits scaled to 0..i; the bias is below 2^-32 times i.
    std::swap(indexes_[i], indexes_[((random >> 32) * (i + 1)) >> 32]);
  }
}

}  // namespace hmap::bench
