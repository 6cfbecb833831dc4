// What a process stores into a store's files, in program order: as much of it as was done is what a
// kill leaves, because the page cache lives on. (power/recorder.h records the same calls for
// another death, which cares for flushes and not for order.)
#ifndef HMAP_TESTS_KILL_TAPE_H_
#define HMAP_TESTS_KILL_TAPE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "system/seam.h"

namespace hmap::test {

// Offsets from here on lie in the commit log's file.
inline constexpr std::uint64_t kLogFileAt = std::uint64_t{1} << 40;

// One change of the files.
struct Write {
  enum class Kind : std::uint8_t {
    kBytes,  // `bytes` bytes of Tape::data() from `data` on, at `offset`
    kSize,   // the store's file is now `offset` bytes long
    kReach,  // ... or longer: it was asked for so much, and may have had it already
  };
  Kind kind = Kind::kBytes;
  std::uint32_t step = 0;  // during which it was made
  std::uint64_t offset = 0;
  std::size_t bytes = 0;
  std::size_t data = 0;
};

// The files as this program has mapped them.
struct Files {
  const char* store = nullptr;
  int store_fd = -1;
  const char* log = nullptr;    // null: there is none
  std::uint64_t log_bytes = 0;  // of its file
};

// Listens to the stores of one thread; the library's own threads must not store meanwhile. One at a
// time. The announcement comes before the store, so bytes are picked up at the next one.
class Tape {
 public:
  Tape() = default;
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;
  ~Tape() { stop(); }

  // Forgets what it has and listens. Without bytes only the places are noted: what was touched.
  void start(const Files& files, bool keeps_bytes);
  void stop();
  void begin_step(std::uint32_t step);

  [[nodiscard]] const std::vector<Write>& writes() const { return writes_; }
  [[nodiscard]] const char* data(const Write& write) const { return data_.data() + write.data; }
  // Announcements, flushes included: the places to die at.
  [[nodiscard]] std::uint64_t points() const { return points_; }

 private:
  static void listen(seam::Event event, const void* address, std::size_t bytes);
  void on_event(seam::Event event, const void* address, std::size_t bytes);
  void add_reach(std::uint64_t end);
  void add_log_write(std::uint64_t position, std::size_t bytes);
  void add(std::uint64_t offset, std::size_t bytes);
  void settle();
  std::uint64_t offset_of(const void* address);

  Files files_;
  bool keeps_bytes_ = false;
  bool listens_ = false;
  std::uint32_t step_ = 0;
  std::uint64_t points_ = 0;
  std::size_t settled_ = 0;  // writes whose bytes have been picked up
  std::uint64_t size_ = 0;   // of the store's file
  bool may_have_grown_ = false;
  std::uintptr_t window_ = 0;
  std::vector<Write> writes_;
  std::string data_;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_KILL_TAPE_H_
