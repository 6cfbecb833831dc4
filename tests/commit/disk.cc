#include "disk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "shared_memory.h"

namespace hmap::test {
namespace {

constexpr std::size_t kSector = 512;

// As read_file(), without a stream: there are thousands of images.
std::string bytes_of(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat facts {};
  std::string bytes;
  if (fd < 0 || fstat(fd, &facts) != 0) return bytes;
  bytes.resize(static_cast<std::size_t>(facts.st_size));
  const ssize_t got = pread(fd, bytes.data(), bytes.size(), 0);
  close(fd);
  bytes.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
  return bytes;
}

// One file: as it certainly is on the disk. As it is now says the file itself.
struct Watched {
  std::string path;
  ino_t inode = 0;
  std::string durable;

  void begin(const std::string& at) {
    struct stat facts {};
    path = at;
    inode = stat(at.c_str(), &facts) == 0 ? facts.st_ino : 0;
    durable = bytes_of(at);
  }
  [[nodiscard]] bool is(int fd) const {
    struct stat facts {};
    return inode != 0 && fstat(fd, &facts) == 0 && facts.st_ino == inode;
  }
  [[nodiscard]] std::string cut(std::uint64_t mix, Random& random) const {
    std::string image = durable;
    const std::string now = bytes_of(path);
    if (mix == 0) return image;
    if (mix == 1) return now;
    if (now.size() > image.size() && random.one_in(2)) image.resize(now.size(), '\0');
    const std::size_t end = std::min(image.size(), now.size());
    for (std::size_t at = 0; at < end; at += kSector) {
      const std::size_t bytes = std::min(kSector, end - at);
      if (std::memcmp(image.data() + at, now.data() + at, bytes) == 0) continue;
      const std::uint64_t dice = random.below(8);
      if (dice < 3) continue;
      // Torn: its beginning or its end only.
      const std::size_t part = dice < 6 ? bytes : random.below(bytes);
      const std::size_t from = dice == 7 ? bytes - part : 0;
      image.replace(at + from, part, now, at + from, part);
    }
    return image;
  }
};

std::mutex mutex;
Watched store;
Watched log;

}  // namespace

DiskFaults& disk_faults() {
  static const Shared<DiskFaults> kFaults;
  return *kFaults;
}

void watch_disk(const std::string& path) {
  const std::lock_guard lock(mutex);
  store.begin(path);
  log.begin(path + "-wal");
}

void unwatch_disk() {
  const std::lock_guard lock(mutex);
  store.inode = log.inode = 0;
}

Image cut_power(std::uint64_t mix, Random& random) {
  const std::lock_guard lock(mutex);
  return {store.cut(mix, random), log.cut(mix, random)};
}

namespace {

// 0, or what fdatasync() answers instead.
int flush_watched(int fd) {
  const std::unique_lock lock(mutex);
  for (Watched* file : {&store, &log}) {
    if (!file->is(fd)) continue;
    DiskFaults& faults = disk_faults();
    if (file == &log && faults.log_flushes_do_nothing) return 0;
    file->durable = bytes_of(file->path);
  }
  return 0;
}

// Whatever log it is, also of a store that is not watched.
int flush_any_log(int fd) {
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  std::string path(4096, '\0');
  const ssize_t bytes = readlink(link.c_str(), path.data(), path.size());
  if (bytes < 4 || path.compare(static_cast<std::size_t>(bytes) - 4, 4, "-wal") != 0) return 0;
  DiskFaults& faults = disk_faults();
  ++faults.log_flushes;
  if (const std::uint64_t us = faults.slow_us) {
    const timespec time{0, static_cast<long>(us * 1'000)};
    nanosleep(&time, nullptr);
  }
  std::uint64_t left = faults.fail_log_flush;
  while (left > 0 && !faults.fail_log_flush.compare_exchange_weak(left, left - 1)) continue;
  return left == 1 ? EIO : 0;
}

}  // namespace

// The linker takes these definitions for calls from the library.
extern "C" {

int fdatasync(int fd) {  // NOLINT
  if (const int error = flush_any_log(fd)) {
    errno = error;
    return -1;
  }
  flush_watched(fd);
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

ssize_t pwritev2(int fd, const iovec* parts, int count, off_t offset, int) {  // NOLINT
  const std::lock_guard lock(mutex);
  const ssize_t written = pwritev(fd, parts, count, offset);
  if (written > 0 && store.is(fd)) {
    store.durable.replace(static_cast<std::size_t>(offset), static_cast<std::size_t>(written),
                          static_cast<const char*>(parts->iov_base),
                          static_cast<std::size_t>(written));
  }
  return written;
}
}

}  // namespace hmap::test
