#include "file_system.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <vector>

namespace hmap::test {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

// Exit code, or -1 if there is no such program.
int run(std::vector<std::string> words) {
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  // sbin is not in everybody's PATH.
  std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
  std::array<char*, 2> environment = {path.data(), nullptr};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  pid_t child = -1;
  int error = ENOENT;
  for (const char* directory : {"/usr/sbin/", "/sbin/", "/usr/bin/"}) {
    const std::string program = directory + words[0];
    if (::access(program.c_str(), X_OK) != 0) continue;
    error = ::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(),
                          environment.data());
    break;
  }
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return -1;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace

const char* name_of(FileSystem system) {
  static constexpr const char* kNames[] = {"ext4", "xfs", "btrfs"};
  return kNames[static_cast<int>(system)];
}

std::uint64_t device_bytes(FileSystem system) {
  switch (system) {
    case FileSystem::kExt4:
      return 32 * kMiB;
    case FileSystem::kXfs:
      return 304 * kMiB;  // mkfs.xfs refuses less than 300
    default:
      return 112 * kMiB;
  }
}

std::string make_file_system(FileSystem system, const std::string& device) {
  std::vector<std::string> words;
  switch (system) {
    case FileSystem::kExt4:
      // -m 0: no blocks that only root may use, which we are.
      words = {"mkfs.ext4", "-q", "-F", "-b", "4096", "-m", "0", "-E", "nodiscard", device};
      break;
    case FileSystem::kXfs:
      words = {"mkfs.xfs", "-q", "-f", "-K", device};
      break;
    case FileSystem::kBtrfs:
      words = {"mkfs.btrfs", "-q", "-f", "-K", device};
      break;
  }
  const int code = run(words);
  if (code == 0) return {};
  if (code < 0) return words[0] + " is not installed";
  return words[0] + " failed with exit code " + std::to_string(code);
}

Mount::Mount(FileSystem system, const std::string& device, std::string directory)
    : directory_(std::move(directory)) {
  // nouuid: the same file system may be mounted from another image of the device.
  const std::string options = system == FileSystem::kXfs ? "nouuid" : "";
  if (std::filesystem::is_regular_file(device)) {
    const std::vector<std::string> words = {"mount",           "-t",   name_of(system), "-o",
                                            "loop," + options, device, directory_};
    if (run(words) != 0) error_ = "mount -o loop failed";
    return;
  }
  if (::mount(device.c_str(), directory_.c_str(), name_of(system), 0, options.c_str()) != 0) {
    error_ = std::string("mount: ") + std::strerror(errno);
  }
}

bool Mount::unmount() {
  if (!error_.empty()) return true;
  error_ = "unmounted";
  if (::umount2(directory_.c_str(), 0) == 0) return true;
  ::umount2(directory_.c_str(), MNT_DETACH);
  return false;
}

Outcome in_own_namespace(const std::function<void()>& body, Milliseconds deadline) {
  return run_in_child(
      [&] {
        if (::unshare(CLONE_NEWNS) != 0 ||
            ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
          GTEST_SKIP() << "may not mount";
        }
        body();
      },
      deadline);
}

}  // namespace hmap::test
