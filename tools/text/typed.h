// Keys and values of typed stores as text: numbers as people write them, the rest as hex digits.
#ifndef HMAP_TOOLS_TEXT_TYPED_H_
#define HMAP_TOOLS_TEXT_TYPED_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace hmap::tool {

// How bytes are written and read.
struct TextType {
  enum class Kind : unsigned char { kBytes, kHex, kUnsigned, kSigned, kFloat };
  Kind kind = Kind::kBytes;
  std::size_t bytes = 0;  // of numbers
};

// "bytes", "hex", "u8" to "u64", "i8" to "i64", "f32", "f64"; std::nullopt for other words.
[[nodiscard]] std::optional<TextType> text_type(std::string_view name);
[[nodiscard]] std::vector<std::string> text_type_list();
// All of them, for people.
[[nodiscard]] const char* text_type_names();

// What a text of the type has to be: "a u64", "an even number of hex digits".
[[nodiscard]] std::string text_type_words(TextType type);

// std::nullopt: `bytes` is not as long as the number. kBytes: as they are.
[[nodiscard]] std::optional<std::string> to_text(std::string_view bytes, TextType type);
// std::nullopt: `text` is no such number, or not one that fits; no hex digits, or an odd number.
[[nodiscard]] std::optional<std::string> from_text(std::string_view text, TextType type);
// The same for a key: numbers that are equal have the same bytes, as hmap::Map stores them.
[[nodiscard]] std::optional<std::string> key_from_text(std::string_view text, TextType type);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_TEXT_TYPED_H_
