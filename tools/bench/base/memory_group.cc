#include "base/memory_group.h"

#include <fmt/format.h>
#include <mntent.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

namespace hmap::bench {
namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw std::runtime_error("no memory cgroup: " + why);
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path);
  file << text << std::flush;
  if (!file) refuse(fmt::format("cannot write {}: {}", path.string(), std::strerror(errno)));
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string text;
  std::getline(file, text, '\0');
  return text;
}

bool has_word(std::string_view list, std::string_view word) {
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find_first_of(", \n", begin), list.size());
    if (list.substr(begin, end - begin) == word) return true;
    begin = end + 1;
  }
  return false;
}

// Where the hierarchy with the memory controller is mounted.
struct Hierarchy {
  std::filesystem::path mount;
  bool is_v2 = false;
};

Hierarchy find_hierarchy() {
  std::FILE* const mounts = setmntent("/proc/self/mounts", "r");
  if (mounts == nullptr) refuse("no /proc/self/mounts");
  Hierarchy found;
  while (const mntent* const mount = getmntent(mounts)) {
    const std::string_view type = mount->mnt_type;
    if (type == "cgroup" && has_word(mount->mnt_opts, "memory")) {
      found = {mount->mnt_dir, false};
    } else if (type == "cgroup2" && found.mount.empty()) {
      const std::filesystem::path dir = mount->mnt_dir;
      if (has_word(read_file(dir / "cgroup.controllers"), "memory")) found = {dir, true};
    }
  }
  endmntent(mounts);
  if (found.mount.empty()) refuse("no hierarchy with the memory controller is mounted");
  return found;
}

// The directory of the group that this process is in.
std::filesystem::path own_group(const Hierarchy& hierarchy) {
  std::ifstream lines("/proc/self/cgroup");  // ID:CONTROLLERS:PATH
  for (std::string line; std::getline(lines, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool ours = hierarchy.is_v2 ? controllers.empty() : has_word(controllers, "memory");
    if (!ours) continue;
    const std::filesystem::path path = hierarchy.mount / line.substr(second + 2);
    // In a container the path may be that of the host, and the mount our group itself.
    return std::filesystem::exists(path) ? path : hierarchy.mount;
  }
  refuse("this process is in none");
}

}  // namespace

MemoryGroup::MemoryGroup(std::uint64_t limit_bytes) {
  const Hierarchy hierarchy = find_hierarchy();
  is_v2_ = hierarchy.is_v2;
  const std::filesystem::path parent = own_group(hierarchy);
  if (is_v2_ && !has_word(read_file(parent / "cgroup.subtree_control"), "memory")) {
    write_file(parent / "cgroup.subtree_control", "+memory");
  }
  const std::filesystem::path path = parent / fmt::format("hmap-bench-{}", getpid());
  std::error_code error;
  std::filesystem::create_directory(path, error);
  if (error) refuse(fmt::format("cannot make {}: {}", path.string(), error.message()));
  path_ = path;
  try {
    write_file(path_ / (is_v2_ ? "memory.max" : "memory.limit_in_bytes"),
               std::to_string(limit_bytes));
  } catch (...) {
    rmdir(path_.c_str());
    throw;
  }
}

MemoryGroup::~MemoryGroup() { rmdir(path_.c_str()); }

void MemoryGroup::enter() const { write_file(path_ / "cgroup.procs", "0"); }

std::uint64_t MemoryGroup::peak_bytes() const {
  const std::string text =
      read_file(path_ / (is_v2_ ? "memory.peak" : "memory.max_usage_in_bytes"));
  return text.empty() ? 0 : std::stoull(text);
}

}  // namespace hmap::bench
