// The device's memory, its log, its daemon's life and its loop device.
#include "block_device.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <new>
#include <stdexcept>

#include "daemon.h"

namespace hmap::test {
namespace {

// Address space; memory is taken only for what is written.
constexpr std::uint64_t kArenaBytes = std::uint64_t{4} << 30;
constexpr std::uint64_t kEventsMax = std::uint64_t{1} << 22;
constexpr int kLoopTries = 100;  // others attach theirs at the same time

void* share(std::uint64_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return memory;
}

std::string failed(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

}  // namespace

struct BlockDevice::Control {
  std::atomic<bool> logging;
  std::atomic<std::uint64_t> events;
  std::atomic<std::uint64_t> arena_used;
  DeviceFaults faults;
};

struct BlockDevice::LoggedEvent {
  Event event;
  std::atomic<bool> complete;
};

BlockDevice::BlockDevice(std::uint64_t bytes, Keep keep)
    : bytes_(bytes),
      keep_(keep),
      memory_(static_cast<std::byte*>(share(bytes))),
      arena_(static_cast<std::byte*>(share(kArenaBytes))),
      log_(static_cast<LoggedEvent*>(share(kEventsMax * sizeof(LoggedEvent)))),
      control_(static_cast<Control*>(share(sizeof(Control)))) {}

BlockDevice::~BlockDevice() {
  if (loop_ >= 0) {
    ::ioctl(loop_, LOOP_CLR_FD, 0);
    ::close(loop_);
  }
  if (daemon_ > 0) {
    ::umount2(directory_.c_str(), MNT_DETACH);
    ::kill(daemon_, SIGKILL);
    ::waitpid(daemon_, nullptr, 0);
  }
  ::munmap(memory_, bytes_);
  ::munmap(arena_, kArenaBytes);
  ::munmap(log_, kEventsMax * sizeof(LoggedEvent));
  ::munmap(control_, sizeof(Control));
}

std::string BlockDevice::start(const std::string& directory) {
  directory_ = directory;
  if (::geteuid() != 0) return "needs root";
  std::array<int, 2> ready{};
  if (::pipe2(ready.data(), O_CLOEXEC) != 0) return failed("pipe");
  daemon_ = ::fork();
  if (daemon_ < 0) return failed("fork");
  if (daemon_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::close(ready[0]);
    ::_exit(run_daemon(*this, directory, ready[1]));
  }
  ::close(ready[1]);
  std::string why;
  std::array<char, 200> text{};
  for (ssize_t got = 1; got > 0;) {
    got = ::read(ready[0], text.data(), text.size());
    if (got > 0) why.append(text.data(), static_cast<std::size_t>(got));
  }
  ::close(ready[0]);
  if (!why.empty()) return why;
  return attach_loop(directory + "/disk");
}

std::string BlockDevice::attach_loop(const std::string& file) {
  const int control = ::open("/dev/loop-control", O_RDWR | O_CLOEXEC);
  if (control < 0) return failed("/dev/loop-control");
  const int disk = ::open(file.c_str(), O_RDWR | O_CLOEXEC);
  if (disk < 0) {
    ::close(control);
    return failed("the daemon's file");
  }
  std::string why = "no free loop device";
  for (int i = 0; i < kLoopTries && loop_ < 0; ++i) {
    const int number = ::ioctl(control, LOOP_CTL_GET_FREE);
    if (number < 0) break;
    loop_path_ = "/dev/loop" + std::to_string(number);
    const int loop = ::open(loop_path_.c_str(), O_RDWR | O_CLOEXEC);
    if (loop < 0) {
      why = failed(loop_path_.c_str());
      break;
    }
    loop_config config{};
    config.fd = static_cast<std::uint32_t>(disk);
    config.block_size = 512;
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    if (::ioctl(loop, LOOP_CONFIGURE, &config) == 0) {
      loop_ = loop;
      why.clear();
    } else {
      why = failed("attaching a loop device");
      ::close(loop);
    }
  }
  ::close(disk);
  ::close(control);
  return why;
}

void BlockDevice::drop_cache() const {
  if (::ioctl(loop_, BLKFLSBUF, 0) != 0) throw std::runtime_error(failed("BLKFLSBUF"));
}

DeviceFaults& BlockDevice::faults() const { return control_->faults; }

// ---- the log ----------------------------------------------------------------------------------

void BlockDevice::log(bool on) const { control_->logging = on; }

void BlockDevice::clear_log() const {
  const std::uint64_t used = events();
  for (std::uint64_t i = 0; i < used; ++i) log_[i].complete = false;
  control_->events = 0;
  control_->arena_used = 0;
}

std::uint64_t BlockDevice::events() const { return control_->events; }

Event BlockDevice::event(std::uint64_t index) const {
  while (!log_[index].complete) continue;  // of another process, which is just filling it
  return log_[index].event;
}

BlockDevice::LoggedEvent& BlockDevice::append(const Event& event) const {
  const std::uint64_t index = control_->events.fetch_add(1);
  if (index >= kEventsMax) std::abort();
  log_[index].event = event;
  return log_[index];
}

void BlockDevice::mark(EventKind kind, std::uint32_t writer, std::uint64_t number) const {
  if (!control_->logging) return;
  Event event;
  event.kind = kind;
  event.writer = writer;
  event.offset = number;
  append(event).complete = true;
}

void BlockDevice::write(std::uint64_t offset, const void* from, std::uint64_t bytes) const {
  if (offset > bytes_ || bytes > bytes_ - offset) throw std::out_of_range("outside the device");
  if (control_->logging) {
    Event event;
    event.kind = EventKind::kWrite;
    event.offset = offset;
    event.bytes = bytes;
    event.data = control_->arena_used.fetch_add(bytes);
    if (event.data + bytes > kArenaBytes) std::abort();
    std::memcpy(arena_ + event.data, keep_ == Keep::kNew ? from : memory_ + offset, bytes);
    append(event).complete = true;
  }
  std::memcpy(memory_ + offset, from, bytes);
}

void BlockDevice::undo() const {
  for (std::uint64_t i = events(); i-- > 0;) {
    const Event last = event(i);
    if (last.kind == EventKind::kWrite) std::memcpy(memory_ + last.offset, data(last), last.bytes);
  }
  clear_log();
}

// ---- for the daemon ---------------------------------------------------------------------------

int BlockDevice::serve_write(std::uint64_t offset, const char* from, std::uint64_t bytes) const {
  DeviceFaults& faults = control_->faults;
  if (const std::uint64_t left = faults.fail_after; left != 0) {
    faults.fail_after = left - 1;
    if (left == 1) faults.writes_fail = true;
  }
  if (faults.writes_fail) {
    mark(EventKind::kFailed, 0, offset);
    return EIO;
  }
  if (offset > bytes_ || bytes > bytes_ - offset) return EINVAL;
  write(offset, from, bytes);
  return 0;
}

int BlockDevice::serve_flush() const {
  if (control_->faults.writes_fail) {
    mark(EventKind::kFailed, 0, 0);
    return EIO;
  }
  mark(EventKind::kFlush, 0, 0);
  return 0;
}

int BlockDevice::serve_read(std::uint64_t offset, std::uint64_t bytes) const {
  const DeviceFaults& faults = control_->faults;
  if (!faults.reads_fail) return 0;
  return offset < faults.bad_to && offset + bytes > faults.bad_from ? EIO : 0;
}

}  // namespace hmap::test
