// hmap del: removes keys.
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "io/output.h"
#include "report/json.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/typed.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct DelVerb {
  CommonOptions common;
  WriteOptions write;
  std::vector<std::string> keys;
  TypeOptions types;
  bool key_hex = false;
};

constexpr const char* kDelExample =
    "Examples:\n"
    "  hmap del users.hmap ada grace\n"
    "  hmap del users.hmap --key-hex 00ff\n"
    "\n"
    "Exit code 1: at least one key was absent; the others are removed.";

Exit run(const DelVerb& verb) {
  const std::string& path = verb.common.file;
  Store store = take(Store::open(path, options_to_write(verb.write)), path);
  const TypeInfo type = take(store.type(), path);
  const TextTypes types = TextTypes::of(verb.types, type);
  std::vector<std::string> keys;
  for (const std::string& key : verb.keys) keys.push_back(bytes_from(key, types.key, "key"));
  std::uint64_t removed = 0;
  auto absent = nlohmann::ordered_json::array();
  for (const std::string& key : keys) {
    if (take(store.erase(key), path)) {
      ++removed;
      continue;
    }
    nlohmann::ordered_json entry;
    set_typed(entry, "key", key, json_types(verb.types, type).key);
    absent.push_back(std::move(entry));
  }
  finish_writing(store, verb.write, path);
  const Exit exit = absent.empty() ? Exit::kYes : Exit::kNo;
  if (verb.common.json) {
    Output out;
    write_line(out, {{"removed", removed}, {"absent", std::move(absent)}});
    out.finish();
  }
  return exit;
}

}  // namespace

Verb add_del(CLI::App& root) {
  auto verb = std::make_shared<DelVerb>();
  CLI::App& app = add_verb(root, verb->common, "del", "remove keys", kDelExample);
  add_bytes_list(app, "KEY", verb->keys, "the keys");
  app.add_flag("--key-hex", verb->key_hex, "the KEYs are given as hex digits");
  add_write_options(app, verb->write);
  add_key_type_option(app, verb->types.key, "default: as the type of the store says");
  return {&app, [verb] {
            if (verb->key_hex) verb->types.key = "hex";
            return run(*verb);
          }};
}

}  // namespace hmap::tool
