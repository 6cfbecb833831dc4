// The data of a benchmark: which keys, which values, in which order. All of it is computed from a
// seed, so that every store gets the same work and every value read can be checked.
#ifndef HMAP_BENCH_BASE_WORKLOAD_H_
#define HMAP_BENCH_BASE_WORKLOAD_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hmap::bench {

inline constexpr std::uint64_t kMillion = 1'000'000;

// What the entries look like.
struct Shape {
  std::uint64_t entries = 0;
  std::size_t key_bytes = 16;
  std::size_t value_bytes = 100;
  std::uint64_t seed = 1;

  // Whether keys and values are 8 bytes each: what stores of integers take.
  [[nodiscard]] bool is_u64() const noexcept { return key_bytes == 8 && value_bytes == 8; }
};

inline constexpr std::size_t kKeyBytesMin = 8;    // The first 8 bytes alone tell keys apart.
inline constexpr std::size_t kValueBytesMin = 8;  // A value starts with its version.
inline constexpr unsigned kVersionBits = 56;
// LMDB as it is built everywhere takes no longer keys.
inline constexpr std::size_t kKeyBytesMax = 511;

inline constexpr std::uint64_t kEntriesMax = INT32_MAX;

// A bijection of the 64-bit numbers that looks random (splitmix64).
[[nodiscard]] std::uint64_t scramble(std::uint64_t x) noexcept;

// Keys and values of one shape.
//
// Key `index` is a bijection of the index: indexes below `entries` are in the store, the others are
// not. A value is its version (8 bytes) and then words that depend on key, version and place, so
// that a foreign, a torn or an old value is told apart. A value of 8 bytes has room for one word
// only: its version, below 2^kVersionBits, xor a word that depends on the key.
class Workload {
 public:
  explicit Workload(const Shape& shape) noexcept : shape_(shape) {}

  [[nodiscard]] const Shape& shape() const noexcept { return shape_; }

  // Writes the key of `index` to `key`.
  void key(std::uint64_t index, std::string& key) const;

  // Writes the value number `version` of `key` to `value`.
  void value(std::string_view key, std::uint64_t version, std::string& value) const;

  // The version of `value` if it is, byte by byte, a value of `key`; else nothing.
  [[nodiscard]] std::optional<std::uint64_t> version_of(std::string_view key,
                                                        std::string_view value) const noexcept;

  // A number for one entry. The sum over a store tells whether it holds the right set of entries.
  [[nodiscard]] static std::uint64_t token(std::string_view key, std::uint64_t version) noexcept;

 private:
  Shape shape_;
};

// All indexes below n in a random order, the same for every store.
class Order {
 public:
  Order(std::uint64_t n, std::uint64_t seed);

  [[nodiscard]] std::uint64_t size() const noexcept { return indexes_.size(); }

  // The index at this place of the order, below size().
  [[nodiscard]] std::uint64_t at(std::uint64_t place) const noexcept { return indexes_[place]; }

  // An endless walk through the order, from `start`.
  class Walk {
   public:
    Walk(const Order& order, std::uint64_t start) noexcept
        : indexes_(order.indexes_), at_(start % order.size()) {}
    std::uint64_t next() noexcept {
      const std::uint64_t index = indexes_[at_];
      if (++at_ == indexes_.size()) at_ = 0;
      return index;
    }

   private:
    const std::vector<std::uint32_t>& indexes_;
    std::uint64_t at_;
  };

 private:
  std::vector<std::uint32_t> indexes_;
};

}  // namespace hmap::bench

#endif  // HMAP_BENCH_BASE_WORKLOAD_H_
