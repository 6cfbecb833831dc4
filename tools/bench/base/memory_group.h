// A limit on the memory that processes may use: a memory cgroup, version 2 or 1.
#ifndef HMAP_BENCH_BASE_MEMORY_GROUP_H_
#define HMAP_BENCH_BASE_MEMORY_GROUP_H_

#include <cstdint>
#include <filesystem>

namespace hmap::bench {

// A new group below the one of this process, removed when the object goes. What its processes
// allocate and what files they bring into the page cache count.
class MemoryGroup {
 public:
  // Throws std::runtime_error, saying why, if the system or our rights do not allow it.
  explicit MemoryGroup(std::uint64_t limit_bytes);
  ~MemoryGroup();
  MemoryGroup(const MemoryGroup&) = delete;
  MemoryGroup& operator=(const MemoryGroup&) = delete;

  // Moves the calling process into the group.
  void enter() const;
  // The most that its processes used so far.
  [[nodiscard]] std::uint64_t peak_bytes() const;

 private:
  std::filesystem::path path_;
  bool is_v2_ = false;
};

}  // namespace hmap::bench

#endif  // HMAP_BENCH_BASE_MEMORY_GROUP_H_
