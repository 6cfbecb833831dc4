// Temporary directories and files that clean up after themselves.
#ifndef HMAP_TESTS_SUPPORT_TEMP_FILE_H_
#define HMAP_TESTS_SUPPORT_TEMP_FILE_H_

#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace hmap::test {

// A directory of its own, removed with all its files by the process that made it.
class TempDir {
 public:
  enum class Where {
    kDisk,    // $TMPDIR or /tmp: a real file system
    kMemory,  // $HMAP_TEST_MEMORY, or /dev/shm if there is one: flushes cost nothing, for tests
              // that open very often
  };

  explicit TempDir(Where where = Where::kDisk) : owner_(getpid()) {
    std::string pattern = base(where) + "/hmap_test_XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp: " + pattern);
    path_ = pattern;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() {
    if (getpid() != owner_) return;  // a forked child leaves the parent's files alone
    std::error_code ignored;
    std::filesystem::permissions(path_, std::filesystem::perms::owner_all, ignored);
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  [[nodiscard]] std::string file(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }

 private:
  static std::string base(Where where) {
    const char* memory = std::getenv("HMAP_TEST_MEMORY");
    if (where == Where::kMemory && memory != nullptr && *memory != '\0') return memory;
    if (where == Where::kMemory && access("/dev/shm", W_OK) == 0) return "/dev/shm";
    const char* set = std::getenv("TMPDIR");
    return set != nullptr && *set != '\0' ? set : "/tmp";
  }

  pid_t owner_;
  std::string path_;
};

// Not byte by byte: tests that are not optimized would spend most of their time here.
inline std::string read_file(const std::string& path) {
  const std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return std::move(out).str();
}

inline void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

// A copy has another inode than the original, so the library takes it for what it is: a file
// whose live state counts for nothing. An existing file is replaced, not overwritten.
inline void copy_file(const std::string& from, const std::string& to) {
  std::filesystem::remove(to);
  std::filesystem::copy_file(from, to);
}

inline std::uint64_t file_bytes(const std::string& path) {
  return static_cast<std::uint64_t>(std::filesystem::file_size(path));
}

}  // namespace hmap::test

#endif  // HMAP_TESTS_SUPPORT_TEMP_FILE_H_
