// A block device that logs: a file in memory that a FUSE daemon of our own serves, under a loop
// device, under a real file system. Every write and every flush that arrives goes to a log,
// together with marks of the programs that caused them; and the device can be told to fail.
//
// The daemon needs root, /dev/fuse and free loop devices. Where they are missing the tests that
// need them are skipped and say why.
#ifndef HMAP_TESTS_DEVICE_BLOCK_DEVICE_H_
#define HMAP_TESTS_DEVICE_BLOCK_DEVICE_H_

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

namespace hmap::test {

enum class EventKind : std::uint32_t {
  kWrite,    // of `bytes` bytes at `offset`
  kFlush,    // everything before it is durable when it is over
  kDone,     // mark: operation `offset` of `writer` has returned
  kStarted,  // mark: a checkpoint after operation `offset` of `writer` begins
  kDurable,  // mark: the state after operation `offset` of `writer` is durable
  kFailed,   // a write or flush that was answered with EIO; nothing was written
};

struct Event {
  EventKind kind{};
  std::uint32_t writer = 0;  // marks
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;  // kWrite
  std::uint64_t data = 0;   // kWrite: where they lie in the arena
};

// What the device does wrong. Set by the tests, read by the daemon.
struct DeviceFaults {
  std::atomic<bool> writes_fail;          // and flushes: EIO
  std::atomic<std::uint64_t> fail_after;  // so many writes from now on, counted down; 0: never
  std::atomic<bool> reads_fail;           // of [bad_from, bad_to): EIO
  std::atomic<std::uint64_t> bad_from;
  std::atomic<std::uint64_t> bad_to;
};

class BlockDevice {
 public:
  enum class Keep {
    kNew,  // the log has what was written: to be replayed
    kOld,  // the log has what was there before: to be undone
  };

  // Memory only; shared with children that are forked later.
  BlockDevice(std::uint64_t bytes, Keep keep);
  BlockDevice(const BlockDevice&) = delete;
  BlockDevice& operator=(const BlockDevice&) = delete;
  ~BlockDevice();

  // Starts the daemon in a process of its own and attaches a loop device to its file. `directory`
  // is an empty one, which the daemon's file system is mounted on. Returns why it is not possible,
  // or nothing.
  std::string start(const std::string& directory);
  // The loop device, for example /dev/loop0.
  [[nodiscard]] const std::string& path() const { return loop_path_; }
  // Forgets what the kernel has cached of the device. Nothing on it may be mounted.
  void drop_cache() const;

  [[nodiscard]] std::uint64_t size() const { return bytes_; }
  [[nodiscard]] std::byte* memory() const { return memory_; }
  [[nodiscard]] DeviceFaults& faults() const;

  // The log. Nothing is logged unless it is on.
  void log(bool on) const;
  void clear_log() const;
  [[nodiscard]] std::uint64_t events() const;
  [[nodiscard]] Event event(std::uint64_t index) const;
  [[nodiscard]] const std::byte* data(const Event& write) const { return arena_ + write.data; }
  void mark(EventKind kind, std::uint32_t writer, std::uint64_t number) const;

  // Writes past the kernel, which must have nothing cached; logged like any other write.
  void write(std::uint64_t offset, const void* from, std::uint64_t bytes) const;
  // Keep::kOld: undoes every write in the log, the last one first, and clears it.
  void undo() const;

  // For the daemon.
  int serve_write(std::uint64_t offset, const char* from, std::uint64_t bytes) const;
  int serve_flush() const;
  int serve_read(std::uint64_t offset, std::uint64_t bytes) const;

 private:
  struct Control;
  struct LoggedEvent;
  LoggedEvent& append(const Event& event) const;
  std::string attach_loop(const std::string& file);

  std::uint64_t bytes_;
  Keep keep_;
  std::byte* memory_;
  std::byte* arena_;
  LoggedEvent* log_;
  Control* control_;
  std::string directory_;
  std::string loop_path_;
  int loop_ = -1;
  pid_t daemon_ = -1;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_DEVICE_BLOCK_DEVICE_H_
