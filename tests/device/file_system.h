// File systems on a device: making one, mounting it in a mount namespace of our own.
#ifndef HMAP_TESTS_DEVICE_FILE_SYSTEM_H_
#define HMAP_TESTS_DEVICE_FILE_SYSTEM_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

#include "child.h"

namespace hmap::test {

enum class FileSystem { kExt4, kXfs, kBtrfs };

[[nodiscard]] const char* name_of(FileSystem system);
// The smallest device that its mkfs makes one on, and some room.
[[nodiscard]] std::uint64_t device_bytes(FileSystem system);

// Makes one on a device or a file. Returns why not (no such mkfs), or nothing.
std::string make_file_system(FileSystem system, const std::string& device);

// A mounted file system, unmounted at the end.
class Mount {
 public:
  // `device` may be a file: by a loop device, which goes with the mount.
  Mount(FileSystem system, const std::string& device, std::string directory);
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;
  ~Mount() { unmount(); }
  // Why it is not mounted; empty if it is.
  [[nodiscard]] const std::string& error() const { return error_; }
  // Returns whether it was unmounted cleanly; else it is detached.
  bool unmount();

 private:
  std::string directory_;
  std::string error_;
};

// Runs the body in a child that has a mount namespace of its own: whatever happens to the child,
// its mounts and loop devices go with it. kSkipped where that is not allowed.
Outcome in_own_namespace(const std::function<void()>& body, Milliseconds deadline);

}  // namespace hmap::test

#endif  // HMAP_TESTS_DEVICE_FILE_SYSTEM_H_
