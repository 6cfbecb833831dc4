// See common.h.
#include "verbs/common.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cmath>
#include <system_error>

#include "io/descriptors.h"
#include "io/input.h"
#include "report/failure.h"
#include "verbs/arguments.h"

namespace hmap::tool {

CLI::App& add_verb(CLI::App& root, CommonOptions& options, const std::string& name,
                   const std::string& description, const std::string& example) {
  CLI::App& app = *root.add_subcommand(name, description);
  app.footer(example);
  add_bytes(app, "FILE", options.file, "the store")->required();
  app.add_flag("--json", options.json, "answer in JSON; errors too, on standard error");
  return app;
}

void add_ignore_log_option(CLI::App& app, CommonOptions& options) {
  app.add_flag("--ignore-log", options.ignore_log,
               "open FILE at its last checkpoint, if its commit log (FILE-wal) is lost or damaged "
               "or is not to count; a verb that writes gives up for good what it has");
}

void add_wait_option(CLI::App& app, WriteOptions& options) {
  const auto check = [](const std::string& text) {
    double seconds = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    const bool good = error == std::errc() && end == text.data() + text.size();
    return good && !std::isnan(seconds) ? std::string() : std::string("a number of seconds");
  };
  app.add_option("--wait", options.wait_seconds,
                 "how long to wait for a lock that another process holds; negative: for ever")
      ->check(check)
      ->type_name("SECONDS")
      ->capture_default_str();
}

void add_write_options(CLI::App& app, WriteOptions& options) {
  add_wait_option(app, options);
  app.add_flag("--sync", options.sync, "be on disk before the program ends (checkpoint)");
}

void add_create_options(CLI::App& app, CreateOptions& options) {
  options.options = {
      add_number(app, "--expect", options.expected_entries,
                 "entries to make room for at once; the store grows by itself all the same"),
      add_number(app, "--shards", options.shards,
                 "parts that can be written at the same time: a power of two up to 256", kShards),
      app.add_option("--compress", options.compression,
                     "lz4: values that shrink by an eighth are compressed; none")
          ->check(CLI::IsMember({"lz4", "none"}))
          ->type_name("METHOD"),
      add_path(app, "--dictionary", options.dictionary,
               "compress against the bytes of this file (at most 64 KiB), which become part of "
               "the store; hmap train makes one")
          ->type_name("PATH")};
}

void refuse(const CreateOptions& create, const std::string& path, const std::string& why_not,
            const std::string& hint) {
  for (const CLI::Option* const option : create.options) {
    if (option->count() == 0) continue;
    Failure failure = usage_failure(fmt::format("{} {}", option->get_name(), why_not), hint);
    failure.where = path;
    throw failure;
  }
}

void refuse_for_old_store(const CreateOptions& create, const std::string& path) {
  refuse(create, path, "is for a new store, and this one is there already",
         fmt::format("leave it out, or make the store anew with it: hmap compact {}", path));
}

namespace {

std::string dictionary_in(const std::string& path) {
  Input input(path);
  std::string dictionary;
  for (std::string_view bytes = input.peek(); !bytes.empty(); bytes = input.peek()) {
    dictionary += bytes;
    input.consume(bytes.size());
    if (dictionary.size() > kDictionaryBytesMax)
      throw usage_failure(fmt::format("--dictionary {}: longer than 64 KiB", path));
  }
  if (dictionary.empty()) throw usage_failure(fmt::format("--dictionary {}: empty", path));
  return dictionary;
}

}  // namespace

void apply(const CreateOptions& create, Options& options) {
  options.expected_entries = create.expected_entries;
  if (create.compression == "lz4") options.compression = Compression::kLz4;
  if (create.compression == "none") options.compression = Compression::kNone;
  if (!create.dictionary.empty()) {
    if (create.compression == "none") throw usage_failure("--dictionary needs --compress lz4");
    options.compression = Compression::kLz4;
    options.dictionary = dictionary_in(create.dictionary);
  }
  if (create.shards != 0) options.shard_bits = shard_bits_of(create.shards, "--shards");
}

int shard_bits_of(std::uint32_t shards, const char* option) {
  if (!std::has_single_bit(shards)) {
    throw usage_failure(fmt::format("{} {} is not a power of two from {} to {}", option, shards,
                                    kShards.low, kShards.high));
  }
  return std::countr_zero(shards);
}

Failure failure_of_input(const Status& status, const std::string& path) {
  Failure failure = store_failure(status, path);
  if (failure.code == Code::kNotFound && failure.hint.empty()) failure.hint = "check the name";
  return failure;
}

Failure failure_of_long_call(const Status& status, const std::string& path) {
  if (const int signal = pending_interrupt(); signal != 0 && status.os_error() == ECANCELED)
    return interrupted_failure(signal, path);
  Failure failure = failure_of_input(status, path);
  failure.signal = pending_interrupt();
  return failure;
}

Failure failure_of_two(const Status& status, const std::string& source, const std::string& fresh) {
  bool about_source = false;
  switch (status.code()) {
    case Code::kNotAStore:
    case Code::kWrongVersion:
    case Code::kTruncated:
    case Code::kCorrupt:
    case Code::kLockedExclusively:
    case Code::kBusy:
    case Code::kTooManyProcesses:
    case Code::kTooManySnapshots:
    case Code::kPoisoned:
    case Code::kNeedsRecovery:
    case Code::kBadLog:
      about_source = true;
      break;
    default:
      about_source = ::access(source.c_str(), R_OK) != 0;
  }
  Failure failure = failure_of_long_call(status, about_source ? source : fresh);
  if (status.code() == Code::kNotFound && !about_source) failure.hint = "make the directory first";
  if (status.code() == Code::kPermission && !about_source)
    failure.hint = "making a file needs permission wx on its directory";
  failure.note = fmt::format("{} was not made", fresh);
  return failure;
}

std::function<bool(std::uint64_t, std::uint64_t)> show_progress(std::optional<Progress>& progress,
                                                                const char* verb,
                                                                Progress::Unit unit) {
  return [&progress, verb, unit](std::uint64_t done, std::uint64_t total) {
    if (!progress) progress.emplace(verb, total, unit);
    progress->update_rarely(done);
    return pending_interrupt() == 0;
  };
}

bool is_there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Options options_to_read(bool ignore_log) {
  Options options;
  options.mode = Mode::kReadOnly;
  options.any_type = true;
  options.ignore_log = ignore_log;
  return options;
}

Store open_to_read(const std::string& path) {
  return take(Store::open(path, options_to_read()), path);
}

Store open_to_read(const CommonOptions& common) {
  return take(Store::open(common.file, options_to_read(common.ignore_log)), common.file);
}

bool has_writers(const Store& store, const std::string& path) {
  const Stats stats = take(store.stats(), path);
  return std::any_of(stats.processes.begin(), stats.processes.end(),
                     [](const Stats::Process& process) { return process.alive; });
}

Options options_to_write(const CommonOptions& common, const WriteOptions& write) {
  // A year is for ever, and cannot overflow the conversion below.
  constexpr double kSecondsMax = 366.0 * 86'400;
  Options options;
  options.mode = Mode::kOpen;
  options.any_type = true;
  options.ignore_log = common.ignore_log;
  const double seconds = write.wait_seconds < 0 ? -1 : std::fmin(write.wait_seconds, kSecondsMax);
  options.lock_timeout = std::chrono::milliseconds(std::llround(seconds * 1000));
  return options;
}

Store open_to_write(const CommonOptions& common, const WriteOptions& write) {
  return take(Store::open(common.file, options_to_write(common, write)), common.file);
}

void finish_writing(Store& store, const WriteOptions& write, const std::string& path) {
  if (write.sync) require(store.sync(), path);
  require(store.close(), path);
}

}  // namespace hmap::tool
