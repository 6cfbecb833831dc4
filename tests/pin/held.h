// Views and what their bytes have to be.
#ifndef HMAP_TESTS_PIN_HELD_H_
#define HMAP_TESTS_PIN_HELD_H_

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "format/layout.h"
#include "state/pins.h"
#include "stores.h"
#include "temp_file.h"
#include "values.h"

namespace hmap::test {

// A view, and a copy of what it showed when it was taken.
struct Held {
  View view;
  std::string key;
  std::string value;

  [[nodiscard]] bool intact() const { return view.key() == key && view.value() == value; }
};

inline View view_of(const Store& store, std::string_view key) {
  Result<std::optional<View>> view = store.find(key);
  EXPECT_OK(view);
  EXPECT_TRUE(view && *view) << "no such key: " << key;
  return view && *view ? *std::move(*view) : View();
}

inline Held hold(const Store& store, std::string_view key) {
  Held held{view_of(store, key), {}, {}};
  held.key = held.view.key();
  held.value = held.view.value();
  EXPECT_EQ(key, held.key);
  EXPECT_VALUE(store, key, held.value);
  return held;
}

// Views that a process holds, as `stat` shows it.
inline std::uint64_t views_in(const Store& store, std::uint32_t pid) {
  std::uint64_t views = 0;
  for (const Stats::Process& process : store.stats().value().processes) {
    if (process.pid == pid) views += process.views;
  }
  return views;
}

// The pins of the slots of a store file, to be meddled with.
class SharedPins {
 public:
  explicit SharedPins(const std::string& path) {
    format::Superblock superblock;
    std::memcpy(&superblock, read_file(path).data(), sizeof superblock);
    layout_ = Layout::from(superblock).value();
    const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
    bytes_ = layout_.heap_offset;
    base_ = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (base_ == MAP_FAILED) throw std::runtime_error("cannot map " + path);
  }
  SharedPins(const SharedPins&) = delete;
  SharedPins& operator=(const SharedPins&) = delete;
  ~SharedPins() { munmap(base_, bytes_); }

  [[nodiscard]] format::Pins& of(std::uint64_t slot) const {
    return *reinterpret_cast<format::Pins*>(static_cast<std::byte*>(base_) +
                                            layout_.pins_offset(slot));
  }
  [[nodiscard]] format::RuntimeHeader& runtime() const {
    return *reinterpret_cast<format::RuntimeHeader*>(static_cast<std::byte*>(base_) +
                                                     layout_.runtime_offset);
  }

 private:
  Layout layout_;
  void* base_ = nullptr;
  std::size_t bytes_ = 0;
};

inline VerifyReport verified(const Store& store) { return store.verify().value(); }

}  // namespace hmap::test

#endif  // HMAP_TESTS_PIN_HELD_H_
