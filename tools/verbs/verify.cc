// hmap verify: looks for damage.
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "io/output.h"
#include "io/progress.h"
#include "report/json.h"
#include "report/verify_json.h"
#include "report/verify_text.h"
#include "text/escape.h"
#include "verbs/common.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct VerifyVerb {
  CommonOptions common;
  bool live = false;
  bool durable = false;
  bool hold = false;
  WriteOptions write;
};

constexpr const char* kVerifyExample =
    "Examples:\n"
    "  hmap verify users.hmap\n"
    "  hmap verify --json users.hmap | jq '.findings[].kind'\n"
    "\n"
    "Reads every entry; changes nothing; others may go on reading and writing. Without options\n"
    "both states are checked: the durable one, which a copy or a power cut leaves, and the live\n"
    "one, if the store is in use or was in this boot. Writes that only the commit log has, as "
    "after\n"
    "a power cut, are in neither; the answer says so. Exit code 4: something is wrong; 6: nothing\n"
    "was found, but parts were changed too often to be checked.\n"
    "\n"
    "--hold is for a large store that is written to all the time. It opens the store for writing\n"
    "(which takes a process slot, and repairs what a crash left) and lets checkpoints wait until\n"
    "it is done: others go on reading and writing, but a power cut meanwhile would lose more, and\n"
    "who asks for a checkpoint (--sync) waits.";

// The bar wants its total once; what is to do is known better later.
class Bar {
 public:
  void at(std::uint64_t done, std::uint64_t total) {
    if (!progress_) {
      total_ = total;
      progress_.emplace("verify", total, Progress::Unit::kBytes);
    }
    const double share = total == 0 ? 1 : static_cast<double>(done) / static_cast<double>(total);
    progress_->update_rarely(static_cast<std::uint64_t>(share * static_cast<double>(total_)));
  }

 private:
  std::optional<Progress> progress_;
  std::uint64_t total_ = 0;
};

VerifyReport check(const VerifyVerb& verb, const VerifyOptions& options, VerifyRemarks& remarks) {
  const std::string& path = verb.common.file;
  Options open = options_to_write(verb.common, verb.write);
  if (!verb.hold) open.mode = Mode::kReadOnly;
  Result<Store> store = Store::open(path, open);
  if (store.error().code() == Code::kNeedsRecovery) {
    // The durable state is there all the same.
    remarks.unchecked = store.error().message();
    open.ignore_log = true;
    store = Store::open(path, open);
  }
  if (store) {
    VerifyReport report = take(store->verify(options), path);
    require(store->close(), path);
    return report;
  }
  const Status why = store.error();
  if (why.code() != Code::kCorrupt && why.code() != Code::kTruncated) {
    throw failure_of_input(why, path);
  }
  // Too damaged to be opened: all that is wrong is worth more than the first thing.
  Result<VerifyReport> report = Store::verify_file(path, options);
  if (!report) throw failure_of_input(report.error(), path);
  remarks.refused = why.message();
  return *std::move(report);
}

Exit run(const VerifyVerb& verb) {
  const std::string& path = verb.common.file;
  if (verb.live && verb.durable) throw usage_failure("--live and --durable exclude each other");
  VerifyOptions options;
  options.hold_checkpoints = verb.hold;
  if (verb.live) options.state = VerifyState::kLive;
  if (verb.durable) options.state = VerifyState::kDurable;
  VerifyRemarks remarks;
  VerifyReport report;
  {
    Bar bar;
    options.progress = [&bar](std::uint64_t done, std::uint64_t total) {
      bar.at(done, total);
      return true;
    };
    report = check(verb, options, remarks);
  }
  Output out;
  if (verb.common.json) {
    write_pretty(out, verify_json(report, path, remarks));
  } else {
    out.write(verify_text(report, readable(path), remarks));
  }
  out.finish();
  if (!report.clean() || !remarks.refused.empty()) return Exit::kCorrupt;
  return report.complete ? Exit::kYes : Exit::kBusy;
}

}  // namespace

Verb add_verify(CLI::App& root) {
  auto verb = std::make_shared<VerifyVerb>();
  CLI::App& app = add_verb(root, verb->common, "verify", "look for damage", kVerifyExample);
  app.add_flag("--live", verb->live, "check the live state only, if the store has one");
  app.add_flag("--durable", verb->durable, "check the durable state only");
  CLI::Option* const hold =
      app.add_flag("--hold", verb->hold, "let checkpoints wait meanwhile; opens for writing");
  add_wait_option(app, verb->write);
  app.get_option("--wait")->needs(hold);
  add_ignore_log_option(app, verb->common);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
