// See typed.h.
#include "verbs/typed.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "hmap/map_types.h"
#include "report/failure.h"
#include "report/json.h"
#include "text/escape.h"

namespace hmap::tool {
namespace {

using Kind = TextType::Kind;

TextType default_type(const TypeInfo::Part& part, std::string_view name) {
  if (part.kind == TypeInfo::Kind::kBytes) return {};
  const std::optional<TextType> named = text_type(name);
  if (named && named->bytes == part.bytes && named->bytes != 0) return *named;
  return {Kind::kHex, 0};
}

std::string_view name_of(TextType type) {
  switch (type.kind) {
    case Kind::kUnsigned:
      return "u";
    case Kind::kSigned:
      return "i";
    case Kind::kFloat:
      return "f";
    default:
      return "bytes";
  }
}

TypeInfo::Part part_of(TextType type) {
  if (type.bytes == 0) return {};
  const auto bytes = static_cast<std::uint32_t>(type.bytes);
  return {TypeInfo::Kind::kFixed, bytes, bytes};
}

std::string known_type(const std::string& name) {
  return text_type(name) ? std::string() : fmt::format("one of {}", text_type_names());
}

Failure wrong_text(const std::string& text, TextType type, const char* what) {
  if (type.kind == Kind::kHex) {
    return usage_failure(
        fmt::format("the {} {} is not an even number of hex digits", what, quote(text)));
  }
  return usage_failure(
      fmt::format("the {} {} is no {}{}", what, quote(text), name_of(type), 8 * type.bytes));
}

void add_name(detail::TypeText& to, TextType type) {
  to.add(name_of(type));
  if (type.bytes != 0) to.add(8 * type.bytes);
}

}  // namespace

void add_option_of_type(CLI::App& app, const std::string& name, std::string& type,
                        const std::string& description) {
  app.add_option(name, type, description)->check(known_type)->type_name("T");
}

void add_key_type_option(CLI::App& app, std::string& type, const std::string& meaning) {
  add_option_of_type(app, "--key-type", type,
                     fmt::format("keys are {}; {}", text_type_names(), meaning));
}

void add_type_options(CLI::App& app, TypeOptions& options, const std::string& meaning) {
  add_key_type_option(app, options.key, meaning);
  add_option_of_type(app, "--value-type", options.value, "the same of values");
}

TextType given_type(const std::string& name) { return text_type(name).value_or(TextType()); }

TextTypes TextTypes::of(const TypeOptions& options, const TypeInfo& store) {
  constexpr std::string_view kArrow = " -> ";
  const std::string_view name = store.name;
  const std::size_t arrow = name.find(kArrow);
  const bool split = arrow != std::string_view::npos;
  TextTypes types;
  types.key = !options.key.empty()
                  ? given_type(options.key)
                  : default_type(store.key, split ? name.substr(0, arrow) : std::string_view());
  types.value = !options.value.empty()
                    ? given_type(options.value)
                    : default_type(store.value,
                                   split ? name.substr(arrow + kArrow.size()) : std::string_view());
  return types;
}

TextTypes json_types(TypeOptions options, const TypeInfo& store) {
  if (options.key == "hex") options.key.clear();
  if (options.value == "hex") options.value.clear();
  return TextTypes::of(options, store);
}

TypeInfo type_to_create(const TypeOptions& options) {
  const TextType key = given_type(options.key);
  const TextType value = given_type(options.value);
  TypeInfo type{part_of(key), part_of(value), 0, {}};
  if (same_type(type, TypeInfo())) return type;
  detail::TypeText name;
  add_name(name, key);
  name.add(" -> ");
  add_name(name, value);
  detail::TypeText print;
  add_name(print, key);
  print.add(" ").add(type.key.bytes).add(" ").add(type.key.align).add(" -> ");
  add_name(print, value);
  print.add(" ").add(type.value.bytes).add(" ").add(type.value.align);
  type.fingerprint = print.hash();
  type.name = name.text();
  return type;
}

std::string key_from(const std::string& text, TextType type) {
  std::optional<std::string> bytes = key_from_text(text, type);
  return bytes ? *std::move(bytes) : throw wrong_text(text, type, "key");
}

std::string value_from(const std::string& text, TextType type) {
  std::optional<std::string> bytes = from_text(text, type);
  return bytes ? *std::move(bytes) : throw wrong_text(text, type, "value");
}

std::string text_from(std::string_view bytes, TextType type, const char* what) {
  std::optional<std::string> text = to_text(bytes, type);
  if (text) return *std::move(text);
  throw usage_failure(fmt::format("a {} has {} bytes, which is no {}{}", what, bytes.size(),
                                  name_of(type), 8 * type.bytes));
}

void set_typed(nlohmann::ordered_json& object, const std::string& name, std::string_view bytes,
               TextType type) {
  if (type.kind == Kind::kBytes) return set_bytes(object, name, bytes);
  const std::string text = text_from(bytes, type, name.c_str());
  if (type.kind == Kind::kHex) {
    object[name] = text;
    return;
  }
  // "-0" would be read as a whole number, which has no such zero.
  const auto number = nlohmann::ordered_json::parse(text == "-0" ? "-0.0" : text, nullptr, false);
  // JSON has no NaN and no infinity.
  object[name] = number.is_discarded() ? nlohmann::ordered_json(text) : number;
}

}  // namespace hmap::tool
