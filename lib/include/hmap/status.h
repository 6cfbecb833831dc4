// What a call answers: a Status says whether it worked and, if not, what went wrong and where.
#ifndef HMAP_STATUS_H_
#define HMAP_STATUS_H_

#include <cstdint>
#include <exception>
#include <iosfwd>
#include <string>
#include <string_view>

#include "hmap/export.h"

namespace hmap {

// Why a call failed. The numbers are part of the interface: none is ever changed or reused.
enum class Code : std::uint8_t {
  kOk = 0,
  kInvalidArgument = 1,     // The caller broke a documented precondition; nothing was changed.
  kTooLarge = 2,            // A key, a value or a batch exceeds a limit; nothing was changed.
  kNotFound = 3,            // No file at the path, and it was not to be created.
  kExists = 4,              // A file is at the path, and it was to be created.
  kNotAStore = 5,           // The file is not an hmap store.
  kWrongVersion = 6,        // A store of a version or with features this library cannot handle.
  kTruncated = 7,           // The file is shorter than its durable root says.
  kCorrupt = 8,             // Bytes in the file break the format; offset() says where.
  kPermission = 9,          // The operating system refused access.
  kReadOnly = 10,           // A write through a read-only handle, or to a read-only medium.
  kLockedExclusively = 11,  // Another process has the store for itself, or others have it open.
  kBusy = 12,  // A living process holds the lock beyond the time-out; value() = its slot.
               // close(): views of the handle are held.
  kTooManyProcesses = 13,  // All process slots of the store are taken.
  kModeMismatch = 14,      // The store is open with another durability than the one asked for.
  kNoSpace = 15,   // The disk, the quota or Options::size_limit is exhausted; value() != 0: the
                   // views of this slot, held longest of all, keep space from being used again.
  kIoError = 16,   // The device failed (EIO).
  kPoisoned = 17,  // A flush failed earlier; all processes must close and reopen.
  kNoAddressSpace = 18,    // No window of address space large enough could be reserved.
  kForked = 19,            // The handle belongs to the parent process; open the store again.
  kClosed = 20,            // The handle was closed or moved from.
  kUnsupported = 21,       // The file system cannot: hold a shared store, share blocks.
  kNeedsRecovery = 22,     // Only a writer can bring the store up to date.
  kSystem = 23,            // Another system call failed; os_error() is its errno.
  kBadInput = 24,          // Import only: malformed input; value() is the line or the offset.
  kTooManySnapshots = 25,  // As many snapshots of the store as there can be are held already.
  kBadLog = 26,            // The commit log is missing, damaged, or another store's.
  kTooManyViews = 27,      // The process holds as many views as can be counted; end some.
  kTypeMismatch = 28,      // The store holds keys and values of another type than asked for.
  kReplaced = 29,  // Another store took the place of this one (publish()) in the middle of a call
                   // that cannot go on in the new one; call again.
};

// The name of a code as written in the sources without the k, for example "NoSpace".
HMAP_EXPORT std::string_view name(Code code) noexcept;

// The outcome of a call that returns nothing else. 24 bytes, never allocates.
class [[nodiscard]] Status {
 public:
  // Success.
  constexpr Status() noexcept = default;

  // Of a success the code alone is copied, which is nearly always all there is to do. (Loads as
  // wide as two stores just made wait in the processor until these are done, and every call inside
  // the library hands a Status on.)
  constexpr Status(const Status& other) noexcept : code_(other.code_) {
    if (!ok()) [[unlikely]]
      copy_details(other);
  }
  constexpr Status& operator=(const Status& other) noexcept {
    if (!ok() || !other.ok()) [[unlikely]]
      copy_details(other);
    code_ = other.code_;
    return *this;
  }

  // A failure. `what` must be a string literal (or live as long as the program): it is kept by
  // pointer. `value` is a file offset for kCorrupt and kTruncated, a slot number for kBusy and
  // kNoSpace, a line for kBadInput, else 0. `os_error` is an errno or 0.
  constexpr Status(Code code, const char* what, std::uint64_t value = 0, int os_error = 0) noexcept
      : what_(what), value_(value), os_error_(os_error), code_(code) {}

  [[nodiscard]] constexpr bool ok() const noexcept { return code_ == Code::kOk; }
  [[nodiscard]] constexpr Code code() const noexcept { return code_; }
  // What was being done or what was found, in words; never null.
  [[nodiscard]] constexpr const char* what() const noexcept {
    return what_ != nullptr ? what_ : "";
  }
  // The file offset (kCorrupt, kTruncated), slot (kBusy, kNoSpace) or line (kBadInput) meant.
  [[nodiscard]] constexpr std::uint64_t value() const noexcept { return value_; }
  // The errno of the system call that failed, or 0.
  [[nodiscard]] constexpr int os_error() const noexcept { return os_error_; }

  // One line for people: code, what, where, and the system's words for the errno. Allocates.
  [[nodiscard]] HMAP_EXPORT std::string message() const;

 private:
  constexpr void copy_details(const Status& other) noexcept {
    what_ = other.what_;
    value_ = other.value_;
    os_error_ = other.os_error_;
  }

  const char* what_ = nullptr;
  std::uint64_t value_ = 0;
  std::int32_t os_error_ = 0;
  Code code_ = Code::kOk;
};
static_assert(sizeof(Status) == 24);

HMAP_EXPORT std::ostream& operator<<(std::ostream& out, const Status& status);

// What Result::value() throws for those who want exceptions; the library itself throws nothing
// else but std::bad_alloc.
class HMAP_EXPORT Error : public std::exception {
 public:
  explicit Error(Status status);
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }
  [[nodiscard]] Status status() const noexcept { return status_; }

 private:
  Status status_;
  std::string text_;
};

}  // namespace hmap

#endif  // HMAP_STATUS_H_
