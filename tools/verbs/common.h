// What several verbs share: their common options, and opening the store.
#ifndef HMAP_TOOLS_VERBS_COMMON_H_
#define HMAP_TOOLS_VERBS_COMMON_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hmap/options.h"
#include "hmap/store.h"
#include "io/progress.h"
#include "report/failure.h"
#include "verbs/arguments.h"

namespace hmap::tool {

struct CommonOptions {
  std::string file;
  bool json = false;
  bool ignore_log = false;
};

// A subcommand with FILE and --json. `example` is shown at the end of its help.
CLI::App& add_verb(CLI::App& root, CommonOptions& options, const std::string& name,
                   const std::string& description, const std::string& example);

// --ignore-log, for verbs that open FILE.
void add_ignore_log_option(CLI::App& app, CommonOptions& options);

struct WriteOptions {
  double wait_seconds = 10;
  bool sync = false;
};
void add_write_options(CLI::App& app, WriteOptions& options);
// --wait only.
void add_wait_option(CLI::App& app, WriteOptions& options);

struct CreateOptions {
  std::uint64_t expected_entries = 0;
  std::uint32_t shards = 0;  // 0: the library's default.
  std::string compression;   // Empty: the library's default.
  std::string dictionary;    // Path of a file; empty: none.
  std::vector<const CLI::Option*> options;
};
// Of the geometry, as Geometry and Options say; what does not fit together the library refuses.
inline constexpr Range kBlockBytes{512, 65'536};
inline constexpr Range kExtentBytes{2'048, 16'777'216};
inline constexpr Range kShards{1, 1U << kShardBitsMax};
// The logarithm of a number of shards in that range, the value of `option`.
[[nodiscard]] int shard_bits_of(std::uint32_t shards, const char* option);
void add_create_options(CLI::App& app, CreateOptions& options);
// A usage failure if one of them is given where no store is made: `why_not` goes on from its name.
void refuse(const CreateOptions& create, const std::string& path, const std::string& why_not,
            const std::string& hint);
// The same, because the store at `path` is there already.
void refuse_for_old_store(const CreateOptions& create, const std::string& path);
// Checks them and puts them into `options`.
void apply(const CreateOptions& create, Options& options);

// The failure of a call that makes the store `fresh` of the one at `source`, about the one that is
// concerned; `fresh` is not there.
[[nodiscard]] Failure failure_of_two(const Status& status, const std::string& source,
                                     const std::string& fresh);

// That of a call whose input is the store at `path`: one that is not there is not to be made.
[[nodiscard]] Failure failure_of_input(const Status& status, const std::string& path);

// That of a call that ends when show_progress() says so: told as what it was if a signal came.
[[nodiscard]] Failure failure_of_long_call(const Status& status, const std::string& path);

// That of compact(), after which the store at `path` is as it was.
[[nodiscard]] Failure compact_failure(const Status& status, const std::string& path);

// For calls of the library that tell how far they are: draws a bar in `progress`, which is made at
// the first call, and ends the job when a signal has come.
[[nodiscard]] std::function<bool(std::uint64_t done, std::uint64_t total)> show_progress(
    std::optional<Progress>& progress, const char* verb, Progress::Unit unit);

// Whether there is a file.
[[nodiscard]] bool is_there(const std::string& path);

// How to open for reading; `ignore_log`: at the last checkpoint, whatever the commit log has.
[[nodiscard]] Options options_to_read(bool ignore_log = false);
// Opens for reading; throws Failure.
[[nodiscard]] Store open_to_read(const std::string& path);
[[nodiscard]] Store open_to_read(const CommonOptions& common);
// Whether a living process has the store open for writing.
[[nodiscard]] bool has_writers(const Store& store, const std::string& path);
// The options of a store that is there and will be written.
[[nodiscard]] Options options_to_write(const CommonOptions& common, const WriteOptions& write);
[[nodiscard]] Store open_to_write(const CommonOptions& common, const WriteOptions& write);
// Ends writing: --sync, then close, whose failure is the verb's.
void finish_writing(Store& store, const WriteOptions& write, const std::string& path);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_VERBS_COMMON_H_
