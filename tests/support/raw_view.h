// The bytes of a store file as they are this moment, read without the library: for tests that look
// at Go's header words themselves.
#ifndef HMAP_TESTS_SUPPORT_RAW_VIEW_H_
#define HMAP_TESTS_SUPPORT_RAW_VIEW_H_

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "format/runtime_format.h"
#include "format/superblock_format.h"

namespace hmap::test {

// A shared read-only mapping of the file as long as it was when mapped. The runtime area never
// moves, so one view serves for the life of the file.
class RawView {
 public:
  explicit RawView(const std::string& path) {
    const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw std::runtime_error("cannot open " + path);
    struct stat facts {};
    fstat(fd, &facts);
    bytes_ = static_cast<std::size_t>(facts.st_size);
    void* memory = mmap(nullptr, bytes_, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (memory == MAP_FAILED) throw std::runtime_error("cannot map " + path);
    base_ = static_cast<const std::byte*>(memory);
  }
  RawView(const RawView&) = delete;
  RawView& operator=(const RawView&) = delete;
  ~RawView() { munmap(const_cast<std::byte*>(base_), bytes_); }

  [[nodiscard]] const format::Superblock& superblock() const { return at<format::Superblock>(0); }
  [[nodiscard]] const format::Root& root(unsigned index) const {
    return at<format::Root>(root_offset(index));
  }
  [[nodiscard]] std::uint64_t root_offset(unsigned index) const {
    return format::kPageBytes + index * superblock().root_bytes;
  }
  // The root with the higher generation.
  [[nodiscard]] unsigned newest_root() const {
    return root(1).generation > root(0).generation ? 1 : 0;
  }
  [[nodiscard]] const format::RuntimeHeader& runtime() const {
    return at<format::RuntimeHeader>(superblock().runtime_offset.value);
  }
  [[nodiscard]] std::uint64_t extent_table_segments() const {
    std::uint64_t count = 0;
    while (count < format::kExtentSegments && !runtime().extent_table[count].none()) ++count;
    return count;
  }
  [[nodiscard]] const format::Slot& slot(std::uint32_t number) const {
    return at<format::Slot>(slots_offset() + (number - 1) * sizeof(format::Slot));
  }
  [[nodiscard]] const format::Domain& domain(std::uint64_t index) const {
    return at<format::Domain>(domain_offset(index));
  }
  [[nodiscard]] const format::Intent& intent(std::uint64_t index) const {
    return at<format::Intent>(domain_offset(index) + sizeof(format::Domain));
  }
  [[nodiscard]] const format::ShardHeader& shard(std::uint64_t index = 0) const {
    return at<format::ShardHeader>(domain_offset(index) + sizeof(format::Domain) +
                                   sizeof(format::Intent) + intent_bytes());
  }

 private:
  // RuntimeHeader rounded up to 1024 | Slot x slots | domains, each rounded up to 64.
  [[nodiscard]] std::uint64_t slots_offset() const {
    return superblock().runtime_offset.value + 1024;
  }
  [[nodiscard]] std::uint64_t intent_bytes() const {
    return superblock().intent_words * sizeof(format::IntentWord);
  }
  [[nodiscard]] std::uint64_t domain_offset(std::uint64_t index) const {
    const std::uint64_t bytes = sizeof(format::Domain) + sizeof(format::Intent) + intent_bytes() +
                                sizeof(format::ShardHeader);
    return slots_offset() + superblock().slots * sizeof(format::Slot) +
           index * ((bytes + 63) / 64 * 64);
  }
  template <typename T>
  [[nodiscard]] const T& at(std::uint64_t offset) const {
    if (offset > bytes_ || sizeof(T) > bytes_ - offset) throw std::runtime_error("file too short");
    return *reinterpret_cast<const T*>(base_ + offset);
  }

  const std::byte* base_ = nullptr;
  std::size_t bytes_ = 0;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_SUPPORT_RAW_VIEW_H_
