#include "base/machine.h"

#include <mntent.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#ifndef HMAP_BENCH_FLAGS
#define HMAP_BENCH_FLAGS "unknown"
#endif

namespace hmap::bench {
namespace {

std::string cpu_model() {
  std::ifstream info("/proc/cpuinfo");
  std::string line;
  while (std::getline(info, line)) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown processor";
}

// The type of the mount with the longest path that `dir` is in; of two at one path, the later.
std::string file_system_of(const std::filesystem::path& dir) {
  const std::string path = std::filesystem::canonical(dir).string() + "/";
  std::string type = "unknown";
  std::size_t longest = 0;
  std::FILE* const mounts = setmntent("/proc/self/mounts", "r");
  if (mounts == nullptr) return type;
  while (const mntent* const mount = getmntent(mounts)) {
    std::string at = mount->mnt_dir;
    if (!at.ends_with('/')) at += '/';
    if (at.size() >= longest && path.starts_with(at)) {
      longest = at.size();
      type = mount->mnt_type;
    }
  }
  endmntent(mounts);
  return type;
}

std::string kernel_release() {
  utsname names{};
  if (uname(&names) != 0) return "unknown kernel";
  return std::string(names.sysname) + " " + names.release;
}

}  // namespace

Machine describe_machine(const std::filesystem::path& dir) {
  Machine machine;
  machine.cpu = cpu_model();
  machine.cores = sysconf(_SC_NPROCESSORS_ONLN);
  machine.memory_gib = static_cast<double>(sysconf(_SC_PHYS_PAGES)) *
                       static_cast<double>(sysconf(_SC_PAGESIZE)) / (1024.0 * 1024.0 * 1024.0);
  machine.kernel = kernel_release();
  machine.file_system = file_system_of(dir);
  if (getloadavg(&machine.load, 1) != 1) machine.load = -1;
#ifdef __clang__
  machine.compiler = __VERSION__;
#else
  machine.compiler = std::string("g++ ") + __VERSION__;
#endif
  machine.flags = HMAP_BENCH_FLAGS;
  return machine;
}

}  // namespace hmap::bench
