// hmap get: writes the value of one key.
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "io/output.h"
#include "report/json.h"
#include "text/hex.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct GetVerb {
  CommonOptions common;
  std::string key;
  bool key_hex = false;
  bool value_hex = false;
};

constexpr const char* kGetExample =
    "Examples:\n"
    "  hmap get users.hmap ada\n"
    "  hmap get users.hmap photo:ada > ada.jpg\n"
    "  hmap get --json users.hmap ada | jq -r .value\n"
    "\n"
    "Writes the bytes of the value and nothing else, no newline either.\n"
    "Exit code 1: the key is absent (with --json the value is then null).";

void write_json(Output& out, const std::string& key, const std::string* value) {
  nlohmann::ordered_json answer;
  set_bytes(answer, "key", key);
  if (value == nullptr) {
    answer["value"] = nullptr;
  } else {
    set_bytes(answer, "value", *value);
  }
  write_line(out, answer);
}

Exit run(const GetVerb& verb) {
  const std::string& path = verb.common.file;
  const std::string key = bytes_of(verb.key, verb.key_hex, "key");
  const Store store = open_to_read(path);
  std::string value;
  const bool present = take(store.get_into(key, value), path);
  Output out;
  if (verb.common.json) {
    write_json(out, key, present ? &value : nullptr);
  } else if (present && verb.value_hex) {
    std::string hex;
    append_hex(value, hex);
    out.write(hex);
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
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
