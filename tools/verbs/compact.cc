// hmap compact: a store made as small as its entries allow.
#include "hmap/compact.h"

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "io/descriptors.h"
#include "io/progress.h"
#include "report/json.h"
#include "text/numbers.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct CompactVerb {
  CommonOptions common;
  CreateOptions create;
  bool online = false;
  std::uint64_t rate = 0;
  WriteOptions write;
};

constexpr const char* kCompactExample =
    "Examples:\n"
    "  hmap compact users.hmap\n"
    "  hmap compact --shards 16 users.hmap\n"
    "  hmap compact --compress lz4 users.hmap\n"
    "  hmap compact --online --rate 20MiB users.hmap\n"
    "\n"
    "Makes a new file of the entries and puts it in the place of the old one: until then the old\n"
    "one is untouched, and there is room needed for both. Nobody may have the store open for\n"
    "writing (exit code 6); who only reads goes on with the new file, as after hmap publish.\n"
    "\n"
    "With --online others read and write on: entries move together in the file, and what becomes\n"
    "free is given back to the file system as holes; the file stays as long as it is. Ctrl-C\n"
    "keeps what is done so far; the next call goes on from there.";

// What both ways tell.
struct Outcome {
  std::uint64_t entries = 0;
  std::uint64_t bytes_before = 0;  // Of the file.
  std::uint64_t bytes_after = 0;
  std::uint64_t allocated_before = 0;  // On disk.
  std::uint64_t allocated_after = 0;
};

nlohmann::ordered_json json_of(const Outcome& outcome, const CompactVerb& verb) {
  nlohmann::ordered_json answer;
  set_bytes(answer, "file", verb.common.file);
  answer["online"] = verb.online;
  answer["entries"] = outcome.entries;
  answer["bytes_before"] = outcome.bytes_before;
  answer["bytes_after"] = outcome.bytes_after;
  answer["allocated_before"] = outcome.allocated_before;
  answer["allocated_after"] = outcome.allocated_after;
  return answer;
}

std::string words_of(const Outcome& outcome) {
  return fmt::format("{} on disk before, {} now ({})", human_bytes(outcome.allocated_before),
                     human_bytes(outcome.allocated_after),
                     percent(outcome.allocated_after, outcome.allocated_before));
}

void write_report(const CompactReport& report, const CompactVerb& verb) {
  const Outcome outcome{report.entries, report.bytes_before, report.bytes_after,
                        report.allocated_before, report.allocated_after};
  write_answer(verb.common.json, json_of(outcome, verb),
               fmt::format("new file with all {} entries; {}\n", grouped(report.entries),
                           words_of(outcome)));
}

void write_report(const OnlineReport& report, const Stats& before, std::uint64_t entries,
                  const CompactVerb& verb) {
  const Outcome outcome{entries, before.file_bytes, report.file_bytes, report.allocated_before,
                        report.allocated_after};
  nlohmann::ordered_json answer = json_of(outcome, verb);
  answer["complete"] = report.complete;
  answer["records_moved"] = report.records_moved;
  answer["bytes_moved"] = report.bytes_moved;
  write_answer(
      verb.common.json, answer,
      fmt::format("same file, {} entries moved ({}); {}{}\n", grouped(report.records_moved),
                  human_bytes(report.bytes_moved), words_of(outcome),
                  report.complete ? "" : "; not finished: the next call goes on from here"));
}

Exit run_online(const CompactVerb& verb) {
  refuse(verb.create, verb.common.file, "is for a new file, and --online makes none",
         "leave out the one or the other");
  int signal = 0;
  {
    const Interruptible interruptible;
    Store store = open_to_write(verb.common, verb.write);
    std::optional<Progress> progress;
    OnlineOptions options;
    options.bytes_per_second = verb.rate;
    options.progress = show_progress(progress, "compact", Progress::Unit::kEntries);
    const Stats before = take(store.stats(), verb.common.file);
    const OnlineReport done = take(compact_online(store, options), verb.common.file);
    progress.reset();
    const std::uint64_t entries = take(store.size(), verb.common.file);
    finish_writing(store, verb.write, verb.common.file);
    write_report(done, before, entries, verb);
    signal = done.complete ? 0 : pending_interrupt();
  }
  if (signal != 0) die_of(signal);
  return Exit::kYes;
}

Exit run(const CompactVerb& verb) {
  const std::string& path = verb.common.file;
  if (verb.online) return run_online(verb);
  if (verb.rate != 0) throw usage_failure("--rate is for --online");
  // The library's compact() knows no such option: a writer that ignores the log gives it up.
  if (verb.common.ignore_log) require(open_to_write(verb.common, verb.write).close(), path);
  // A signal ends the call, so that what is half made goes away.
  const Interruptible interruptible;
  std::optional<Progress> progress;
  CompactOptions options;
  apply(verb.create, options.store);
  options.progress = show_progress(progress, "compact", Progress::Unit::kEntries);
  const Result<CompactReport> report = compact(path, options);
  progress.reset();
  if (!report) throw compact_failure(report.error(), path);
  write_report(*report, verb);
  return Exit::kYes;
}

}  // namespace

Failure compact_failure(const Status& status, const std::string& path) {
  Failure failure = failure_of_long_call(status, path);
  switch (status.code()) {
    case Code::kBusy:
      // The library cannot tell in which slot they are.
      failure.message = "Busy: others have the store open for writing";
      failure.hint = fmt::format(
          "`hmap ps {0}` shows who; `hmap compact --online {0}` makes it smaller beside them",
          path);
      break;
    case Code::kCorrupt:
      failure.hint = fmt::format("save the intact entries: hmap recover {} NEW", path);
      break;
    case Code::kNoSpace:
      failure.hint = "the new file needs room beside the old one; hmap copy makes one elsewhere";
      break;
    case Code::kUnsupported:
      failure.hint = "hmap copy makes a compact store under another name";
      break;
    default:
      break;
  }
  failure.note = fmt::format("{} is as it was", path);
  return failure;
}

Verb add_compact(CLI::App& root) {
  auto verb = std::make_shared<CompactVerb>();
  CLI::App& app = add_verb(root, verb->common, "compact", "make a store as small as it can be",
                           kCompactExample);
  add_create_options(app, verb->create);
  app.add_flag("--online", verb->online,
               "while others read and write; the file stays in its place");
  add_size(app, "--rate", verb->rate, "with --online: most bytes of records to move in a second");
  add_wait_option(app, verb->write);
  add_ignore_log_option(app, verb->common);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
