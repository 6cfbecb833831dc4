// Records everything that changes a store file, in order: each store, copy and hole, each flush and
// each root, as the seam of the library announces them.
#ifndef HMAP_TESTS_POWER_RECORDER_H_
#define HMAP_TESTS_POWER_RECORDER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "format/layout.h"
#include "memory_file.h"
#include "system/seam.h"

namespace hmap::test {

// One change of the file, or one edge of a flush.
struct LogEntry {
  enum class Kind : std::uint8_t {
    kBytes,        // `bytes` of Log::data from `data` on, stored at `offset`
    kSize,         // the file is now `offset` bytes long
    kFlushBegins,  // what was logged before this is durable ...
    kFlushEnds,    // ... when this is reached
    kRootBegins,   // from here on `bytes` at `offset` may reach the disk, whole or in part ...
    kRootEnds,     // ... and from here on they are there,
    kRootFails,    // or only in the page cache, which no flush will write out any more
  };
  Kind kind = Kind::kBytes;
  bool crucial = false;  // of a checkpoint, a close or a recovery: the power fails at every one
  std::uint64_t offset = 0;
  std::size_t data = 0;
  std::size_t bytes = 0;
  std::size_t model = 0;  // kRootBegins: which contents the root stands for

  [[nodiscard]] bool is_edge() const { return kind >= Kind::kFlushBegins; }
};

struct Log {
  std::vector<LogEntry> entries;
  std::string data;
};

// The announcement comes before the store, so the bytes are picked up at the next announcement. One
// at a time; one thread.
class Recorder {
 public:
  // Called at each event of a checkpoint from C5 to C8, when no domain is locked any more: what
  // another process does meanwhile. It may use the store.
  using Meanwhile = std::function<void(seam::Event)>;

  // The file as it is now is where the log begins.
  Recorder(const MemoryFile& file, const Layout& layout, Log& log);
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;
  ~Recorder() { stop(); }
  void stop();

  // Between operations: picks up what the last event stored.
  void settle();
  // What the file has and the log has not: empty, or where a store went past the seam.
  [[nodiscard]] std::string unannounced() const;

  // The store is about to be opened: it will be mapped somewhere else.
  void begin_opening() {
    window_ = 0;
    crucial_ = true;
  }
  // A checkpoint begins; the next root stands for the contents number `model`.
  void begin_checkpoint(std::size_t model, Meanwhile meanwhile);
  void end_checkpoint();
  // Contents of the last root that was written, also if its flush failed: what the next opening
  // in the same boot finds.
  [[nodiscard]] std::size_t durable_model() const { return durable_model_; }
  void set_durable_model(std::size_t model) { durable_model_ = next_model_ = model; }
  // The next root is the last one once more.
  void keep_model() { next_model_ = durable_model_; }

 private:
  struct Pending {
    bool any = false;
    seam::Event event{};
    std::uint64_t offset = 0;
    std::size_t bytes = 0;
    std::size_t entry = 0;  // kFlush, kWriteRoot: the entry of its beginning
  };

  static void listen(seam::Event event, const void* address, std::size_t bytes);
  void on_event(seam::Event event, const void* address, std::size_t bytes);
  void let_others_work(seam::Event event, std::uint64_t offset);
  void settle_bytes();
  void settle_size();
  std::size_t add(LogEntry::Kind kind, std::uint64_t offset);
  std::uint64_t offset_of(const void* address);

  const MemoryFile& file_;
  Log& log_;
  std::uint64_t runtime_begin_;
  std::uint64_t runtime_end_;
  std::string shadow_;  // the file as the log says
  Pending pending_;
  std::uintptr_t window_ = 0;  // where the library has mapped the file
  bool crucial_ = false;
  Meanwhile meanwhile_;
  bool cut_taken_ = false;
  bool unlocked_ = false;
  bool nested_ = false;
  std::size_t next_model_ = 0;
  std::size_t durable_model_ = 0;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_POWER_RECORDER_H_
