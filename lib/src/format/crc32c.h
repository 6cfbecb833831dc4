// CRC-32C (Castagnoli; RFC 3720, appendix B.4) of short inputs: processors have an instruction for
// it, so that 100 bytes take some 30 instructions. format-spec/format.md, "Hashing and checksums".
#ifndef HMAP_SRC_FORMAT_CRC32C_H_
#define HMAP_SRC_FORMAT_CRC32C_H_

#include <cstddef>
#include <cstdint>

namespace hmap {

// Whether this processor has the instruction. False until the library's constants are initialized:
// then the table is used, which says the same.
extern const bool kHasCrc32c;

// Goes on from the state `crc` over the bytes, one by one with a table: for any processor.
std::uint32_t crc32c_by_table(std::uint32_t crc, const void* bytes, std::size_t count) noexcept;

class Crc32c {
 public:
  // At most 255 bytes; parts come one behind the other.
  [[gnu::always_inline]] void add(const void* bytes, std::size_t count) noexcept {
#ifdef __x86_64__
    if (kHasCrc32c) [[likely]] {
      add_all(static_cast<const char*>(bytes), count);
      return;
    }
#endif
    state_ = crc32c_by_table(static_cast<std::uint32_t>(state_), bytes, count);
  }
  // The eight bytes of a word, in little-endian order.
  [[gnu::always_inline]] void add_word(std::uint64_t word) noexcept {
#ifdef __x86_64__
    if (kHasCrc32c) [[likely]] {
      asm("crc32q %1, %0" : "+r"(state_) : "r"(word));
      return;
    }
#endif
    state_ = crc32c_by_table(static_cast<std::uint32_t>(state_), &word, sizeof word);
  }
  [[nodiscard]] std::uint32_t value() const noexcept { return ~static_cast<std::uint32_t>(state_); }

 private:
#ifdef __x86_64__
  // The instruction by its name, and no intrinsic: those cannot be inlined into functions that are
  // compiled for processors without it.
  // (Not in a loop, which g++ would keep.)
  template <std::size_t kWords>
  [[gnu::always_inline]] void add_words(const char* at) noexcept {
    using Word [[gnu::may_alias, gnu::aligned(1)]] = std::uint64_t;
    asm("crc32q %1, %0" : "+r"(state_) : "m"(*reinterpret_cast<const Word*>(at)));
    if constexpr (kWords > 1) add_words<kWords - 1>(at + sizeof(Word));
  }

  template <std::size_t kWords>
  [[gnu::always_inline]] void add_part(const char*& at, std::size_t count) noexcept {
    if ((count & 8 * kWords) == 0) return;
    add_words<kWords>(at);
    at += 8 * kWords;
  }
  [[gnu::always_inline]] void add_all(const char* at, std::size_t count) noexcept {
    add_part<16>(at, count);
    add_part<8>(at, count);
    add_part<4>(at, count);
    add_part<2>(at, count);
    add_part<1>(at, count);
    add_rest(at, count);
  }
  [[gnu::always_inline]] void add_rest(const char* at, std::size_t count) noexcept {
    using Half [[gnu::may_alias, gnu::aligned(1)]] = std::uint32_t;
    using Quarter [[gnu::may_alias, gnu::aligned(1)]] = std::uint16_t;
    auto state = static_cast<std::uint32_t>(state_);
    if ((count & 4) != 0) {
      asm("crc32l %1, %0" : "+r"(state) : "m"(*reinterpret_cast<const Half*>(at)));
      at += sizeof(Half);
    }
    if ((count & 2) != 0) {
      asm("crc32w %1, %0" : "+r"(state) : "m"(*reinterpret_cast<const Quarter*>(at)));
      at += sizeof(Quarter);
    }
    if ((count & 1) != 0) asm("crc32b %1, %0" : "+r"(state) : "m"(*at));
    state_ = state;
  }
#endif

  std::uint64_t state_ = 0xffffffff;  // of the register; its upper half is zero
};

}  // namespace hmap

#endif  // HMAP_SRC_FORMAT_CRC32C_H_
