// hmap del: removes keys.
#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "formats/key_lines.h"
#include "io/descriptors.h"
#include "io/input.h"
#include "io/output.h"
#include "io/progress.h"
#include "report/json.h"
#include "text/numbers.h"
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
  std::string keys_from;  // Empty: not given.
  TypeOptions types;
  bool key_hex = false;
};

constexpr const char* kDelExample =
    "Examples:\n"
    "  hmap del users.hmap ada grace\n"
    "  hmap del users.hmap --key-hex 00ff\n"
    "  hmap list users.hmap --prefix photo: | hmap del users.hmap --keys-from -\n"
    "\n"
    "--keys-from reads one key a line, as list writes them: escaped as in TSV, or hex digits with\n"
    "--key-hex, or numbers. A malformed line ends it with exit code 4, FILE:LINE and what was\n"
    "expected; the keys before it stay removed.\n"
    "Exit code 1: at least one key was absent; the others are removed.";

// The KEYs of the command line.
Exit remove_given(const DelVerb& verb, Store& store, const TypeInfo& type) {
  const std::string& path = verb.common.file;
  const TextTypes types = TextTypes::of(verb.types, type);
  std::vector<std::string> keys;
  for (const std::string& key : verb.keys) keys.push_back(key_from(key, types.key));
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

struct DelCounts {
  std::uint64_t removed = 0;
  std::uint64_t absent = 0;
};

void remove_all(const DelVerb& verb, Store& store, Input& input, KeyLines& keys,
                DelCounts& counts) {
  const std::string& path = verb.common.file;
  Progress progress("del", input.total_bytes(), Progress::Unit::kBytes);
  Record record;
  while (keys.next(record)) {
    ++(take(store.erase(record.key), path) ? counts.removed : counts.absent);
    progress.update(input.consumed_bytes());
  }
  progress.finishing();
  finish_writing(store, verb.write, path);
}

void write_summary(const DelVerb& verb, const DelCounts& counts) {
  // Not "absent", which are the keys themselves where they are few.
  const nlohmann::ordered_json answer = {{"removed", counts.removed},
                                         {"absent_count", counts.absent}};
  const std::string absent =
      counts.absent == 0 ? std::string() : fmt::format(", {} absent", grouped(counts.absent));
  write_answer(verb.common.json, answer,
               fmt::format("{} key{} removed{}\n", grouped(counts.removed),
                           counts.removed == 1 ? "" : "s", absent));
}

// The keys of --keys-from, of which one at a time is in memory.
Exit remove_listed(const DelVerb& verb) {
  const std::string& path = verb.common.file;
  // Input answers a signal with a Failure, so that it can be said how far this came.
  const Interruptible interruptible;
  DelCounts counts;
  try {
    Input input(verb.keys_from);
    Store store = open_to_write(verb.common, verb.write);
    const TypeInfo type = take(store.type(), path);
    KeyLines keys(input, TextTypes::of(verb.types, type).key, type.key);
    remove_all(verb, store, input, keys, counts);
  } catch (Failure& failure) {
    failure.removed = counts.removed;
    failure.note =
        fmt::format("{} removed before",
                    counts.removed == 1 ? "1 key was" : grouped(counts.removed) + " keys were");
    throw;
  }
  write_summary(verb, counts);
  return counts.absent == 0 ? Exit::kYes : Exit::kNo;
}

Exit run(const DelVerb& verb) {
  const std::string& path = verb.common.file;
  if (!verb.keys_from.empty()) return remove_listed(verb);
  if (verb.keys.empty()) throw usage_failure("KEY or --keys-from is required", "hmap del --help");
  Store store = open_to_write(verb.common, verb.write);
  return remove_given(verb, store, take(store.type(), path));
}

}  // namespace

Verb add_del(CLI::App& root) {
  auto verb = std::make_shared<DelVerb>();
  CLI::App& app = add_verb(root, verb->common, "del", "remove keys", kDelExample);
  CLI::Option* const keys = add_bytes_list(app, "KEY", verb->keys, "the keys")->required(false);
  add_path(app, "--keys-from", verb->keys_from,
           "remove the keys in this file, one a line as list writes them; -: standard input")
      ->type_name("PATH")
      ->excludes(keys);
  app.add_flag("--key-hex", verb->key_hex, "the keys are given as hex digits");
  add_write_options(app, verb->write);
  add_key_type_option(app, verb->types.key, "default: as the type of the store says");
  add_ignore_log_option(app, verb->common);
  return {&app, [verb] {
            if (verb->key_hex) verb->types.key = "hex";
            return run(*verb);
          }};
}

}  // namespace hmap::tool
