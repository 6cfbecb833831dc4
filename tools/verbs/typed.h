// --key-type and --value-type: how verbs read and write the keys and values of a store.
#ifndef HMAP_TOOLS_VERBS_TYPED_H_
#define HMAP_TOOLS_VERBS_TYPED_H_

#include <CLI/CLI.hpp>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "hmap/type.h"
#include "text/typed.h"

namespace hmap::tool {

struct TypeOptions {
  std::string key;  // Names of TextTypes; empty: not given.
  std::string value;
};
// An option --name that takes a name of a TextType.
void add_option_of_type(CLI::App& app, const std::string& name, std::string& type,
                        const std::string& description);
// --key-type alone.
void add_key_type_option(CLI::App& app, std::string& type, const std::string& meaning);
// Both options; `meaning` ends their description.
void add_type_options(CLI::App& app, TypeOptions& options, const std::string& meaning);

// What was given, else bytes.
[[nodiscard]] TextType given_type(const std::string& name);
// What was given; else numbers where the name of the store's type says so, hex digits for other
// things of one size, bytes for byte strings.
struct TextTypes {
  TextType key;
  TextType value;
  static TextTypes of(const TypeOptions& options, const TypeInfo& store);
};

// The same for JSON, to which --key-hex and --value-hex do not apply.
[[nodiscard]] TextTypes json_types(TypeOptions options, const TypeInfo& store);

// The type of a store of such keys and values, as hmap::Map has it; hex counts as bytes.
[[nodiscard]] TypeInfo type_to_create(const TypeOptions& options);

// Throw Failure (wrong usage) if `text` is not of the type, or the bytes are not as long.
[[nodiscard]] std::string key_from(const std::string& text, TextType type);
[[nodiscard]] std::string value_from(const std::string& text, TextType type);
[[nodiscard]] std::string text_from(std::string_view bytes, TextType type, const char* what);

// Sets object[name]: bytes as set_bytes() does, hex digits as a string, a number as a number if
// JSON has it.
void set_typed(nlohmann::ordered_json& object, const std::string& name, std::string_view bytes,
               TextType type);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_VERBS_TYPED_H_
