// Asks the processor, and is what there is without the instruction.
#include "format/crc32c.h"

#include <array>

namespace hmap {
namespace {

constexpr std::uint32_t kPolynomial = 0x82f63b78;  // 0x1edc6f41 with its bits in the other order

constexpr std::array<std::uint32_t, 256> kTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[byte] = crc;
  }
  return table;
}();

bool has_instruction() noexcept {
#ifdef __x86_64__
  __builtin_cpu_init();  // may be earlier than the C++ library's own constants
  return __builtin_cpu_supports("sse4.2") != 0;
#else
  return false;
#endif
}

}  // namespace

const bool kHasCrc32c = has_instruction();

std::uint32_t crc32c_by_table(std::uint32_t crc, const void* bytes, std::size_t count) noexcept {
  const auto* at = static_cast<const unsigned char*>(bytes);
  for (std::size_t i = 0; i < count; ++i) crc = crc >> 8 ^ kTable[(crc ^ at[i]) & 0xff];
  return crc;
}

}  // namespace hmap
