// hmap create: makes a new store.
#include <fmt/format.h>

#include <cstdint>
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

struct CreateVerb {
  CommonOptions common;
  CreateOptions create;
  TypeOptions types;
  std::string durability = "checkpoint";
  std::string file_mode = "0644";
  std::uint64_t block_bytes = 0;
  std::uint64_t extent_bytes = 0;
  std::uint32_t slots = 0;
  std::uint32_t intent_words = 0;
};

constexpr const char* kCreateExample =
    "Example:\n"
    "  hmap create users.hmap --expect 1000000 --shards 16\n"
    "\n"
    "Nothing is written to standard output. A file that is there already is never touched:\n"
    "that is an error (exit code 5).";

std::uint32_t permission_bits(const std::string& text) {
  constexpr std::uint32_t kAll = 0777;
  std::uint32_t bits = 0;
  for (const char c : text) {
    if (c < '0' || c > '7' || bits > kAll) throw usage_failure("--mode takes octal digits: 0640");
    bits = bits * 8 + static_cast<std::uint32_t>(c - '0');
  }
  if (text.empty() || bits > kAll) throw usage_failure("--mode takes 0 to 0777");
  return bits;
}

std::uint32_t small_size(std::uint64_t bytes, const char* option) {
  if (bytes > UINT32_MAX) throw usage_failure(fmt::format("{} is too large", option));
  return static_cast<std::uint32_t>(bytes);
}

Options options_of(const CreateVerb& verb) {
  Options options;
  options.mode = Mode::kCreate;
  apply(verb.create, options);
  options.type = type_to_create(verb.types);
  options.durability = verb.durability == "none" ? Durability::kNone : Durability::kCheckpoint;
  options.file_mode = permission_bits(verb.file_mode);
  options.geometry.block_bytes = small_size(verb.block_bytes, "--block-bytes");
  options.geometry.extent_bytes = small_size(verb.extent_bytes, "--extent-bytes");
  options.geometry.slots = verb.slots;
  options.geometry.intent_words = verb.intent_words;
  return options;
}

Exit run(const CreateVerb& verb) {
  const std::string& path = verb.common.file;
  Store store = take(Store::open(path, options_of(verb)), path);
  const Stats stats = take(store.stats(), path);
  require(store.close(), path);
  if (!verb.common.json) return Exit::kYes;
  nlohmann::ordered_json answer;
  set_bytes(answer, "file", path);
  answer["created"] = true;
  answer["shards"] = stats.shards.size();
  answer["block_bytes"] = stats.block_bytes;
  answer["extent_bytes"] = stats.extent_bytes;
  answer["slots"] = stats.slots;
  answer["format_version"] = stats.format_version;
  Output out;
  write_line(out, answer);
  out.finish();
  return Exit::kYes;
}

}  // namespace

Verb add_create(CLI::App& root) {
  auto verb = std::make_shared<CreateVerb>();
  CLI::App& app = add_verb(root, verb->common, "create", "make a new, empty store", kCreateExample);
  add_create_options(app, verb->create);
  add_type_options(app, verb->types, "a store as hmap::Map makes it; hex counts as bytes");
  app.add_option("--durability", verb->durability,
                 "checkpoint: a power cut leaves the last checkpoint, taken every few seconds; "
                 "none: the last sync or close")
      ->check(CLI::IsMember({"checkpoint", "none"}))
      ->type_name("MODE")
      ->capture_default_str();
  app.add_option("--mode", verb->file_mode, "permission bits, before the umask")
      ->type_name("OCTAL")
      ->capture_default_str();
  add_number(app, "--slots", verb->slots, "processes that may have it open for writing (to 255)");
  add_size(app, "--block-bytes", verb->block_bytes, "unit of copying; default 4096");
  add_size(app, "--extent-bytes", verb->extent_bytes, "unit of space; default 32 KiB");
  add_number(app, "--intent-words", verb->intent_words, "words one intent can change; default 256");
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
