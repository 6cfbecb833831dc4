// hmap copy: a consistent copy of a store that others may be writing to.
#include "hmap/copy.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "io/descriptors.h"
#include "io/output.h"
#include "io/progress.h"
#include "report/json.h"
#include "text/numbers.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct CopyVerb {
  CommonOptions common;
  CreateOptions create;
  WriteOptions write;
  std::string fresh;
  std::string temporary;
  bool reflink = false;

  [[nodiscard]] bool to_stdout() const { return fresh == "-"; }
};

constexpr const char* kCopyExample =
    "Examples:\n"
    "  hmap copy users.hmap backup.hmap\n"
    "  hmap copy users.hmap - | zstd > backup.hmap.zst\n"
    "  hmap copy --reflink users.hmap before.hmap\n"
    "\n"
    "The copy has exactly the entries of one moment, and nothing of what was erased or outgrown.\n"
    "NEW must not exist; it gets its name when it is complete and on disk, and after a failure\n"
    "there is none. For - the copy is first made as a file without a name in --tmp.\n"
    "\n"
    "With --reflink the copy shares the blocks of FILE where the file system can (XFS, btrfs): it\n"
    "is made at once, takes no room until one of the two is written, and is as large as FILE.\n"
    "Where it cannot, the entries are copied as without.";

// Whether others write to the store, or only a writer can open it.
bool needs_snapshot(const CopyVerb& verb) {
  const std::string& path = verb.common.file;
  const Result<Store> store = Store::open(path, options_to_read(verb.common.ignore_log));
  if (!store && store.error().code() == Code::kNeedsRecovery) return true;
  if (!store) throw failure_of_input(store.error(), path);
  return has_writers(*store, path);
}

// For a snapshot if need be. Who may not write tries it without one.
Store open_to_copy(const CopyVerb& verb) {
  const std::string& path = verb.common.file;
  if (needs_snapshot(verb)) {
    Result<Store> store = Store::open(path, options_to_write(verb.common, verb.write));
    const Code code = store.error().code();
    if (store) return *std::move(store);
    if (code != Code::kPermission && code != Code::kReadOnly && code != Code::kTooManyProcesses)
      throw failure_of_input(store.error(), path);
  }
  return open_to_read(verb.common);
}

CopyOptions options_of(const CopyVerb& verb, std::optional<Progress>& progress) {
  CopyOptions options;
  apply(verb.create, options.store);
  options.progress = show_progress(progress, "copy", Progress::Unit::kEntries);
  return options;
}

std::string directory_for_temporary(const CopyVerb& verb) {
  if (!verb.temporary.empty()) return verb.temporary;
  const char* const set = std::getenv("TMPDIR");
  return set != nullptr && *set != '\0' ? set : "/var/tmp";
}

Result<CopyReport> copy_to_stdout(const Store& store, const CopyVerb& verb,
                                  const CopyOptions& options) {
  Output out;
  Result<CopyReport> report = copy(
      store,
      [&out](std::string_view bytes) {
        out.write(bytes);
        return pending_interrupt() == 0
                   ? Status()
                   : Status(Code::kSystem, "interrupted by a signal", 0, ECANCELED);
      },
      directory_for_temporary(verb), options);
  if (report) out.finish();
  return report;
}

// Only what concerns the place of the temporary file is about its directory.
Failure failure_of_stream(const Status& status, const CopyVerb& verb) {
  const Code code = status.code();
  const bool about_place = code == Code::kNotFound || code == Code::kPermission ||
                           code == Code::kReadOnly || code == Code::kNoSpace;
  Failure failure =
      failure_of_long_call(status, about_place ? directory_for_temporary(verb) : verb.common.file);
  if (about_place) failure.hint = "--tmp DIR, or TMPDIR, names a directory for the copy";
  failure.note = "no copy was made";
  return failure;
}

