// hmap recover: what is left of a damaged store, in a new one.
#include "hmap/recover.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "io/descriptors.h"
#include "io/output.h"
#include "io/progress.h"
#include "report/json.h"
#include "report/recover_json.h"
#include "report/recover_text.h"
#include "text/typed.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/typed.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct RecoverVerb {
  CommonOptions common;
  CreateOptions create;
  std::string fresh;
  std::string seed;
  std::string conflicts;
  std::uint32_t damaged_shards = 0;
  Geometry damaged_geometry;
  TypeOptions damaged_types;
  std::uint64_t list_max = 20;
};

constexpr const char* kRecoverExample =
    "Examples:\n"
    "  hmap recover users.hmap rescued.hmap\n"
    "  hmap recover --conflicts twice.jsonl users.hmap rescued.hmap\n"
    "  hmap recover --seed 8793878b2d8fdb28 users.hmap rescued.hmap\n"
    "\n"
    "FILE is only read, as is its commit log, FILE-wal, if it has one; NEW must not exist. Exit\n"
    "code 1: something was lost, or may be, the report says what; 3: nothing in FILE can be\n"
    "verified. Copy a file on a failing disk first (ddrescue).";

// The side file: one JSON object a line. It is there only if there are conflicts, and never instead
// of a file that was there.
class Conflicts {
 public:
  explicit Conflicts(std::string path) : path_(std::move(path)) {
    if (path_.empty()) return;
    file_.reset(std::fopen(path_.c_str(), "wxe"));
    if (file_ == nullptr) throw system_failure(errno, path_, "cannot make the file");
  }
  Conflicts(const Conflicts&) = delete;
  Conflicts& operator=(const Conflicts&) = delete;
  ~Conflicts() {
    if (file_ != nullptr) ::unlink(path_.c_str());
  }

  // False: it could not be written.
  bool add(const RecoverConflict& conflict) {
    if (file_ == nullptr) return true;
    nlohmann::ordered_json object;
    set_bytes(object, "key", conflict.key);
    set_bytes(object, "value", conflict.value);
    object["offset"] = conflict.offset;
    const std::string line = object.dump() + "\n";
    any_ = true;
    return std::fwrite(line.data(), 1, line.size(), file_.get()) == line.size() &&
           std::fflush(file_.get()) == 0;
  }
  void keep() {
    if (any_) file_.reset();
  }

 private:
  struct Close {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
  };
  std::string path_;
  std::unique_ptr<std::FILE, Close> file_;
  bool any_ = false;
};

RecoverOptions options_of(const RecoverVerb& verb) {
  RecoverOptions options;
  apply(verb.create, options.store);
  if (!verb.seed.empty()) options.store_seed = seed_of(verb.seed);
  if (verb.damaged_shards != 0)
    options.damaged_shard_bits = shard_bits_of(verb.damaged_shards, "--damaged-shards");
  options.damaged_geometry = verb.damaged_geometry;
  options.store.type = type_to_create(verb.damaged_types);
  options.list_max = verb.list_max;
  return options;
}

Failure recover_failure(const Status& status, const RecoverVerb& verb) {
  Failure failure = failure_of_two(status, verb.common.file, verb.fresh);
  if (status.code() == Code::kNotAStore && failure.hint.empty()) {
    failure.hint =
        "if it was a store: give --seed, the 8 bytes at offset 56 of any older copy of it "
        "(`xxd -e -g8 -s56 -l8 COPY`)";
  }
  if (status.code() == Code::kLockedExclusively) {
    failure.hint = fmt::format(
        "`hmap ps {0}` shows who; recover when they have closed it, or of a copy of the file",
        verb.common.file);
  }
  return failure;
}

Exit run(const RecoverVerb& verb) {
  // A signal ends the call below, so that what is half made goes away.
  const Interruptible interruptible;
  RecoverOptions options = options_of(verb);
  Conflicts conflicts(verb.conflicts);
  std::optional<Progress> progress;
  options.progress = show_progress(progress, "recover", Progress::Unit::kBytes);
  options.conflict = [&](const RecoverConflict& conflict) {
    return conflicts.add(conflict) ? Status()
                                   : Status(Code::kSystem, "cannot write the conflicts", 0, errno);
  };
  const Result<RecoverReport> report = recover(verb.common.file, verb.fresh, options);
  progress.reset();
  if (!report) throw recover_failure(report.error(), verb);
  conflicts.keep();
  Output out;
  if (verb.common.json) {
    write_pretty(out, recover_json(*report, verb.common.file, verb.fresh));
  } else {
    out.write(recover_text(*report, verb.common.file, verb.fresh));
  }
  out.finish();
  return report->complete() ? Exit::kYes : Exit::kNo;
}

}  // namespace

Verb add_recover(CLI::App& root) {
  auto verb = std::make_shared<RecoverVerb>();
  CLI::App& app = add_verb(root, verb->common, "recover", "save what is left of a damaged store",
                           kRecoverExample);
  add_bytes(app, "NEW", verb->fresh, "the store to make of it")->required();
  add_path(app, "--conflicts", verb->conflicts,
           "write records that may be newer than the one taken to this file, as JSON lines")
      ->type_name("FILE");
  add_bytes(app, "--seed", verb->seed, "the damaged store's seed, if its first page is lost")
      ->type_name("HEX");
  add_number(app, "--damaged-shards", verb->damaged_shards, "its shards, if that is lost", kShards);
  add_size(app, "--damaged-block-bytes", verb->damaged_geometry.block_bytes, "likewise",
           kBlockBytes);
  add_size(app, "--damaged-extent-bytes", verb->damaged_geometry.extent_bytes, "likewise",
           kExtentBytes);
  add_option_of_type(app, "--damaged-key-type", verb->damaged_types.key,
                     fmt::format("its keys are {}; likewise", text_type_names()));
  add_option_of_type(app, "--damaged-value-type", verb->damaged_types.value, "the same of values");
  add_number(app, "--list", verb->list_max, "lost entries and damaged places to list; default 20");
  add_create_options(app, verb->create);
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
