// Who is attached: process slots and the proof that their owners live.
//
// A slot's life is an OFD lock on one byte of the file, taken through a description of its own that
// is kept by nothing but a one-page PROT_NONE mapping (MADV_DONTFORK): so the lock lives exactly as
// long as this address space. It survives close(), closefrom() and threads, is gone after kill -9,
// exec, and the death of a parent whose child lives on, and is right across pid namespaces.
// reliability.md 3.3.
#ifndef HMAP_SRC_SYSTEM_PROCESS_H_
#define HMAP_SRC_SYSTEM_PROCESS_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "hmap/result.h"
#include "hmap/status.h"

namespace hmap {

// True in a child process that inherited this page by fork(): one load of a MADV_WIPEONFORK page.
bool forked() noexcept;

// This process as a number: another one than that of every process it was forked from, so that a
// handle which keeps the number it was opened in knows whether it was inherited, while handles the
// child opened itself go on working. One load of the same page.
std::uint64_t process_life() noexcept;

// The word behind it, for those who ask often: something else than the number, 0 or a child's own,
// as soon as the process has been forked.
const std::atomic<std::uint64_t>& process_life_word() noexcept;

// The OPEN byte, write-locked for the whole of an open, so that openers take turns. Waits for
// living openers; the lock of a dead one is gone.
class OpenGuard {
 public:
  static Result<OpenGuard> take(int fd);
  OpenGuard(OpenGuard&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  OpenGuard& operator=(OpenGuard&&) = delete;
  ~OpenGuard();

 private:
  explicit OpenGuard(int fd) noexcept : fd_(fd) {}
  int fd_;
};

// The byte locks of one writing handle: the USERS byte (shared, or exclusive for Mode::kExclusive)
// and one slot byte. Keep the OpenGuard while calling join() and release_users().
class Attachment {
 public:
  // Opens `fd`'s file once more (through /proc/self/fd) for a description of its own.
  static Result<std::unique_ptr<Attachment>> create(int fd);
  ~Attachment();
  Attachment(const Attachment&) = delete;
  Attachment& operator=(const Attachment&) = delete;

  // Whether no other writing handle is attached (tests the USERS byte for a write lock).
  // Errors: kSystem.
  Result<bool> alone() const;
  // Locks the USERS byte: shared, or exclusively. kLockedExclusively if others forbid it.
  Status join(bool exclusive);
  // Takes the first free slot byte of 1..slots; returns its number. kTooManyProcesses.
  Result<std::uint32_t> take_slot(std::uint32_t slots);
  // Moves the locks into the life of the mapping and closes the descriptor. Call once, last.
  Status bind();
  // Drops all locks at once (unmaps). In a forked child: does nothing.
  void leave() noexcept;

 private:
  Attachment() = default;
  int fd_ = -1;
  void* page_ = nullptr;
  std::uint64_t life_ = 0;
};

// Whether the process that holds slot byte `slot` lives; asked through any descriptor of the file
// that is not the attachment's own. True when in doubt.
bool slot_alive(int fd, std::uint32_t slot) noexcept;

}  // namespace hmap

#endif  // HMAP_SRC_SYSTEM_PROCESS_H_
