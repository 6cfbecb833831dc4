// hmap compact: a store made as small as its entries allow.
#include "hmap/compact.h"

#include <fmt/format.h>

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "io/descriptors.h"
#include "io/output.h"
#include "io/progress.h"
#include "report/json.h"
#include "text/numbers.h"
#include "verbs/common.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct CompactVerb {
  CommonOptions common;
  CreateOptions create;
};

constexpr const char* kCompactExample =
    "Examples:\n"
    "  hmap compact users.hmap\n"
    "  hmap compact --shards 16 users.hmap\n"
    "  hmap compact --compress lz4 users.hmap\n"
    "\n"
    "Makes a new file of the entries and puts it in the place of the old one: until then the old\n"
    "one is untouched, and there is room needed for both. Nobody may have the store open (exit\n"
    "code 6); who only reads goes on with the old file until it is opened again.";

void write_report(const CompactReport& report, const CompactVerb& verb) {
  Output out;
  if (verb.common.json) {
    nlohmann::ordered_json answer;
    set_bytes(answer, "file", verb.common.file);
    answer["entries"] = report.entries;
    answer["bytes_before"] = report.bytes_before;
    answer["bytes_after"] = report.bytes_after;
    answer["allocated_before"] = report.allocated_before;
    answer["allocated_after"] = report.allocated_after;
    write_line(out, answer);
  } else {
    out.write(fmt::format("{} entries; {} on disk before, {} now ({})\n", grouped(report.entries),
                          human_bytes(report.allocated_before), human_bytes(report.allocated_after),
                          percent(report.allocated_after, report.allocated_before)));
  }
  out.finish();
}

Exit run(const CompactVerb& verb) {
  // A signal ends the call, so that what is half made goes away.
  const Interruptible interruptible;
  std::optional<Progress> progress;
  CompactOptions options;
  apply(verb.create, options.store);
  options.progress = show_progress(progress, "compact", Progress::Unit::kEntries);
  const Result<CompactReport> report = compact(verb.common.file, options);
  progress.reset();
  if (!report) throw compact_failure(report.error(), verb.common.file);
  write_report(*report, verb);
  return Exit::kYes;
}

}  // namespace

Failure compact_failure(const Status& status, const std::string& path) {
  Failure failure = store_failure(status, path);
  switch (status.code()) {
    case Code::kBusy:
      failure.hint =
          fmt::format("`hmap ps {}` shows who; try again when they have closed it", path);
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
  failure.signal = pending_interrupt();
  return failure;
}

Verb add_compact(CLI::App& root) {
  auto verb = std::make_shared<CompactVerb>();
  CLI::App& app = add_verb(root, verb->common, "compact", "make a store as small as it can be",
                           kCompactExample);
  add_create_options(app, verb->create);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
