// hmap train: a dictionary of what the values of a store have in common.
#include "hmap/train.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "hmap/compact.h"
#include "io/descriptors.h"
#include "io/progress.h"
#include "report/json.h"
#include "text/escape.h"
#include "text/numbers.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

struct TrainVerb {
  CommonOptions common;
  std::string output;
  std::uint64_t bytes = kDictionaryBytesMax;
};

constexpr const char* kTrainExample =
    "Examples:\n"
    "  hmap train users.hmap\n"
    "  hmap train --output users.dict users.hmap; hmap create --dictionary users.dict new.hmap\n"
    "\n"
    "Values of a few hundred bytes that resemble each other shrink to a half or less once what\n"
    "they have in common is in a dictionary. Without --output the store is made anew with one,\n"
    "as by hmap compact: nobody may have it open for writing (exit code 6), and until the new "
    "file\n"
    "is complete the old one stays as it was.";

// Why the store cannot be made anew: what compact() says, and what helps here.
Failure rewrite_failure(const Status& status, const std::string& path) {
  Failure failure = compact_failure(status, path);
  if (status.code() == Code::kBusy) {
    failure.hint = fmt::format(
        "`hmap ps {0}` shows who; beside them `hmap train --output DICT {0}` makes a dictionary, "
        "and `hmap copy --dictionary DICT {0} NEW` a compressed copy",
        path);
  }
  return failure;
}

// Why the dictionary cannot be written.
Failure output_failure(const std::string& path, int error) {
  Failure failure = system_failure(error, path, "cannot write the dictionary");
  if (error == EEXIST) {
    failure.code = Code::kExists;
    failure.hint = "nothing was changed; choose another name, or remove it first";
  } else if (error == ENOENT || error == ENOTDIR) {
    failure.code = Code::kNotFound;
    failure.hint = "check the name, or make the directory first";
  }
  return failure;
}

std::string trained(const TrainVerb& verb) {
  const Store store = open_to_read(verb.common.file);
  // Said before the work, not after it; write_dictionary() looks once more.
  if (!verb.output.empty() && is_there(verb.output)) throw output_failure(verb.output, EEXIST);
  // Said before the work, not after it; compact() looks once more.
  if (verb.output.empty() && has_writers(store, verb.common.file))
    throw rewrite_failure(Status(Code::kBusy, ""), verb.common.file);
  const Result<std::string> dictionary = train_dictionary(store, verb.bytes);
  if (dictionary) return *dictionary;
  Failure failure = store_failure(dictionary.error(), verb.common.file);
  if (dictionary.error().code() == Code::kInvalidArgument)
    failure.hint = "hmap compact --compress lz4 compresses each value on its own";
  throw failure;
}

// The name of a new file is on disk only after this. Sets errno.
bool flush_directory_of(const std::string& path) {
  const std::filesystem::path directory = std::filesystem::path(path).parent_path();
  const int fd =
      ::open(directory.empty() ? "." : directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool flushed = ::fsync(fd) == 0;
  const int error = errno;
  ::close(fd);
  errno = error;
  return flushed;
}

// A new file, complete and on disk with its name, or not there.
void write_dictionary(const std::string& path, const std::string& dictionary) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) throw output_failure(path, errno);
  const ssize_t written = ::write(fd, dictionary.data(), dictionary.size());
  const bool whole = written == static_cast<ssize_t>(dictionary.size());
  if (!whole && written >= 0) errno = ENOSPC;
  if (!whole || ::fsync(fd) != 0 || !flush_directory_of(path)) {
    const Failure failure = output_failure(path, errno);
    ::close(fd);
    ::unlink(path.c_str());
    throw failure;
  }
  ::close(fd);
}

CompactReport rewrite(const TrainVerb& verb, const std::string& dictionary) {
  std::optional<Progress> progress;
  CompactOptions options;
  options.store.compression = Compression::kLz4;
  options.store.dictionary = dictionary;
  options.progress = show_progress(progress, "train", Progress::Unit::kEntries);
  const Result<CompactReport> report = compact(verb.common.file, options);
  progress.reset();
  if (!report) throw rewrite_failure(report.error(), verb.common.file);
  return *report;
}

Exit run(const TrainVerb& verb) {
  // Takes seconds and only reads: a signal ends the program.
  const std::string dictionary = trained(verb);
  // A signal ends the call, so that what is half made goes away.
  const Interruptible interruptible;
  nlohmann::ordered_json answer;
  set_bytes(answer, "file", verb.common.file);
  answer["dictionary_bytes"] = dictionary.size();
  std::string words = fmt::format("a dictionary of {}", human_bytes(dictionary.size()));
  if (!verb.output.empty()) {
    write_dictionary(verb.output, dictionary);
    set_bytes(answer, "output", verb.output);
    words += fmt::format(" in {}\n", readable(verb.output));
  } else {
    const CompactReport report = rewrite(verb, dictionary);
    answer["entries"] = report.entries;
    answer["allocated_before"] = report.allocated_before;
    answer["allocated_after"] = report.allocated_after;
    words += fmt::format("; {} entries, {} on disk before, {} now ({})\n", grouped(report.entries),
                         human_bytes(report.allocated_before), human_bytes(report.allocated_after),
                         percent(report.allocated_after, report.allocated_before));
  }
  write_answer(verb.common.json, answer, words);
  return Exit::kYes;
}

}  // namespace

Verb add_train(CLI::App& root) {
  auto verb = std::make_shared<TrainVerb>();
  CLI::App& app = add_verb(root, verb->common, "train",
                           "compress a store with a dictionary of its own", kTrainExample);
  add_path(app, "--output", verb->output, "write the dictionary to a new file, leave the store")
      ->type_name("PATH");
  add_size(app, "--bytes", verb->bytes, "longest dictionary wanted: 256 to 64 KiB, the default",
           {256, kDictionaryBytesMax});
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
