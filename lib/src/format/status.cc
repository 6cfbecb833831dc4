// Status in words.
#include "hmap/status.h"

#include <array>
#include <cstring>
#include <ostream>

namespace hmap {

std::string_view name(Code code) noexcept {
  static constexpr std::array<std::string_view, 30> kNames = {
      "Ok",           "InvalidArgument",  "TooLarge",       "NotFound",
      "Exists",       "NotAStore",        "WrongVersion",   "Truncated",
      "Corrupt",      "Permission",       "ReadOnly",       "LockedExclusively",
      "Busy",         "TooManyProcesses", "ModeMismatch",   "NoSpace",
      "IoError",      "Poisoned",         "NoAddressSpace", "Forked",
      "Closed",       "Unsupported",      "NeedsRecovery",  "System",
      "BadInput",     "TooManySnapshots", "BadLog",         "TooManyViews",
      "TypeMismatch", "Replaced"};
  const auto index = static_cast<std::size_t>(code);
  return index < kNames.size() ? kNames[index] : "Unknown";
}

std::string Status::message() const {
  std::string text(name(code_));
  if (what()[0] != '\0') text.append(": ").append(what());
  switch (code_) {
    case Code::kCorrupt:
    case Code::kTruncated:
      text.append(" (at file offset ").append(std::to_string(value_)).append(")");
      break;
    case Code::kBusy:
      if (value_ != 0) text.append(" (held by slot ").append(std::to_string(value_)).append(")");
      break;
    case Code::kNoSpace:
      if (value_ != 0)
        text.append(" (some is held by views of slot ").append(std::to_string(value_)).append(")");
      break;
    case Code::kBadInput:
      text.append(" (line ").append(std::to_string(value_)).append(")");
      break;
    default:
      break;
  }
  if (os_error_ != 0) {
    std::array<char, 128> buffer{};
    text.append(": ").append(::strerror_r(os_error_, buffer.data(), buffer.size()));
  }
  return text;
}

std::ostream& operator<<(std::ostream& out, const Status& status) {
  return out << status.message();
}

Error::Error(Status status) : status_(status), text_(status.message()) {}

}  // namespace hmap
