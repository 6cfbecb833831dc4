// The file as memory: one window over the whole file, reserved once and never moved; growth; holes;
// flushes. The only place where an offset becomes an address.
#ifndef HMAP_SRC_SYSTEM_MAPPING_H_
#define HMAP_SRC_SYSTEM_MAPPING_H_

#include <atomic>
#include <boost/interprocess/mapped_region.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "format/offset.h"
#include "hmap/result.h"
#include "hmap/status.h"

namespace hmap {

enum class Access : std::uint8_t {
  kReadWrite,  // shared with all processes
  kReadOnly,   // shared, stores fault
  kPrivate,    // a private copy-on-write view of a file we may only read; stores stay here
};

// The T at this place of the file, and all of `bytes` bytes there; null: outside, or not aligned
// for a T. `memory` is a Mapping or its Bounds.
template <typename T, typename Memory>
[[gnu::always_inline]] inline T* in_file(const Memory& memory, std::uint64_t offset,
                                         std::uint64_t bytes = sizeof(T)) noexcept {
  if (offset % alignof(T) != 0) [[unlikely]]
    return nullptr;
  return reinterpret_cast<T*>(memory.bytes(offset, bytes));
}

class Mapping {
 public:
  // Maps the file behind `fd` (which stays the caller's, and must stay open as long as the
  // Mapping). `window_bytes` of address space are reserved, halved down to 1 GiB while the system
  // refuses; 0 means the default (1 TiB; 16 GiB under sanitizers; environment HMAP_WINDOW_BYTES).
  // kPrivate maps just the file's present size. Errors: kNoAddressSpace, kSystem.
  static Result<std::unique_ptr<Mapping>> map(int fd, Access access, std::uint64_t window_bytes);

  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  // The address of `bytes` bytes at `offset`; null unless the whole range lies inside the file as
  // this process knows it. The size is never one read from the file: it is fstat's, looked up again
  // when an offset exceeds it. Null means kCorrupt, or a file cut short by a stranger.
  [[nodiscard]] std::byte* bytes(std::uint64_t offset, std::uint64_t bytes) const noexcept {
    const std::uint64_t limit = file_bytes_.load(std::memory_order_relaxed);
    if (ends_within(limit, offset, bytes)) [[likely]]
      return base_ + offset;
    return bytes_after_refresh(offset, bytes);
  }

  // What bytes() needs, read once: behind each load of a shared word the compiler would read it
  // again. Null may also mean that the file has grown since, or of a few bytes, where the compiler
  // sees how many, that they lie near its end; bytes() finds out.
  class Bounds {
   public:
    [[nodiscard, gnu::always_inline]] std::byte* bytes(std::uint64_t offset,
                                                       std::uint64_t bytes) const noexcept {
      const bool inside = __builtin_constant_p(bytes) && bytes <= kFew
                              ? offset < few_end_
                              : ends_within(limit_, offset, bytes);
      if (!inside) [[unlikely]]
        return nullptr;
      std::byte* const at = base_ + offset;
      if (at == nullptr) __builtin_unreachable();  // or callers would ask for it
      return at;
    }

   private:
    friend class Mapping;
    Bounds(std::byte* base, std::uint64_t limit, std::uint64_t few_end) noexcept
        : base_(base), limit_(limit), few_end_(few_end) {}
    std::byte* base_;
    std::uint64_t limit_;
    std::uint64_t few_end_;
  };
  [[nodiscard]] Bounds bounds() const noexcept {
    return {base_, file_bytes(), few_end_.load(std::memory_order_relaxed)};
  }

  // The same for one T; null also if the place is not aligned for it.
  template <typename T>
  [[nodiscard]] T* at(Offset<T> place) const noexcept {
    return in_file<T>(*this, place.value);
  }

  // File offset of an address inside the window.
  [[nodiscard]] std::uint64_t offset_of(const void* address) const noexcept {
    return static_cast<std::uint64_t>(static_cast<const std::byte*>(address) - base_);
  }

  [[nodiscard]] std::byte* base() const noexcept { return base_; }
  [[nodiscard]] std::uint64_t window_bytes() const noexcept { return window_bytes_; }
  [[nodiscard]] std::uint64_t file_bytes() const noexcept {
    return file_bytes_.load(std::memory_order_relaxed);
  }

