// Is it UTF-8? By Unicode's table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF.
#ifndef HMAP_TOOLS_TEXT_UTF8_H_
#define HMAP_TOOLS_TEXT_UTF8_H_

#include <cstddef>
#include <string_view>

namespace hmap::tool {

// The length (1 to 4) of the valid sequence that `bytes` begins with; 0 if it begins with none.
[[nodiscard]] std::size_t utf8_sequence(std::string_view bytes) noexcept;

[[nodiscard]] bool is_utf8(std::string_view bytes) noexcept;

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_TEXT_UTF8_H_
