// hmap put: sets the value of one key.
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "io/input.h"
#include "io/output.h"
#include "report/json.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/typed.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct PutVerb {
  CommonOptions common;
  WriteOptions write;
  std::string key;
  std::string value;
  TypeOptions types;
  bool key_hex = false;
  bool value_hex = false;
  bool no_overwrite = false;
  bool only_replace = false;
  bool create = false;
};

constexpr const char* kPutExample =
    "Examples:\n"
    "  hmap put users.hmap ada Lovelace\n"
    "  hmap put users.hmap photo:ada - < ada.jpg\n"
    "  hmap put users.hmap --key-hex 00ff --value-hex 2d\n"
    "  hmap put users.hmap -- -key-with-a-dash value\n"
    "\n"
    "Exit code 1: --no-overwrite found the key, or --only-replace did not; nothing was changed.";

// `-` is standard input, byte by byte, whatever the type: `--value-hex 2d` is the value "-".
bool is_standard_input(const PutVerb& verb) { return verb.value == "-"; }

bool put(Store& store, const PutVerb& verb, const std::string& key, const std::string& value) {
  const std::string& path = verb.common.file;
  if (verb.no_overwrite) return take(store.insert(key, value), path);
  if (verb.only_replace) return take(store.replace(key, value), path);
  require(store.put(key, value), path);
  return true;
}

Exit run(const PutVerb& verb) {
  const std::string& path = verb.common.file;
  // All of the value is there before the store is touched.
  std::string value = is_standard_input(verb) ? read_standard_input(kValueBytesMax) : verb.value;
  // So are arguments that are wrong whatever the store holds.
  if (!verb.types.key.empty()) static_cast<void>(key_from(verb.key, given_type(verb.types.key)));
  if (!verb.types.value.empty() && !is_standard_input(verb))
    static_cast<void>(value_from(verb.value, given_type(verb.types.value)));
  Options options = options_to_write(verb.common, verb.write);
  if (verb.create) options.mode = Mode::kOpenOrCreate;
  options.type = type_to_create(verb.types);
  Store store = take(Store::open(path, options), path);
  const TypeInfo type = take(store.type(), path);
  const TextTypes types = TextTypes::of(verb.types, type);
  const std::string key = key_from(verb.key, types.key);
  if (!is_standard_input(verb)) value = value_from(value, types.value);
  const bool stored = put(store, verb, key, value);
  finish_writing(store, verb.write, path);
  if (verb.common.json) {
    nlohmann::ordered_json answer;
    set_typed(answer, "key", key, json_types(verb.types, type).key);
    answer["value_bytes"] = value.size();
    answer["stored"] = stored;
    Output out;
    write_line(out, answer);
    out.finish();
  }
  return stored ? Exit::kYes : Exit::kNo;
}

}  // namespace

Verb add_put(CLI::App& root) {
  auto verb = std::make_shared<PutVerb>();
  CLI::App& app = add_verb(root, verb->common, "put", "set the value of a key", kPutExample);
  add_bytes(app, "KEY", verb->key, "the key")->required();
  add_bytes(app, "VALUE", verb->value,
            "the value; -: the bytes of standard input, whatever the type")
      ->required();
  app.add_flag("--key-hex", verb->key_hex, "KEY is given as hex digits: --key-type hex");
  app.add_flag("--value-hex", verb->value_hex, "VALUE is given as hex digits");
  add_type_options(app, verb->types, "default: as the type of the store says");
  CLI::Option* const keep =
      app.add_flag("--no-overwrite", verb->no_overwrite, "only if the key is absent");
  app.add_flag("--only-replace", verb->only_replace, "only if the key is present")->excludes(keep);
  app.add_flag("--create", verb->create, "make the store if there is none");
  add_write_options(app, verb->write);
  add_ignore_log_option(app, verb->common);
  return {&app, [verb] {
            if (verb->key_hex) verb->types.key = "hex";
            if (verb->value_hex) verb->types.value = "hex";
            return run(*verb);
          }};
}

}  // namespace hmap::tool
