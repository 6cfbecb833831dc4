// hmap publish: a newly built store in the place of a live one.
#include "hmap/publish.h"

#include <fmt/format.h>
#include <unistd.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "report/json.h"
#include "text/numbers.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct PublishVerb {
  CommonOptions common;
  WriteOptions write;
  std::string fresh;
};

constexpr const char* kPublishExample =
    "Examples:\n"
    "  hmap load features.new < features.tsv && hmap verify features.new &&\n"
    "      hmap publish features.new features.hmap\n"
    "\n"
    "Programs that have FILE open, for reading or writing, go on with the new store from their\n"
    "next call on, by themselves; what they wrote to the old one goes with it. Whoever opens FILE\n"
    "gets the old store or the new one, also if this command is killed. NEW goes from its own\n"
    "name, and takes over the permissions of FILE. It must be of the same type, on the same file\n"
    "system (hmap copy brings it there), and nobody may have it open. If there is no FILE, NEW\n"
    "gets the name.";

Failure publish_failure(const Status& status, const PublishVerb& verb) {
  // The new store is opened for writing first.
  const bool about_fresh =
      status.code() == Code::kPermission && ::access(verb.fresh.c_str(), R_OK | W_OK) != 0;
  Failure failure = store_failure(status, about_fresh ? verb.fresh : verb.common.file);
  switch (status.code()) {
    case Code::kBusy:
      failure.hint =
          fmt::format("`hmap ps {}` and `hmap ps {}` show who", verb.fresh, verb.common.file);
      break;
    case Code::kUnsupported:
      failure.hint =
          "a hard link would keep the old store: remove it; from another file system "
          "bring the new one over with hmap copy";
      break;
    case Code::kTypeMismatch:
      failure.hint =
          "programs that have the old store open could not read the new one; mv puts it "
          "there without them";
      break;
    case Code::kInvalidArgument:
      failure.hint = "load the new store into a file of its own: hmap load NEW";
      break;
    case Code::kNotFound:
      failure.hint = "make the directory first";
      break;
    default:
      break;
  }
  // It is not if only the flush of the directory failed, which the message says.
  if (status.code() != Code::kIoError)
    failure.note = fmt::format("{} is as it was", verb.common.file);
  return failure;
}

void write_report(const PublishReport& report, const PublishVerb& verb) {
  nlohmann::ordered_json answer;
  set_bytes(answer, "file", verb.common.file);
  answer["replaced"] = report.replaced;
  answer["entries"] = report.entries;
  answer["entries_before"] = report.entries_before;
  answer["writers"] = report.writers;
  std::string text = fmt::format("{} entries", grouped(report.entries));
  if (report.replaced) text += fmt::format(" in the place of {}", grouped(report.entries_before));
  if (report.writers != 0)
    text += fmt::format("; {} that had the old store open for writing {}", grouped(report.writers),
                        report.writers == 1 ? "follows" : "follow");
  write_answer(verb.common.json, answer, text + "\n");
}

// What is wrong with the new store is said of it, before anything is done.
void check_new_store(const std::string& path) {
  Options options;
  options.mode = Mode::kReadOnly;
  options.any_type = true;
  const Result<Store> store = Store::open(path, options);
  if (!store && store.error().code() != Code::kNeedsRecovery)
    throw store_failure(store.error(), path);
}

Exit run(const PublishVerb& verb) {
  check_new_store(verb.fresh);
  PublishOptions options;
  options.lock_timeout = options_to_write(verb.common, verb.write).lock_timeout;
  const Result<PublishReport> report = publish(verb.fresh, verb.common.file, options);
  if (!report) throw publish_failure(report.error(), verb);
  write_report(*report, verb);
  return Exit::kYes;
}

}  // namespace

Verb add_publish(CLI::App& root) {
  auto verb = std::make_shared<PublishVerb>();
  CLI::App& app = *root.add_subcommand("publish", "put a new store in the place of another");
  app.footer(kPublishExample);
  add_bytes(app, "NEW", verb->fresh, "the new store, which nobody has open")->required();
  add_bytes(app, "FILE", verb->common.file, "the store whose name and place it takes")->required();
  app.add_flag("--json", verb->common.json, "answer in JSON; errors too, on standard error");
  add_wait_option(app, verb->write);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
