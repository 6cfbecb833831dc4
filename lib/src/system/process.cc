// Who is attached: byte locks that live exactly as long as an address space.
//
// Effect wanted: a proof of life that no kill, no exec, no fork, no closefrom() and no container
// can make wrong. An open-file-description (OFD) lock ends with the last reference to its
// description. A descriptor is a poor reference: a forked child has a copy, and keeps a dead
// parent's lock alive. A mapping is a good one: MADV_DONTFORK keeps it out of children, exec and
// death unmap it, and nothing closes it by accident. So the descriptor is closed as soon as the
// mapping is made.
//
// What remains: a child forked between create() and bind() has a copy of the descriptor until it
// calls exec (O_CLOEXEC) or ends, and delays the proof of our death as long. The same is true for
// the OPEN byte while an open is running.
#include "system/process.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <new>

#include "format/runtime_format.h"
#include "system/file.h"

namespace hmap {
namespace {

// The kernel maps whole pages, whatever their size.
constexpr std::size_t kPage = 4096;

struct flock byte_lock(short type, std::uint64_t at) noexcept {
  struct flock lock {};  // OFD locks want l_pid == 0
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = static_cast<off_t>(at);
  lock.l_len = 1;
  return lock;
}

// Takes or drops one byte. Returns 0 or an errno; EAGAIN if somebody is in the way.
int set_lock(int fd, int command, short type, std::uint64_t at) noexcept {
  struct flock lock = byte_lock(type, at);
  // Bound: a signal ends one wait, not the reason to wait; the wait itself ends with the holder.
  while (::fcntl(fd, command, &lock) != 0) {
    if (errno == EACCES) return EAGAIN;  // POSIX lets a system say either
    if (errno != EINTR) return errno;
  }
  return 0;
}

// Whether another description holds a lock in the way of a write lock. 0, 1 or a negative errno.
int write_lock_conflicts(int fd, std::uint64_t at) noexcept {
  struct flock lock = byte_lock(F_WRLCK, at);
  if (::fcntl(fd, F_OFD_GETLK, &lock) != 0) return -errno;
  return lock.l_type == F_UNLCK ? 0 : 1;
}

using Life = std::atomic<std::uint64_t>;
static_assert(Life::is_always_lock_free);

// The word that reads 0 after a fork. Without such pages (Linux before 4.14) a handle in a child
// cannot be told from its parent's; the word is then an ordinary one and says "not forked".
Life* make_life_page() noexcept {
  static Life fallback{1};
  void* page = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return &fallback;
  if (::madvise(page, kPage, MADV_WIPEONFORK) != 0) {
    ::munmap(page, kPage);
    return &fallback;
  }
  return new (page) Life(1);
}

// In a child at first use: another number than every ancestor's. `last` is inherited, the page not.
void begin_life(Life& life) noexcept {
  static std::atomic<std::uint64_t> last{1};
  std::uint64_t none = 0;
  const std::uint64_t next = last.fetch_add(1) + 1;
  // In vain: another thread was faster.
  life.compare_exchange_strong(none, next);
}

}  // namespace

const std::atomic<std::uint64_t>& process_life_word() noexcept {
  static Life* const life = make_life_page();
  if (life->load(std::memory_order_relaxed) == 0) begin_life(*life);
  return *life;
}

std::uint64_t process_life() noexcept { return process_life_word().load(); }

bool forked() noexcept { return process_life() != 1; }

Result<OpenGuard> OpenGuard::take(int fd) {
  if (const int error = set_lock(fd, F_OFD_SETLKW, F_WRLCK, format::kOpenByteAt)) {
    return Status(Code::kSystem, "cannot lock the open byte", 0, error);
  }
  return OpenGuard(fd);
}

OpenGuard::~OpenGuard() {
  if (fd_ >= 0) set_lock(fd_, F_OFD_SETLK, F_UNLCK, format::kOpenByteAt);
}

Result<std::unique_ptr<Attachment>> Attachment::create(int fd) {
  std::unique_ptr<Attachment> attachment(new (std::nothrow) Attachment);
  if (attachment == nullptr) return Status(Code::kSystem, "cannot attach", 0, ENOMEM);
  attachment->life_ = process_life();
  // A duplicate would share the description, and with it the locks.
  attachment->fd_ = ::open(proc_path(fd).data(), O_RDWR | O_CLOEXEC | O_NOCTTY);
  if (attachment->fd_ < 0) {
    const int error = errno;
    const Code code = error == EACCES || error == EPERM ? Code::kPermission
                      : error == EROFS                  ? Code::kReadOnly
                                                        : Code::kSystem;
    return Status(code, "cannot open the file again through /proc/self/fd", 0, error);
  }
  return attachment;
}

Attachment::~Attachment() { leave(); }

Result<bool> Attachment::alone() const {
  const int conflict = write_lock_conflicts(fd_, format::kUsersByteAt);
  if (conflict < 0) return Status(Code::kSystem, "cannot ask for the users byte", 0, -conflict);
  return conflict == 0;
}

Status Attachment::join(bool exclusive) {
  const short type = exclusive ? F_WRLCK : F_RDLCK;
  const int error = set_lock(fd_, F_OFD_SETLK, type, format::kUsersByteAt);
  if (error == EAGAIN) {
    return {Code::kLockedExclusively,
            exclusive ? "others have the store open" : "another process has the store for itself"};
  }
  if (error != 0) return {Code::kSystem, "cannot lock the users byte", 0, error};
  return {};
}

Result<std::uint32_t> Attachment::take_slot(std::uint32_t slots) {
  for (std::uint32_t slot = 1; slot <= slots; ++slot) {
    const int error = set_lock(fd_, F_OFD_SETLK, F_WRLCK, format::kSlotBytesAt + slot);
    if (error == 0) return slot;
    if (error != EAGAIN) return Status(Code::kSystem, "cannot lock a slot byte", 0, error);
  }
  return Status(Code::kTooManyProcesses, "all process slots are taken");
}

Status Attachment::bind() {
  void* page = ::mmap(nullptr, kPage, PROT_NONE, MAP_SHARED, fd_, 0);
  if (page == MAP_FAILED) return {Code::kSystem, "cannot map the lock page", 0, errno};
  if (::madvise(page, kPage, MADV_DONTFORK) != 0) {
    const int error = errno;
    ::munmap(page, kPage);
    return {Code::kSystem, "cannot keep the lock page out of children", 0, error};
  }
  // Order: the mapping holds the description before the descriptor lets go of it.
  page_ = page;
  ::close(fd_);
  fd_ = -1;
  return {};
}

void Attachment::leave() noexcept {
  // In a child nothing is mapped at page_, or something of the child's own is.
  if (life_ != process_life()) return;
  if (page_ != nullptr) ::munmap(page_, kPage);
  if (fd_ >= 0) ::close(fd_);
  page_ = nullptr;
  fd_ = -1;
}

bool slot_alive(int fd, std::uint32_t slot) noexcept {
  return write_lock_conflicts(fd, format::kSlotBytesAt + slot) != 0;
}

}  // namespace hmap
