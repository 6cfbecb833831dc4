// hmap get: writes the value of one key.
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "io/output.h"
#include "report/json.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/typed.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct GetVerb {
  CommonOptions common;
  std::string key;
  TypeOptions types;
  bool key_hex = false;
  bool value_hex = false;
};

constexpr const char* kGetExample =
    "Examples:\n"
    "  hmap get users.hmap ada\n"
    "  hmap get users.hmap photo:ada > ada.jpg\n"
    "  hmap get --json users.hmap ada | jq -r .value\n"
    "\n"
    "Writes the bytes of the value and nothing else, no newline either; of values that are not\n"
    "byte strings a line.\n"
    "Exit code 1: the key is absent (with --json the value is then null).";

void write_json(Output& out, const std::string& key, const std::string* value,
                const TextTypes& types) {
  nlohmann::ordered_json answer;
  set_typed(answer, "key", key, types.key);
  if (value == nullptr) {
    answer["value"] = nullptr;
  } else {
    set_typed(answer, "value", *value, types.value);
  }
  write_line(out, answer);
}

Exit run(const GetVerb& verb) {
  const std::string& path = verb.common.file;
  if (!verb.types.key.empty()) static_cast<void>(key_from(verb.key, given_type(verb.types.key)));
  const Store store = open_to_read(verb.common);
  const TypeInfo type = take(store.type(), path);
  const TextTypes types = TextTypes::of(verb.types, type);
  const std::string key = key_from(verb.key, types.key);
  std::string value;
  const bool present = take(store.get_into(key, value), path);
  Output out;
  if (verb.common.json) {
    write_json(out, key, present ? &value : nullptr, json_types(verb.types, type));
  } else if (present && types.value.kind != TextType::Kind::kBytes) {
    out.write(text_from(value, types.value, "value"));
    out.put('\n');
  } else if (present) {
    out.write(value);
  }
  out.finish();
  return present ? Exit::kYes : Exit::kNo;
}

}  // namespace

Verb add_get(CLI::App& root) {
  auto verb = std::make_shared<GetVerb>();
  CLI::App& app = add_verb(root, verb->common, "get", "write the value of a key", kGetExample);
  add_bytes(app, "KEY", verb->key, "the key")->required();
  app.add_flag("--key-hex", verb->key_hex, "KEY is given as hex digits");
  app.add_flag("--value-hex", verb->value_hex, "write the value as a line of hex digits");
  add_type_options(app, verb->types, "default: as the type of the store says");
  add_ignore_log_option(app, verb->common);
  return {&app, [verb] {
            if (verb->key_hex) verb->types.key = "hex";
            if (verb->value_hex) verb->types.value = "hex";
            return run(*verb);
          }};
}

}  // namespace hmap::tool
