// What can go wrong in the tool, told to people, to scripts (--json) and to the shell (exit code).
//
// The library answers with values; the tool, which ends at the first failure anyway, throws a
// Failure and main() reports it once. No other place prints an error or calls exit().
#ifndef HMAP_TOOLS_REPORT_FAILURE_H_
#define HMAP_TOOLS_REPORT_FAILURE_H_

#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "hmap/result.h"
#include "hmap/status.h"

namespace hmap::tool {

// Exit codes; scripts rely on them, so none is ever changed (README.md has the table).
enum class Exit : int {
  kYes = 0,        // Done; present.
  kNo = 1,         // Absent, or left as it was because --no-overwrite or --only-replace said so.
  kUsage = 2,      // The command line is wrong.
  kNotAStore = 3,  // Not an hmap store, or of a version this program cannot read.
  kCorrupt = 4,    // The store, or the input of `load`, is damaged or malformed.
  kSystem = 5,     // The system refused: permission, space, I/O, no such file.
  kBusy = 6,       // Another process is in the way; trying again later may help.
};

[[nodiscard]] Exit exit_for(Code code) noexcept;

// What the user can do about it; empty if there is nothing to say. "{}" stands for the file.
[[nodiscard]] std::string_view hint_for(Code code) noexcept;

struct Failure : std::exception {
  Failure(Code why, std::string file, std::string text)
      : code(why), where(std::move(file)), message(std::move(text)) {}
  [[nodiscard]] const char* what() const noexcept override { return message.c_str(); }

  Code code;
  std::string where;       // The file concerned; may be empty.
  std::uint64_t line = 0;  // Of `where`, counted from 1; 0: the file as a whole.
  std::string message;
  bool about_store = true;               // Whether hint_for(code) is to the point.
  std::string hint;                      // Instead of hint_for(code).
  std::string note;                      // What was done before and still holds.
  std::optional<std::uint64_t> stored;   // load: records stored before.
  std::optional<std::uint64_t> removed;  // del: keys removed before.
  int os_error = 0;                      // errno or 0.
  int signal = 0;                        // The signal that asked for the end, or 0.
};

// The command line is wrong: `message` says how.
[[nodiscard]] Failure usage_failure(std::string message, std::string hint = {});

// `status` of the library, about the store at `path`.
[[nodiscard]] Failure store_failure(const Status& status, const std::string& path);

// A system call failed with `error`: `message` says what was being done.
[[nodiscard]] Failure system_failure(int error, std::string where, std::string message);

// A signal ended the work on `where`.
[[nodiscard]] Failure interrupted_failure(int signal, std::string where);

// The value of `result`, or its failure thrown.
template <typename T>
T take(Result<T>&& result, const std::string& path) {
  if (!result) throw store_failure(result.error(), path);
  return *std::move(result);
}

inline void require(const Status& status, const std::string& path) {
  if (!status.ok()) throw store_failure(status, path);
}

// Writes the failure to standard error, as text or as one JSON object on a line.
void report(const Failure& failure, bool json);

// Writes a remark that is no failure to standard error.
void warn(std::string_view where, std::uint64_t line, std::string_view message);

// Writes text that is neither an answer nor a failure to standard error.
void tell(std::string_view text);

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_REPORT_FAILURE_H_
