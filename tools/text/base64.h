// Base64 of RFC 4648, section 4: the standard alphabet, padded, nothing else between.
#ifndef HMAP_TOOLS_TEXT_BASE64_H_
#define HMAP_TOOLS_TEXT_BASE64_H_

#include <optional>
#include <string>
#include <string_view>

namespace hmap::tool {

[[nodiscard]] std::string to_base64(std::string_view bytes);

// The bytes, or std::nullopt: a foreign character, missing padding, or bits left over that are not
// zero (two texts for the same bytes would mean that one of them was damaged).
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_TEXT_BASE64_H_
