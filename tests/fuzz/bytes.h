// The input of a fuzz target, taken apart. An input that ends early reads as
// zeros, so that every input means something.
#ifndef HMAP_TESTS_FUZZ_BYTES_H_
#define HMAP_TESTS_FUZZ_BYTES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace hmap::test {

using Bytes = std::span<const std::uint8_t>;

class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : left_(bytes) {}

  [[nodiscard]] bool at_end() const { return left_.empty(); }
  [[nodiscard]] Bytes rest() const { return left_; }
  template <typename T>
  T take() {
    T value{};
    const std::size_t there = std::min(sizeof value, left_.size());
    if (there != 0) std::memcpy(&value, left_.data(), there);
    left_ = left_.subspan(there);
    return value;
  }
  std::string take_text(std::size_t bytes) {
    const std::size_t there = std::min(bytes, left_.size());
    std::string text(reinterpret_cast<const char*>(left_.data()), there);
    left_ = left_.subspan(there);
    return text;
  }

 private:
  Bytes left_;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_FUZZ_BYTES_H_
