// Served one request at a time, so that the log is in the order in which requests were answered.
#include "daemon.h"

#include <unistd.h>

#include <cstring>
#include <string_view>

#ifdef HMAP_HAVE_FUSE
#define FUSE_USE_VERSION 35
#include <fuse3/fuse_lowlevel.h>
#include <sys/stat.h>

#include <cerrno>
#endif

namespace hmap::test {
namespace {

void say(int ready, std::string_view text) {
  [[maybe_unused]] const ssize_t written = ::write(ready, text.data(), text.size());
}

}  // namespace

#ifndef HMAP_HAVE_FUSE

int run_daemon(const BlockDevice&, const std::string&, int ready) {
  say(ready, "built without libfuse3 (Debian: libfuse3-dev)");
  return 1;
}

#else

namespace {

constexpr fuse_ino_t kFile = 2;
constexpr double kForEver = 1e6;  // seconds that attributes stay true

const BlockDevice& device_of(fuse_req_t request) {
  return *static_cast<const BlockDevice*>(fuse_req_userdata(request));
}

struct stat attributes(const BlockDevice& device, fuse_ino_t inode) {
  struct stat facts {};
  facts.st_ino = inode;
  facts.st_nlink = 1;
  facts.st_mode = inode == kFile ? S_IFREG | 0600 : S_IFDIR | 0700;
  if (inode == kFile) facts.st_size = static_cast<off_t>(device.size());
  return facts;
}

void look_up(fuse_req_t request, fuse_ino_t parent, const char* name) {
  if (parent != FUSE_ROOT_ID || std::strcmp(name, "disk") != 0) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  fuse_entry_param entry{};
  entry.ino = kFile;
  entry.attr = attributes(device_of(request), kFile);
  entry.attr_timeout = entry.entry_timeout = kForEver;
  fuse_reply_entry(request, &entry);
}

void get_attributes(fuse_req_t request, fuse_ino_t inode, fuse_file_info*) {
  const struct stat facts = attributes(device_of(request), inode);
  fuse_reply_attr(request, &facts, kForEver);
}

void open_file(fuse_req_t request, fuse_ino_t, fuse_file_info* file) {
  file->direct_io = 1;  // nothing is cached above the log
  fuse_reply_open(request, file);
}

void read_file(fuse_req_t request, fuse_ino_t, std::size_t bytes, off_t offset, fuse_file_info*) {
  const BlockDevice& device = device_of(request);
  const auto at = static_cast<std::uint64_t>(offset);
  if (at > device.size() || bytes > device.size() - at) {
    fuse_reply_err(request, EINVAL);
  } else if (const int error = device.serve_read(at, bytes)) {
    fuse_reply_err(request, error);
  } else {
    fuse_reply_buf(request, reinterpret_cast<const char*>(device.memory() + at), bytes);
  }
}

void write_file(fuse_req_t request, fuse_ino_t, const char* from, std::size_t bytes, off_t offset,
                fuse_file_info*) {
  const int error = device_of(request).serve_write(static_cast<std::uint64_t>(offset), from, bytes);
  if (error != 0) {
    fuse_reply_err(request, error);
  } else {
    fuse_reply_write(request, bytes);
  }
}

void flush_file(fuse_req_t request, fuse_ino_t, int, fuse_file_info*) {
  fuse_reply_err(request, device_of(request).serve_flush());
}

fuse_lowlevel_ops operations() {
  fuse_lowlevel_ops served{};
  served.lookup = look_up;
  served.getattr = get_attributes;
  served.open = open_file;
  served.read = read_file;
  served.write = write_file;
  served.fsync = flush_file;
  return served;
}

}  // namespace

int run_daemon(const BlockDevice& device, const std::string& directory, int ready) {
  char program[] = "hmap_block_device";
  char* words[] = {program, nullptr};
  fuse_args arguments = FUSE_ARGS_INIT(1, words);
  const fuse_lowlevel_ops served = operations();
  fuse_session* session =
      fuse_session_new(&arguments, &served, sizeof served, const_cast<BlockDevice*>(&device));
  if (session == nullptr || fuse_session_mount(session, directory.c_str()) != 0) {
    say(ready, "FUSE cannot be mounted here");
    return 1;
  }
  say(ready, "");
  ::close(ready);
  const int result = fuse_session_loop(session);
  fuse_session_unmount(session);
  fuse_session_destroy(session);
  return result == 0 ? 0 : 1;
}

#endif

}  // namespace hmap::test
