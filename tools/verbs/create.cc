// hmap create: makes a new store.
#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

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
  Geometry geometry;
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

Options options_of(const CreateVerb& verb) {
  Options options;
  options.mode = Mode::kCreate;
  apply(verb.create, options);
  options.type = type_to_create(verb.types);
  options.durability = verb.durability == "none" ? Durability::kNone : Durability::kCheckpoint;
  options.file_mode = permission_bits(verb.file_mode);
  options.geometry = verb.geometry;
  return options;
}

Store make(const CreateVerb& verb) {
  const std::string& path = verb.common.file;
  Result<Store> store = Store::open(path, options_of(verb));
  if (store) return *std::move(store);
  Failure failure = store_failure(store.error(), path);
  if (std::string_view(store.error().what()).starts_with("geometry: "))
    failure.hint = "--block-bytes, --extent-bytes: the defaults, 4096 and 32 KiB, suit most stores";
  throw failure;
}

Exit run(const CreateVerb& verb) {
  const std::string& path = verb.common.file;
  Store store = make(verb);
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
  Geometry& geometry = verb->geometry;
  add_number(app, "--slots", geometry.slots,
             "processes that may have it open for writing: 1 to 255, the default", {1, 255});
  add_size(app, "--block-bytes", geometry.block_bytes,
           "unit of copying, a power of two from 512 to 64 KiB; default 4096", kBlockBytes);
  add_size(app, "--extent-bytes", geometry.extent_bytes,
           "unit of space, a power of two from 2 KiB to 16 MiB; default 32 KiB", kExtentBytes);
  add_number(app, "--intent-words", geometry.intent_words,
             "words one intent can change: 64 to 256, the default", {64, 256});
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
