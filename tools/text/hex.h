// Bytes as pairs of hexadecimal digits: written in lower case, read in either.
#ifndef HMAP_TOOLS_TEXT_HEX_H_
#define HMAP_TOOLS_TEXT_HEX_H_

#include <optional>
#include <string>
#include <string_view>

namespace hmap::tool {

// The value of one digit, or -1.
[[nodiscard]] constexpr int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_hex(std::string_view bytes, std::string& text);

// The bytes, or std::nullopt if `text` is not an even number of digits and nothing else.
[[nodiscard]] std::optional<std::string> from_hex(std::string_view text);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_TEXT_HEX_H_
