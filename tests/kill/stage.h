// A store's files in memory, made equal to any image within microseconds, under handles that have
// them open.
#ifndef HMAP_TESTS_KILL_STAGE_H_
#define HMAP_TESTS_KILL_STAGE_H_

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../power/memory_file.h"
#include "stores.h"
#include "tape.h"
#include "temp_file.h"

namespace hmap::test {

// Options::window_bytes of all stores here: small, for they are mapped very often.
inline constexpr std::uint64_t kWindowBytes = MemoryFile::kWindow;

// What lies in the files at one moment.
struct Image {
  std::string store;              // zeros behind the end of the file
  std::uint64_t store_bytes = 0;  // size of the file
  std::string log;                // empty: there is none

  // Makes the bytes from `from` up to `to` of the write. False: nothing has changed by it.
  bool apply(const Tape& tape, const Write& write, std::size_t from, std::size_t to);
};

// The parts of a store's file that have changed since they were last asked for.
class ChangedParts {
 public:
  static constexpr std::uint64_t kBytes = 512;

  void add(std::uint64_t offset, std::size_t bytes);
  void add_all() { std::fill(bits_.begin(), bits_.end(), ~std::uint64_t{0}); }
  // Calls part(number) for each of the first `parts`, and forgets all.
  template <typename Part>
  void take(std::uint64_t parts, Part&& part) {
    for (std::uint64_t i = 0; i * 64 < parts; ++i) {
      for (std::uint64_t bits = bits_[i]; bits != 0; bits &= bits - 1) {
        const std::uint64_t number = i * 64 + static_cast<std::uint64_t>(std::countr_zero(bits));
        if (number < parts) part(number);
      }
      bits_[i] = 0;
    }
  }

 private:
  std::vector<std::uint64_t> bits_ = std::vector(kWindowBytes / kBytes / 64, ~std::uint64_t{0});
};

class Stage {
 public:
  // A store with the bytes of a new one.
  explicit Stage(const std::string& new_store);
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;
  ~Stage();

  [[nodiscard]] const std::string& path() const { return path_; }
  // To be called first when the store has been opened: in commit mode there is a log from then on.
  [[nodiscard]] const Files& files();
  [[nodiscard]] Image image();
  [[nodiscard]] std::uint64_t store_bytes() const;
  // Of what is shown here; what handles store is for others to add.
  [[nodiscard]] ChangedParts& changed() { return changed_; }

  // Everything as in the image; exact in size unless `keep_size`, which handles that are attached
  // need: a file never gets shorter under them.
  void show(const Image& image, bool keep_size);
  // What one write changed, under attached handles.
  void show(const Image& image, const Write& write);
  // Undoes what was touched.
  void show(const Image& image, const Tape& touched);

 private:
  void show(const Image& image, std::uint64_t offset, std::size_t bytes);
  void resize(std::uint64_t bytes) const;

  TempDir dir_{TempDir::Where::kMemory};
  std::string path_ = dir_.file("store");
  Files files_;
  int log_fd_ = -1;
  bool may_have_log_ = true;
  ChangedParts changed_;
  std::uint64_t known_bytes_ = 0;  // the store's file is at least so long
};

std::uint64_t file_size(int fd);

// Throws unless the call succeeded.
void require(const Status& status, const char* what);

// Opens the store so often that the last handle has the slot, and closes the others.
Store open_in_slot(const std::string& path, const Options& options, int slot);

}  // namespace hmap::test

#endif  // HMAP_TESTS_KILL_STAGE_H_
