// A temporary directory for the files of the stores.
#ifndef HMAP_BENCH_BASE_SCRATCH_H_
#define HMAP_BENCH_BASE_SCRATCH_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace hmap::bench {

// A new directory, removed with all that is in it when the object goes.
class Scratch {
 public:
  // Makes a directory of a fresh name below `parent` (made if missing) that starts with `prefix`.
  Scratch(const std::filesystem::path& parent, const std::string& prefix);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

// Opens each file in `dir`, for reading, and calls visit(descriptor), which returns 0 or an errno.
// Throws std::system_error with the name of a file that could not be opened or visited.
void for_each_file(const std::filesystem::path& dir, const std::function<int(int)>& visit);

// Bytes of disk that the files in `dir` take (st_blocks, delayed allocations included).
[[nodiscard]] std::uint64_t allocated_bytes(const std::filesystem::path& dir);

}  // namespace hmap::bench

#endif  // HMAP_BENCH_BASE_SCRATCH_H_
