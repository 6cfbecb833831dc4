// hmap put: sets the value of one key.
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "io/input.h"
#include "io/output.h"
#include "report/json.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct PutVerb {
  CommonOptions common;
  WriteOptions write;
  std::string key;
  std::string value;
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

// `-` is standard input, also with --value-hex: `--value-hex 2d` is the value "-".
std::string value_of(const PutVerb& verb) {
  if (verb.value == "-") return read_standard_input(kValueBytesMax);
  return bytes_of(verb.value, verb.value_hex, "value");
}

bool put(Store& store, const PutVerb& verb, const std::string& key, const std::string& value) {
  const std::string& path = verb.common.file;
  if (verb.no_overwrite) return take(store.insert(key, value), path);
  if (verb.only_replace) return take(store.replace(key, value), path);
  require(store.put(key, value), path);
  return true;
}

Exit run(const PutVerb& verb) {
  const std::string& path = verb.common.file;
  const std::string key = bytes_of(verb.key, verb.key_hex, "key");
  // All of the value is there before the store is touched.
  const std::string value = value_of(verb);
  Options options = options_to_write(verb.write);
  if (verb.create) options.mode = Mode::kOpenOrCreate;
  Store store = take(Store::open(path, options), path);
  const bool stored = put(store, verb, key, value);
  finish_writing(store, verb.write, path);
  if (verb.common.json) {
    nlohmann::ordered_json answer;
    set_bytes(answer, "key", key);
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
  add_bytes(app, "VALUE", verb->value, "the value; - reads it from standard input")->required();
  app.add_flag("--key-hex", verb->key_hex, "KEY is given as hex digits");
  app.add_flag("--value-hex", verb->value_hex, "VALUE is given as hex digits");
  CLI::Option* const keep =
      app.add_flag("--no-overwrite", verb->no_overwrite, "only if the key is absent");
  app.add_flag("--only-replace", verb->only_replace, "only if the key is present")->excludes(keep);
  app.add_flag("--create", verb->create, "make the store if there is none");
  add_write_options(app, verb->write);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
