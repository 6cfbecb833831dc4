#include "measures/memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/magic.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "base/memory_group.h"
#include "base/random.h"
#include "base/scratch.h"
#include "base/timing.h"
#include "measures/fill.h"

namespace hmap::bench {
namespace {

// Below it the program itself and its libraries would be what is short of memory.
constexpr std::uint64_t kLimitMin = std::uint64_t{16} << 20;
constexpr std::uint64_t kSettleMax = 200'000;

// Writes all files back and lets the system forget their pages.
void drop_from_page_cache(const std::filesystem::path& dir) {
  for_each_file(dir, [](int fd) {
    return fsync(fd) == 0 ? posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) : errno;
  });
}

// What this process has read from disks, in bytes.
double read_bytes() {
  std::ifstream lines("/proc/self/io");
  for (std::string word; lines >> word;) {
    if (word != "read_bytes:") continue;
    double bytes = 0;
    lines >> bytes;
    return bytes;
  }
  throw std::runtime_error("/proc/self/io has no read_bytes");
}

// Counters of this process.
struct Usage {
  double major = 0;
  double minor = 0;
  double bytes = 0;

  static Usage now() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return {static_cast<double>(usage.ru_majflt), static_cast<double>(usage.ru_minflt),
            read_bytes()};
  }
};

// In the group: random gets.
Run get_randomly(const Shape& shape, std::uint64_t ops, const StoreKind& kind,
                 const std::filesystem::path& dir) {
  const Workload workload(shape);
  const std::unique_ptr<Adapter> adapter = kind.make();
  adapter->open(dir, shape);
  adapter->begin(Access::kRead);
  Random random(shape.seed + 11);
  std::string key;
  std::string value;
  const auto get = [&](std::uint64_t) {
    workload.key(random.below(shape.entries), key);
    if (!adapter->get(key, value) || workload.version_of(key, value) != 0) {
      throw std::runtime_error("get: not the value that was put");
    }
  };
  repeat(std::min(std::max(ops, shape.entries / 4), kSettleMax), get);  // Fills the memory allowed.
  const Usage before = Usage::now();
  const Stopwatch watch;
  repeat(ops, get);
  const double seconds = watch.seconds();
  const Usage after = Usage::now();
  adapter->end();
  adapter->close();
  const auto gets = static_cast<double>(ops);
  Run run;
  run.add("gets", gets / seconds);
  run.add("faults/get", (after.major - before.major + after.minor - before.minor) / gets);
  run.add("faults to disk/get", (after.major - before.major) / gets);
  run.add("bytes read/get", (after.bytes - before.bytes) / gets);
  return run;
}

Run run_store(const Shape& shape, std::uint64_t ops, const StoreKind& kind,
              const std::filesystem::path& dir) {
  fill_store(shape, kind, dir);
  drop_from_page_cache(dir);
  const std::uint64_t bytes = allocated_bytes(dir);
  const std::uint64_t limit = bytes / 2;
  if (limit < kLimitMin) {
    Run skipped;
    skipped.notes.push_back(fmt::format("its {} MiB are too few: half of them is less than {} MiB",
                                        bytes >> 20, kLimitMin >> 20));
    return skipped;
  }
  const MemoryGroup group(limit);
  // A process of its own, so that the group is empty when it is removed.
  Run run = run_apart([&] {
    group.enter();
    return get_randomly(shape, ops, kind, dir);
  });
  run.add("store", static_cast<double>(bytes));
  run.add("memory allowed", static_cast<double>(limit));
  run.add("memory used", static_cast<double>(group.peak_bytes()));
  return run;
}

}  // namespace

Experiment measure_memory(Plan plan) {
  plan.kinds = {{"gets", Unit::kRate, true},
                {"faults/get", Unit::kNumber, false},
                {"faults to disk/get", Unit::kNumber, false},
                {"bytes read/get", Unit::kBytes, false},
                {"store", Unit::kBytes, std::nullopt},
                {"memory allowed", Unit::kBytes, std::nullopt},
                {"memory used", Unit::kBytes, std::nullopt}};
  plan.needs_file = true;
  struct statfs file_system = {};
  if (statfs(plan.dir.c_str(), &file_system) == 0 && file_system.f_type == TMPFS_MAGIC) {
    plan.impossible = "the files are on a tmpfs, which is memory itself";
  }
  try {
    const MemoryGroup probe(kLimitMin);
  } catch (const std::exception& error) {
    plan.impossible = error.what();
  }
  return run_rounds(plan, [&](const StoreKind& kind, const std::filesystem::path& dir) {
    return run_store(plan.shape, plan.ops, kind, dir);
  });
}

}  // namespace hmap::bench
