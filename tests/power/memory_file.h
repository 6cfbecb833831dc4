// A file in memory that the library opens by its path, while the test looks at the same bytes
// through a mapping of its own.
#ifndef HMAP_TESTS_POWER_MEMORY_FILE_H_
#define HMAP_TESTS_POWER_MEMORY_FILE_H_

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>

namespace hmap::test {

class MemoryFile {
 public:
  static constexpr std::uint64_t kWindow = std::uint64_t{64} << 20;

  explicit MemoryFile(const std::string& image = {})
      : fd_(memfd_create("hmap_power", MFD_CLOEXEC)) {
    if (fd_ < 0) throw std::runtime_error("memfd_create failed");
    void* memory = mmap(nullptr, kWindow, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("cannot map a file in memory");
    base_ = static_cast<char*>(memory);
    become(image);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() {
    munmap(base_, kWindow);
    close(fd_);
  }

  [[nodiscard]] std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }
  [[nodiscard]] char* base() const { return base_; }
  [[nodiscard]] std::uint64_t bytes() const {
    struct stat facts {};
    fstat(fd_, &facts);
    return static_cast<std::uint64_t>(facts.st_size);
  }

  // Makes the file equal to the image, storing to the pages that differ only.
  void become(const std::string& image) {
    if (image.size() > kWindow) throw std::runtime_error("image too large");
    if (bytes() != image.size() && ftruncate(fd_, static_cast<off_t>(image.size())) != 0) {
      throw std::runtime_error("ftruncate failed");
    }
    constexpr std::size_t kPage = 4096;
    for (std::size_t at = 0; at < image.size(); at += kPage) {
      const std::size_t part = std::min(kPage, image.size() - at);
      if (std::memcmp(base_ + at, image.data() + at, part) != 0) {
        std::memcpy(base_ + at, image.data() + at, part);
      }
    }
  }

 private:
  int fd_;
  char* base_ = nullptr;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_POWER_MEMORY_FILE_H_
