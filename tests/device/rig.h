// The two devices of a test, and a history that was lived on one of them.
#ifndef HMAP_TESTS_DEVICE_RIG_H_
#define HMAP_TESTS_DEVICE_RIG_H_

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "block_device.h"
#include "file_system.h"
#include "history.h"
#include "temp_file.h"

namespace hmap::test {

// A logging device with a file system, and the bytes that it began with. Lives in a mount namespace
// of its own (in_own_namespace).
class Rig {
 public:
  explicit Rig(FileSystem system)
      : system_(system), device_(device_bytes(system), BlockDevice::Keep::kNew) {
    for (const char* name : {"fuse", "mnt"}) std::filesystem::create_directory(dir_.file(name));
    why_not_ = device_.start(dir_.file("fuse"));
    if (why_not_.empty()) why_not_ = make_file_system(system, device_.path());
    if (why_not_.empty()) why_not_ = Mount(system, device_.path(), mount_point()).error();
    if (!why_not_.empty()) return;
    device_.drop_cache();
    base_.assign(device_.memory(), device_.memory() + device_.size());
  }

  // Why there is none here; empty if there is.
  [[nodiscard]] const std::string& why_not() const { return why_not_; }
  [[nodiscard]] FileSystem system() const { return system_; }
  [[nodiscard]] BlockDevice& device() { return device_; }
  [[nodiscard]] const std::vector<std::byte>& base() const { return base_; }
  [[nodiscard]] std::string mount_point() const { return dir_.file("mnt"); }
  [[nodiscard]] std::string store() const { return dir_.file("mnt") + "/store"; }

  // Lives the plan from an empty file system on, each writer in a process of its own, with
  // everything logged. Returns what failed, or nothing.
  std::string record(const Plan& plan) {
    std::copy(base_.begin(), base_.end(), device_.memory());
    device_.drop_cache();
    device_.clear_log();
    device_.log(true);
    Mount mount(system_, device_.path(), mount_point());
    if (!mount.error().empty()) return mount.error();
    std::vector<Child> writers;
    for (std::uint32_t w = 0; w < plan.writers; ++w) {
      writers.emplace_back([&, w] {
        std::uint64_t done = 0;
        const Status status = live(plan, w, store(), device_, done);
        if (!status.ok()) std::fprintf(stderr, "writer %u: %s\n", w, status.message().c_str());
        return status.ok() ? 0 : 1;
      });
    }
    std::string failed;
    for (Child& writer : writers) {
      if (!writer.wait().exited(0)) failed = "a writer failed";
    }
    device_.log(false);
    if (!mount.unmount()) failed = "cannot unmount";
    return failed;
  }

 private:
  TempDir dir_{TempDir::Where::kMemory};
  FileSystem system_;
  BlockDevice device_;
  std::vector<std::byte> base_;
  std::string why_not_;
};

// A device for images of another one's.
class Scratch {
 public:
  explicit Scratch(FileSystem system) : device_(device_bytes(system), BlockDevice::Keep::kOld) {
    std::filesystem::create_directory(dir_.file("fuse"));
    why_not_ = device_.start(dir_.file("fuse"));
  }
  [[nodiscard]] const std::string& why_not() const { return why_not_; }
  [[nodiscard]] BlockDevice& device() { return device_; }

 private:
  TempDir dir_{TempDir::Where::kMemory};
  BlockDevice device_;
  std::string why_not_;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_DEVICE_RIG_H_
