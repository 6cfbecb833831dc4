// hmap list: writes the keys, one on a line.
#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "io/output.h"
#include "report/json.h"
#include "text/escape.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/typed.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct ListVerb {
  CommonOptions common;
  std::string prefix;
  std::string key_type;
  bool key_hex = false;
  std::uint64_t limit = UINT64_MAX;
};

constexpr const char* kListExample =
    "Examples:\n"
    "  hmap list users.hmap --prefix photo: --limit 10\n"
    "  hmap list --json users.hmap | jq -r .key\n"
    "\n"
    "The order is random. Keys are escaped as in TSV: \\\\ \\t \\n \\r, and \\xHH for other "
    "control\n"
    "characters and for bytes that are not UTF-8; with --key-hex they are hex digits.";

void write_key(Output& out, const ListVerb& verb, std::string_view key, TextType type) {
  if (verb.common.json) {
    nlohmann::ordered_json object;
    set_typed(object, "key", key, type);
    return write_line(out, object);
  }
  if (type.kind != TextType::Kind::kBytes) {
    out.write(text_from(key, type, "key"));
  } else {
    write_escaped(key, out);
  }
  out.put('\n');
}

// A prefix is of the bytes, which is no prefix of the number that people see.
std::string prefix_bytes(const ListVerb& verb, TextType type) {
  if (verb.prefix.empty()) return {};
  if (type.kind == TextType::Kind::kBytes) return verb.prefix;
  if (type.kind == TextType::Kind::kHex) return bytes_of(verb.prefix, true, "prefix");
  throw usage_failure(
      fmt::format("--prefix {}: the keys are numbers, which begin with no bytes of their own",
                  quote(verb.prefix)),
      "with --key-hex keys and prefix are the hex digits of the bytes, the lowest byte first");
}

Exit run(const ListVerb& verb) {
  const std::string& path = verb.common.file;
  const Store store = open_to_read(verb.common);
  const TypeInfo store_type = take(store.type(), path);
  const TypeOptions given{verb.key_hex ? "hex" : verb.key_type, {}};
  const TextTypes types = TextTypes::of(given, store_type);
  const std::string prefix = prefix_bytes(verb, types.key);
  const TextType type = verb.common.json ? json_types(given, store_type).key : types.key;
  Cursor cursor = take(store.cursor(), path);
  Output out;
  for (std::uint64_t written = 0; written < verb.limit;) {
    const std::optional<Entry> entry = take(cursor.next(), path);
    if (!entry) break;
    if (!entry->key.starts_with(prefix)) continue;
    write_key(out, verb, entry->key, type);
    ++written;
  }
  out.finish();
  return Exit::kYes;
}

}  // namespace

Verb add_list(CLI::App& root) {
  auto verb = std::make_shared<ListVerb>();
  CLI::App& app =
      add_verb(root, verb->common, "list", "write the keys, one on a line", kListExample);
  add_bytes(app, "--prefix", verb->prefix, "only keys that begin with P, written as the keys are")
      ->type_name("P");
  add_number(app, "--limit", verb->limit, "at most N keys");
  app.add_flag("--key-hex", verb->key_hex, "keys, and P, are hex digits");
  add_key_type_option(app, verb->key_type, "default: as the type of the store says");
  add_ignore_log_option(app, verb->common);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
