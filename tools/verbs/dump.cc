// hmap dump: writes all records as text that can be loaded again, here or elsewhere.
#include <unistd.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "formats/format.h"
#include "io/output.h"
#include "io/progress.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/typed.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct DumpVerb {
  CommonOptions common;
  std::string format = "auto";
  TypeOptions types;
};

constexpr const char* kDumpExample =
    "Examples:\n"
    "  hmap dump users.hmap > users.dump\n"
    "  hmap dump users.hmap | mdb_load users.mdb\n"
    "  hmap dump --format tsv users.hmap | sort\n"
    "  hmap dump --format tsv --key-type u64 --value-type u64 hits.hmap\n"
    "\n"
    "db (the default) is what db5.3_load, mdb_load and mdbx_load read; lmdb the same for mdb_load\n"
    "alone, with the mapsize that it needs for more than 1 MiB; gdbm is for gdbm_load, tdb for\n"
    "tdbrestore, hextsv for kchashmgr import -sx, tsv also for tkrzw_dbm_util import --tsv "
    "--escape.\n"
    "The order is random.\n"
    "Others may write meanwhile: a key that is there all the time is in the dump exactly once.";

// On a terminal the records themselves run by: a bar between them would only disturb.
std::optional<std::uint64_t> entries_expected(const Store& store, const std::string& path) {
  if (::isatty(STDOUT_FILENO) != 0) return std::nullopt;
  return take(store.size(), path);
}

// The space that the records take, if the format asks for it.
std::uint64_t record_bytes(const Store& store, Format format, const std::string& path) {
  if (format != Format::kLmdb) return 0;
  const Stats stats = take(store.stats(), path);
  return stats.span_bytes + stats.large_bytes;
}

Format format_of(const DumpVerb& verb) {
  if (verb.common.json && verb.format != "auto" && verb.format != "jsonl") {
    throw usage_failure("--json is --format jsonl; another --format contradicts it");
  }
  if (verb.common.json) return Format::kJsonl;
  return verb.format == "auto" ? Format::kDb : format_named(verb.format);
}

Exit run(const DumpVerb& verb) {
  const std::string& path = verb.common.file;
  const Format format = format_of(verb);
  const Store store = open_to_read(verb.common);
  Cursor cursor = take(store.cursor(), path);
  Output out;
  const std::unique_ptr<RecordWriter> writer =
      make_writer(format, out, record_bytes(store, format, path));
  Progress progress("dump", entries_expected(store, path), Progress::Unit::kEntries);
  writer->begin();
  std::uint64_t written = 0;
  const TextType key = given_type(verb.types.key);
  const TextType value = given_type(verb.types.value);
  const bool as_they_are = verb.types.key.empty() && verb.types.value.empty();
  while (const std::optional<Entry> entry = take(cursor.next(), path)) {
    if (as_they_are) {
      writer->write(entry->key, entry->value);
    } else {
      writer->write(text_from(entry->key, key, "key"), text_from(entry->value, value, "value"));
    }
    progress.update(++written);
  }
  writer->end();
  out.finish();
  return Exit::kYes;
}

}  // namespace

Verb add_dump(CLI::App& root) {
  auto verb = std::make_shared<DumpVerb>();
  CLI::App& app = add_verb(root, verb->common, "dump", "write all records as text", kDumpExample);
  add_bytes(app, "--format,--dialect", verb->format, format_names() + "; default db")
      ->type_name("F");
  add_type_options(app, verb->types, "default: bytes as they are");
  add_ignore_log_option(app, verb->common);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
