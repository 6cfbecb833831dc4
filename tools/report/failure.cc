// The one table from the library's codes to exit codes and advice, and how failures are printed.
#include "report/failure.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "report/json.h"
#include "text/escape.h"

namespace hmap::tool {
namespace {

struct Advice {
  Code code;
  Exit exit;
  std::string_view hint;
};

constexpr std::array kAdvice = {
    Advice{Code::kOk, Exit::kYes, ""},
    Advice{Code::kInvalidArgument, Exit::kUsage,
           "`hmap VERB --help` shows each verb with an example"},
    Advice{Code::kTooLarge, Exit::kUsage,
           "a key has at most 65,535 bytes, a value at most 4,294,967,295"},
    Advice{Code::kNotFound, Exit::kSystem, "check the name, or make a store: hmap create {}"},
    Advice{Code::kExists, Exit::kSystem,
           "nothing was changed; choose another name, or remove {} first"},
    Advice{Code::kNotAStore, Exit::kNotAStore,
           "the file is no hmap store; to read records from a text file use: hmap load STORE {}"},
    Advice{Code::kWrongVersion, Exit::kNotAStore,
           "use the hmap of the version that wrote it: dump there, load here"},
    Advice{
        Code::kTruncated, Exit::kCorrupt,
        "the end of the file is missing: copy it again, or restore a backup, or save every intact "
        "record: hmap recover {} NEW"},
    Advice{
        Code::kCorrupt, Exit::kCorrupt,
        "keep a copy of {0} as it is; restore a backup, or save every intact record: hmap recover "
        "{0} NEW"},
    Advice{Code::kPermission, Exit::kSystem,
           "reading needs permission r on the file, writing also w: ls -l {}"},
    Advice{Code::kReadOnly, Exit::kSystem,
           "the file or its file system is read-only; copy the store to a writable place"},
    Advice{Code::kLockedExclusively, Exit::kBusy,
           "wait for the other process to end; lslocks shows who it is"},
    Advice{Code::kBusy, Exit::kBusy,
           "`hmap stat {}` shows the process in that slot; if it is stopped, continue or end it"},
    Advice{Code::kTooManyProcesses, Exit::kBusy,
           "`hmap stat {}` lists them; reading needs no slot; create --slots makes more"},
    Advice{Code::kModeMismatch, Exit::kBusy,
           "the store is open with another durability; try again when it is closed"},
    Advice{Code::kNoSpace, Exit::kSystem,
           "nothing stored before is lost; make room, or delete keys (that works on a full disk)"},
    Advice{Code::kIoError, Exit::kSystem, "the device failed; see dmesg, and save a copy of {}"},
    Advice{
        Code::kPoisoned, Exit::kSystem,
        "a flush to disk failed earlier: end every process that has {} open, then open it again"},
    Advice{Code::kNoAddressSpace, Exit::kSystem,
           "raise the limit (ulimit -v), or set a smaller HMAP_WINDOW_BYTES"},
    Advice{Code::kForked, Exit::kSystem, ""},
    Advice{Code::kClosed, Exit::kSystem, ""},
    Advice{Code::kUnsupported, Exit::kSystem,
           "a shared store needs a local file system (no NFS, no FUSE without locks)"},
    Advice{
        Code::kNeedsRecovery, Exit::kSystem,
        "a writer brings them in: hmap ps --clear-dead {0}; get, dump and copy --ignore-log read "
        "the last checkpoint without them"},
    Advice{Code::kSystem, Exit::kSystem, ""},
    Advice{Code::kBadInput, Exit::kCorrupt, ""},
    Advice{Code::kTooManySnapshots, Exit::kBusy, "end snapshots that are no longer needed"},
    Advice{Code::kBadLog, Exit::kCorrupt,
           "put the file {0}-wal back that belongs to it; without it the last checkpoint is left: "
           "hmap copy --ignore-log {0} NEW, or any verb with --ignore-log"},
    Advice{Code::kTooManyViews, Exit::kBusy, "end views that are no longer needed"},
    Advice{Code::kTypeMismatch, Exit::kUsage, "`hmap stat {}` shows its type"},
    Advice{Code::kReplaced, Exit::kBusy, "another store was put in its place: try again"},
};

constexpr bool in_order_of_codes() {
  for (std::size_t i = 0; i < kAdvice.size(); ++i) {
    if (static_cast<std::size_t>(kAdvice[i].code) != i) return false;
  }
  return true;
}
static_assert(in_order_of_codes(), "kAdvice is indexed by Code");

std::string place(std::string_view where, std::uint64_t line) {
  if (where.empty()) return {};
  return line == 0 ? fmt::format("{}: ", where) : fmt::format("{}:{}: ", where, line);
}

bool is_there(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

// Where nothing is at `path`, or a directory, or what may be written, and the advice for `code`
// would not help; else empty.
std::string hint_for_path(Code code, const std::string& path) {
  struct stat there = {};
  const bool is_directory = ::stat(path.c_str(), &there) == 0 && S_ISDIR(there.st_mode);
  if (is_directory && (code == Code::kNotAStore || code == Code::kExists))
    return fmt::format("{} is a directory: give the name of a file in it", path);
  if (code != Code::kNotFound && code != Code::kExists && code != Code::kPermission) return {};
  // Whoever may write the file is refused something else, which the message names.
  if (code == Code::kPermission && ::access(path.c_str(), R_OK | W_OK) == 0)
    return "a file is made or renamed with permission wx on its directory; only the owner of a "
           "file, or root, gives it owner and mode";
  if (is_there(path)) return {};
  if (errno == ENOTDIR) return "a part of the path is a file, and no directory";
  if (errno != ENOENT) return {};
  struct stat link = {};
  if (::lstat(path.c_str(), &link) == 0)
    return "the name is a symbolic link to nothing: remove it, or make what it leads to";
  if (code == Code::kPermission) return "making a file needs permission wx on its directory";
  const std::size_t slash = path.rfind('/');
  const bool in_directory = slash == std::string::npos || is_there(path.substr(0, slash + 1));
  return in_directory ? "" : "check the name, or make the directory first";
}

std::string full_hint(const Failure& failure) {
  if (!failure.hint.empty()) return failure.hint;
  if (!failure.about_store) return {};
  const std::string_view hint = hint_for(failure.code);
  return fmt::format(fmt::runtime(hint), failure.where.empty() ? "FILE" : failure.where);
}

// A failure to write to standard error has nobody left to be told.
void print_error(const std::string& text) {
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
}

std::string as_json(const Failure& failure) {
  nlohmann::ordered_json error;
  error["code"] = std::string(name(failure.code));
  error["exit"] = static_cast<int>(exit_for(failure.code));
  error["what"] = readable(failure.message);
  if (!failure.where.empty()) set_bytes(error, "file", failure.where);
  if (failure.line != 0) error["line"] = failure.line;
  if (failure.os_error != 0) error["errno"] = failure.os_error;
  if (failure.stored) error["stored"] = *failure.stored;
  if (failure.removed) error["removed"] = *failure.removed;
  if (!failure.note.empty()) error["note"] = readable(failure.note);
  const std::string hint = full_hint(failure);
  if (!hint.empty()) error["hint"] = readable(hint);
  return nlohmann::ordered_json{{"error", std::move(error)}}.dump() + "\n";
}

}  // namespace

Exit exit_for(Code code) noexcept {
  const auto index = static_cast<std::size_t>(code);
  return index < kAdvice.size() ? kAdvice[index].exit : Exit::kSystem;
}

std::string_view hint_for(Code code) noexcept {
  const auto index = static_cast<std::size_t>(code);
  return index < kAdvice.size() ? kAdvice[index].hint : "";
}

Failure usage_failure(std::string message, std::string hint) {
  Failure failure(Code::kInvalidArgument, {}, std::move(message));
  failure.hint = std::move(hint);
  return failure;
}

Failure store_failure(const Status& status, const std::string& path) {
  Failure failure(status.code(), path, status.message());
  failure.os_error = status.os_error();
  failure.hint = hint_for_path(status.code(), path);
  return failure;
}

Failure system_failure(int error, std::string where, std::string message) {
  Code code = Code::kSystem;
  if (error == ENOSPC || error == EDQUOT) code = Code::kNoSpace;
  if (error == EACCES || error == EPERM) code = Code::kPermission;
  if (error == EIO) code = Code::kIoError;
  Failure failure(code, std::move(where), fmt::format("{}: {}", message, std::strerror(error)));
  failure.os_error = error;
  failure.about_store = false;
  return failure;
}

Failure interrupted_failure(int signal, std::string where) {
  Failure failure(Code::kSystem, std::move(where), "interrupted by a signal");
  failure.signal = signal;
  return failure;
}

void report(const Failure& failure, bool json) {
  if (json) return print_error(as_json(failure));
  std::string text = fmt::format("hmap: {}{}\n", readable(place(failure.where, failure.line)),
                                 readable(failure.message));
  if (!failure.note.empty()) text += fmt::format("hmap: {}\n", readable(failure.note));
  const std::string hint = full_hint(failure);
  if (!hint.empty()) text += fmt::format("  hint: {}\n", readable(hint));
  print_error(text);
}

void warn(std::string_view where, std::uint64_t line, std::string_view message) {
  print_error(
      fmt::format("hmap: {}warning: {}\n", readable(place(where, line)), readable(message)));
}

void tell(std::string_view text) { print_error(std::string(text)); }

}  // namespace hmap::tool
