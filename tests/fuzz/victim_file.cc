// See victim_file.h.
#include "victim_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "same_again.h"
#include "system/file.h"

namespace hmap::test {

VictimFile::VictimFile() : path_(dir_.file("store")) {
  fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd_ < 0) throw std::runtime_error("cannot make " + path_);
}

VictimFile::~VictimFile() { ::close(fd_); }

void VictimFile::become_image(const Layout& layout, bool of_this_boot) {
  const u64 at = layout.runtime_offset;
  if (of_this_boot && image_.size() >= at + sizeof(format::RuntimeHeader)) {
    same_again(0);  // the boot
    const FileIdentity file = identity(fd_).value();
    const auto boot = boot_id().value();
    format::RuntimeHeader runtime;
    std::memcpy(&runtime, image_.data() + at, sizeof runtime);
    runtime.magic = format::kRuntimeMagic;
    std::memcpy(runtime.boot_id, boot.data(), sizeof runtime.boot_id);
    runtime.device = file.device;
    runtime.inode = file.inode;
    runtime.birth_sec = file.birth_sec;
    runtime.birth_nsec = file.birth_nsec;
    std::memcpy(image_.data() + at, &runtime, sizeof runtime);
  }
  become_image();
}

void VictimFile::become_image() {
  if (::ftruncate(fd_, static_cast<off_t>(image_.size())) != 0 ||
      ::pwrite(fd_, image_.data(), image_.size(), 0) != static_cast<ssize_t>(image_.size())) {
    throw std::runtime_error("cannot write " + path_);
  }
}

bool VictimFile::is_unchanged() {
  now_.resize(image_.size() + 1);
  const ssize_t there = ::pread(fd_, now_.data(), now_.size(), 0);
  return there == static_cast<ssize_t>(image_.size()) &&
         std::memcmp(now_.data(), image_.data(), image_.size()) == 0;
}

VictimFile& victim_file() {
  static VictimFile file;
  return file;
}

const Base& lay_out(const Script& script) {
  const Base& base = bases()[script.base % bases().size()];
  const bool of_this_boot = (script.flags & Script::kOfThisBoot) != 0;
  make_damaged_file(script, base, victim_file().image());
  victim_file().become_image(base.anatomy.layout(), of_this_boot);
  same_again(script.salt);
  return base;
}

}  // namespace hmap::test