  // Asks the kernel for the size again. Returns the new one.
  std::uint64_t refresh() const noexcept;

  // Asks the kernel whether the file has a name, or another has taken its place (replacement.h).
  [[nodiscard]] bool has_name() const noexcept;

  // Makes sure that the file has blocks for the range, extending it if needed, so that a later
  // store cannot fail for want of space. Never shortens; content of blocks that exist is kept, new
  // ones read as zero. No SIGXFSZ, unless RLIMIT_FSIZE is set in this very moment (size_limit.h).
  // Cost: one system call, one more to make the file longer, two more with a limit. Errors:
  // kNoSpace (disk, quota, RLIMIT_FSIZE, window; the file is unchanged), kIoError, kSystem.
  Status allocate(std::uint64_t offset, std::uint64_t bytes);
  // The same beside others who may allocate the range, and store to it, meanwhile: only where the
  // file system does it in one step, else kUnsupported. (The other way is to write zeros.)
  Status allocate_at_once(std::uint64_t offset, std::uint64_t bytes);

  // Gives the blocks of the range back; it reads as zero afterwards and must be allocated again
  // before it is stored to. Where the file system cannot: kUnsupported.
  Status punch(std::uint64_t offset, std::uint64_t bytes);

  // Makes the range zero and backed by blocks: punch and allocate, or stores where punching is not
  // supported. Errors: as allocate().
  Status make_zero(std::uint64_t offset, std::uint64_t bytes);

  // Brings the pages of an allocated range into memory, ready to be stored to, so that neither a
  // full disk (copy-on-write file systems) nor a slow fault strikes later. Errors: kNoSpace.
  Status populate(std::uint64_t offset, std::uint64_t bytes);
  // The same for a place with old bytes that is about to be overwritten: where that never needs
  // space, a fault is as good and no slower.
  Status prepare_overwrite(std::uint64_t offset, std::uint64_t bytes) {
    return overwrites_in_place_ ? Status() : populate(offset, bytes);
  }
  // As populate(), for a range that nobody stores to yet; by one thread. Where blocks are
  // overwritten in place, populate() has nothing left to do in the last such ranges that lie in a
  // row.
  Status populate_ahead(std::uint64_t offset, std::uint64_t bytes);

  // Asks for huge pages in the range, for memory that is written densely: one fault and one page
  // table entry for 2 MiB. A wish; nothing is reported.
  void advise_huge(std::uint64_t offset, std::uint64_t bytes) noexcept;

  // fdatasync: all that was stored or written before is durable. kIoError is final: never call it
  // again after one (the caller poisons the store).
  Status flush();

  // Writes `bytes` bytes at `offset` and makes just them durable. Errors as flush().
  Status write_durable(std::uint64_t offset, const void* data, std::size_t bytes);

 private:
  static bool ends_within(std::uint64_t limit, std::uint64_t offset, std::uint64_t bytes) noexcept {
    return offset <= limit && bytes <= limit - offset;
  }
  void note_length(std::uint64_t end) noexcept;
  void set_file_bytes(std::uint64_t bytes) const noexcept;

  Mapping(int fd, Access access) noexcept : fd_(fd), access_(access) {}
  [[nodiscard]] std::byte* bytes_after_refresh(std::uint64_t offset,
                                               std::uint64_t bytes) const noexcept;

  std::byte* base_ = nullptr;
  mutable std::atomic<std::uint64_t> file_bytes_{0};
  // So many bytes end in the file if they begin before here.
  static constexpr std::uint64_t kFew = 256;
  mutable std::atomic<std::uint64_t> few_end_{0};
  std::uint64_t window_bytes_ = 0;
  // What populate_ahead() brought in, as far as this process knows. Wrong, because another one has
  // punched it or the two were read while they changed: a fault for each page.
  std::atomic<std::uint64_t> ahead_begin_{0};
  std::atomic<std::uint64_t> ahead_end_{0};
  bool overwrites_in_place_ = false;
  int fd_ = -1;
  Access access_;
  boost::interprocess::mapped_region region_;
};

}  // namespace hmap

#endif  // HMAP_SRC_SYSTEM_MAPPING_H_