// Nothing, and why not: the file system shares no blocks, or FILE cannot be written.
std::optional<Result<CopyReport>> make_clone(const CopyVerb& verb, std::string& why_not) {
  Result<Store> store = Store::open(verb.common.file, options_to_write(verb.common, verb.write));
  if (!store) {
    why_not = "the store cannot be opened for writing";
    return std::nullopt;
  }
  Result<CopyReport> report = clone(*store, verb.fresh);
  if (report.error().code() == Code::kUnsupported) {
    why_not = "the file system shares no blocks";
    return std::nullopt;
  }
  if (report) require(store->close(), verb.common.file);
  return report;
}

Result<CopyReport> make_copy(const CopyVerb& verb) {
  std::optional<Progress> progress;
  const CopyOptions options = options_of(verb, progress);
  Store store = open_to_copy(verb);
  const auto attempt = [&] {
    return verb.to_stdout() ? copy_to_stdout(store, verb, options)
                            : copy(store, verb.fresh, options);
  };
  Result<CopyReport> report = attempt();
  if (report.error().code() == Code::kBusy && !store.writable()) {
    // Somebody has come to write meanwhile, or died in the middle of a batch.
    if (Result<Store> writer =
            Store::open(verb.common.file, options_to_write(verb.common, verb.write))) {
      store = *std::move(writer);
      report = attempt();
    }
  }
  if (report) require(store.close(), verb.common.file);
  return report;
}

// `why_not`: why no blocks are shared, if they should have been.
void write_report(const CopyReport& report, bool cloned, const std::string& why_not,
                  const CopyVerb& verb) {
  if (verb.to_stdout()) return;
  nlohmann::ordered_json answer;
  set_bytes(answer, "file", verb.common.file);
  set_bytes(answer, "copy", verb.fresh);
  answer["entries"] = report.entries;
  answer["source_bytes"] = report.source_bytes;
  answer["file_bytes"] = report.file_bytes;
  answer["epoch"] = report.epoch;
  answer["reflink"] = cloned;
  std::string words = fmt::format("{} entries {}, {} of {}", grouped(report.entries),
                                  cloned ? "in a copy that shares its blocks" : "copied",
                                  human_bytes(report.file_bytes), human_bytes(report.source_bytes));
  if (!why_not.empty()) words += fmt::format("; entry by entry: {}", why_not);
  write_answer(verb.common.json, answer, words + "\n");
}

Exit run(const CopyVerb& verb) {
  if (verb.reflink && verb.to_stdout())
    throw usage_failure("--reflink makes a file that shares blocks: name one as NEW");
  if (verb.to_stdout() && ::isatty(STDOUT_FILENO) != 0) {
    throw usage_failure("a store is no text for a terminal",
                        "redirect it: hmap copy FILE - > NEW, or hmap copy FILE NEW");
  }
  // A signal ends the call, so that what is half made goes away.
  const Interruptible interruptible;
  std::optional<Result<CopyReport>> cloned;
  std::string why_not;
  if (verb.reflink) cloned = make_clone(verb, why_not);
  const Result<CopyReport> report = cloned ? *cloned : make_copy(verb);
  if (!report) {
    throw verb.to_stdout() ? failure_of_stream(report.error(), verb)
                           : failure_of_two(report.error(), verb.common.file, verb.fresh);
  }
  write_report(*report, cloned.has_value(), why_not, verb);
  return Exit::kYes;
}

}  // namespace

Verb add_copy(CLI::App& root) {
  auto verb = std::make_shared<CopyVerb>();
  CLI::App& app = add_verb(root, verb->common, "copy", "copy a store that is in use", kCopyExample);
  add_bytes(app, "NEW", verb->fresh, "the store to make; - is standard output")->required();
  add_path(app, "--tmp", verb->temporary,
           "where the copy for standard output is made; default: TMPDIR, or /var/tmp")
      ->type_name("DIR");
  CLI::Option* const reflink = app.add_flag("--reflink", verb->reflink,
                                            "share the blocks of FILE, where the file system can");
  add_create_options(app, verb->create);
  for (const char* name : {"--expect", "--shards", "--compress", "--dictionary", "--tmp"})
    reflink->excludes(app.get_option(name));
  add_wait_option(app, verb->write);
  add_ignore_log_option(app, verb->common);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
