// hmap load: reads records from text into a store, which is made if there is none.
#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "formats/field.h"
#include "formats/format.h"
#include "io/descriptors.h"
#include "io/input.h"
#include "io/progress.h"
#include "report/json.h"
#include "text/escape.h"
#include "text/numbers.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/target.h"
#include "verbs/typed.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct LoadVerb {
  CommonOptions common;
  WriteOptions write;
  CreateOptions create;
  TypeOptions types;
  std::string input;
  std::string format = "auto";
  bool no_overwrite = false;
  bool fail_existing = false;
};

struct Counts {
  std::uint64_t stored = 0;
  std::uint64_t kept = 0;  // Left as they were by --no-overwrite.
};

constexpr const char* kLoadExample =
    "Examples:\n"
    "  hmap load users.hmap users.dump\n"
    "  mdb_dump old.mdb | hmap load users.hmap\n"
    "  hmap load --format tsv --no-overwrite users.hmap more.tsv\n"
    "\n"
    "A malformed line ends the load with exit code 4, FILE:LINE and what was expected. Records\n"
    "before it stay stored, unless this load made the store: then the store is removed again.\n"
    "The last of several records with one key wins.";

// What is read, and how far it came.
struct Source {
  Input input;
  Format format;
  std::unique_ptr<RecordReader> reader;
  Record record;  // The one read last.
  TypeInfo type;  // Of the store.
  Counts counts;

  explicit Source(const LoadVerb& verb)
      : input(verb.input),
        format(verb.format == "auto" ? recognise(input) : format_named(verb.format)),
        reader(make_reader(format, input)) {}
};

// Makes a field the bytes that it stands for, if it is a number or hex digits (type empty: bytes).
using Read = std::optional<std::string>(std::string_view text, TextType type);
void read_field(Source& source, std::string& field, const std::string& type, Read* read,
                const char* what) {
  if (type.empty()) return;
  if (std::optional<std::string> bytes = read(field, given_type(type))) {
    field = *std::move(bytes);
    return;
  }
  source.input.refuse_at(source.record.line, fmt::format("the {} {}", what, quote(field)),
                         fmt::format("{} (--{}-type)", type, what));
}

void store_record(Store& store, const LoadVerb& verb, Source& source) {
  const std::string& path = verb.common.file;
  Record& record = source.record;
  read_field(source, record.key, verb.types.key, key_from_text, "key");
  read_field(source, record.value, verb.types.value, from_text, "value");
  check_length(source.input, record.line, record.key, source.type.key, "key");
  check_length(source.input, record.line, record.value, source.type.value, "value");
  if (!verb.no_overwrite && !verb.fail_existing) {
    require(store.put(record.key, record.value), path);
  } else if (!take(store.insert(record.key, record.value), path)) {
    if (verb.fail_existing) {
      source.input.refuse_at(
          record.line,
          fmt::format("the key {} a second time, or in the store already", quote(record.key)),
          "new keys only (--fail-existing)");
    }
    ++source.counts.kept;
    return;
  }
  ++source.counts.stored;
}

// The first record has been read already, if there is one. Closes the store.
void store_all(Store& store, const LoadVerb& verb, Source& source, bool more) {
  source.type = take(store.type(), verb.common.file);
  Progress progress("load", source.input.total_bytes(), Progress::Unit::kBytes);
  for (; more; more = source.reader->next(source.record)) {
    store_record(store, verb, source);
    progress.update(source.input.consumed_bytes());
  }
  progress.finishing();
  finish_writing(store, verb.write, verb.common.file);
}

// Says how far the load came, and takes a store away that this load had made.
void complete(Failure& failure, Target* target, std::uint64_t stored) {
  failure.stored = stored;
  if (target != nullptr) return target->give_up(failure, "load", stored);
  if (failure.code == Code::kBadInput) failure.note = "no record was stored";
}

void write_summary(const LoadVerb& verb, Format format, bool created, const Counts& counts) {
  nlohmann::ordered_json answer;
  set_bytes(answer, "file", verb.common.file);
  answer["format"] = std::string(format_name(format));
  answer["created"] = created;
  answer["stored"] = counts.stored;
  answer["kept"] = counts.kept;
  const std::string kept =
      verb.no_overwrite ? fmt::format(", {} kept", grouped(counts.kept)) : std::string();
  write_answer(verb.common.json, answer,
               fmt::format("{} record{} stored{}\n", grouped(counts.stored),
                           counts.stored == 1 ? "" : "s", kept));
}

Exit run(const LoadVerb& verb) {
  // Input answers a signal with a Failure, so that what is half-made goes away.
  const Interruptible interruptible;
  std::optional<Source> source;
  std::optional<Target> target;
  try {
    // Input that is not there, not readable or wrong from the start leaves the store untouched,
    // and makes none.
    source.emplace(verb);
    const bool more = source->reader->next(source->record);
    Options options = options_to_write(verb.common, verb.write);
    options.type = type_to_create(verb.types);
    target.emplace(verb.common.file, options, verb.create, true);
    store_all(target->store(), verb, *source, more);
  } catch (Failure& failure) {
    complete(failure, target ? &*target : nullptr, source ? source->counts.stored : 0);
    throw;
  }
  target->keep();
  write_summary(verb, source->format, target->created(), source->counts);
  return Exit::kYes;
}

}  // namespace

Verb add_load(CLI::App& root) {
  auto verb = std::make_shared<LoadVerb>();
  CLI::App& app = add_verb(root, verb->common, "load", "read records from text", kLoadExample);
  add_path(app, "INPUT", verb->input, "the text; - or nothing: standard input");
  add_bytes(app, "--format", verb->format,
            format_names() + "; default: what the first line looks like (hextsv looks like tsv)")
      ->type_name("F");
  CLI::Option* const keep = app.add_flag("--no-overwrite", verb->no_overwrite,
                                         "keep the values of keys that are there already");
  app.add_flag("--fail-existing", verb->fail_existing,
               "refuse keys that are there already, or twice in the input (exit code 4)")
      ->excludes(keep);
  add_type_options(app, verb->types, "default: bytes as they are; so is a store that is made");
  add_create_options(app, verb->create);
  add_write_options(app, verb->write);
  add_ignore_log_option(app, verb->common);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
