// See typed.h.
#include "text/typed.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

#include "hmap/map_coding.h"
#include "text/hex.h"

namespace hmap::tool {
namespace {

using Kind = TextType::Kind;

struct Named {
  std::string_view name;
  TextType type;
};
constexpr std::array kNamed = {
    Named{"bytes", {Kind::kBytes, 0}},  Named{"hex", {Kind::kHex, 0}},
    Named{"u8", {Kind::kUnsigned, 1}},  Named{"u16", {Kind::kUnsigned, 2}},
    Named{"u32", {Kind::kUnsigned, 4}}, Named{"u64", {Kind::kUnsigned, 8}},
    Named{"i8", {Kind::kSigned, 1}},    Named{"i16", {Kind::kSigned, 2}},
    Named{"i32", {Kind::kSigned, 4}},   Named{"i64", {Kind::kSigned, 8}},
    Named{"f32", {Kind::kFloat, 4}},    Named{"f64", {Kind::kFloat, 8}},
};

template <typename Number>
std::optional<std::string> number_to_text(std::string_view bytes) {
  Number number{};
  if (bytes.size() != sizeof number) return std::nullopt;
  std::memcpy(&number, bytes.data(), sizeof number);
  if constexpr (sizeof number == 1) return fmt::format("{}", static_cast<int>(number));
  return fmt::format("{}", number);
}

template <typename Number>
std::optional<std::string> number_from_text(std::string_view text) {
  Number number{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc() || stop != end) return std::nullopt;
  return std::string(reinterpret_cast<const char*>(&number), sizeof number);
}

template <typename Number>
void make_canonical(std::string& bytes) {
  Number number{};
  std::memcpy(&number, bytes.data(), sizeof number);
  number = detail::canonical(number);
  std::memcpy(bytes.data(), &number, sizeof number);
}

// fn.operator()<Number>() for the number that the type is.
template <typename Fn>
std::optional<std::string> with_number(TextType type, Fn&& fn) {
  const bool is_signed = type.kind == Kind::kSigned;
  if (type.kind == Kind::kFloat)
    return type.bytes == 4 ? fn.template operator()<float>() : fn.template operator()<double>();
  switch (type.bytes) {
    case 1:
      return is_signed ? fn.template operator()<std::int8_t>()
                       : fn.template operator()<std::uint8_t>();
    case 2:
      return is_signed ? fn.template operator()<std::int16_t>()
                       : fn.template operator()<std::uint16_t>();
    case 4:
      return is_signed ? fn.template operator()<std::int32_t>()
                       : fn.template operator()<std::uint32_t>();
    default:
      return is_signed ? fn.template operator()<std::int64_t>()
                       : fn.template operator()<std::uint64_t>();
  }
}

}  // namespace

std::optional<TextType> text_type(std::string_view name) {
  for (const Named& named : kNamed) {
    if (named.name == name) return named.type;
  }
  return std::nullopt;
}

std::vector<std::string> text_type_list() {
  std::vector<std::string> names;
  names.reserve(kNamed.size());
  for (const Named& named : kNamed) names.emplace_back(named.name);
  return names;
}

const char* text_type_names() { return "bytes, hex, u8 to u64, i8 to i64, f32, f64"; }

std::string text_type_words(TextType type) {
  if (type.kind == Kind::kBytes) return "bytes";
  if (type.kind == Kind::kHex) return "an even number of hex digits";
  const char letter = type.kind == Kind::kFloat ? 'f' : type.kind == Kind::kSigned ? 'i' : 'u';
  return fmt::format("a{} {}{}", letter == 'u' ? "" : "n", letter, 8 * type.bytes);
}

std::optional<std::string> to_text(std::string_view bytes, TextType type) {
  if (type.kind == Kind::kBytes) return std::string(bytes);
  if (type.kind == Kind::kHex) {
    std::string hex;
    append_hex(bytes, hex);
    return hex;
  }
  return with_number(type, [&]<typename N>() { return number_to_text<N>(bytes); });
}

std::optional<std::string> from_text(std::string_view text, TextType type) {
  if (type.kind == Kind::kBytes) return std::string(text);
  if (type.kind == Kind::kHex) return from_hex(text);
  return with_number(type, [&]<typename N>() { return number_from_text<N>(text); });
}

std::optional<std::string> key_from_text(std::string_view text, TextType type) {
  std::optional<std::string> bytes = from_text(text, type);
  if (!bytes || type.kind != Kind::kFloat) return bytes;
  type.bytes == 4 ? make_canonical<float>(*bytes) : make_canonical<double>(*bytes);
  return bytes;
}

}  // namespace hmap::tool
