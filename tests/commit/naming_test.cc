// A file that a power cut leaves under its name is whole: it was flushed before it was named. The
// name may be on the disk at any moment then, made durable by whoever flushes on that file system
// next, and ext4 makes names durable before bytes that nobody flushed.
//
// On its own, because it replaces libc's functions.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "commit_options.h"

namespace {

std::mutex mutex;
std::set<ino_t> flushed;
std::vector<std::string> named;
std::vector<std::string> named_too_early;

void note_flush(int fd) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0) return;
  const std::lock_guard lock(mutex);
  flushed.insert(facts.st_ino);
}

}  // namespace

extern "C" {

int fsync(int fd) {
  note_flush(fd);
  return static_cast<int>(syscall(SYS_fsync, fd));
}

int fdatasync(int fd) {
  note_flush(fd);
  return static_cast<int>(syscall(SYS_fdatasync, fd));
}

int linkat(int from_directory, const char* from, int to_directory, const char* to, int flags) {
  struct stat facts {};
  if (fstatat(from_directory, from, &facts, 0) == 0) {
    const std::lock_guard lock(mutex);
    named.emplace_back(to);
    if (!flushed.contains(facts.st_ino)) named_too_early.emplace_back(to);
  }
  return static_cast<int>(syscall(SYS_linkat, from_directory, from, to_directory, to, flags));
}
}

namespace hmap::test {
namespace {

TEST(Naming, FollowsTheFlush) {
  TempDir dir;
  const std::string path = dir.file("store");
  Result<Store> store = Store::open(path, commit_options());
  ASSERT_TRUE(store) << store.error().message();
  ASSERT_TRUE(store->close().ok());
  const std::lock_guard lock(mutex);
  if (named.empty()) GTEST_SKIP() << "this file system has no files without a name";
  EXPECT_EQ((std::vector<std::string>{path, path + "-wal"}), named);
  EXPECT_EQ(std::vector<std::string>(), named_too_early);
}

}  // namespace
}  // namespace hmap::test
