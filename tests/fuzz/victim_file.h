// The file that an input becomes: one for the life of the process, in memory,
// overwritten by each input.
#ifndef HMAP_TESTS_FUZZ_VICTIM_FILE_H_
#define HMAP_TESTS_FUZZ_VICTIM_FILE_H_

#include <string>

#include "bases.h"
#include "script.h"
#include "temp_file.h"

namespace hmap::test {

class VictimFile {
 public:
  VictimFile();
  VictimFile(const VictimFile&) = delete;
  VictimFile& operator=(const VictimFile&) = delete;
  ~VictimFile();

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::string path_of(std::string_view name) const { return dir_.file(name); }
  // What it becomes next, and has become. Its memory is kept from input to input.
  [[nodiscard]] std::string& image() { return image_; }
  // Gives it the bytes of the image; with `of_this_boot` the runtime area then claims to be of this
  // boot and of this very file.
  void become_image(const Layout& layout, bool of_this_boot);
  void become_image();
  // Whether it is as it has become.
  [[nodiscard]] bool is_unchanged();
  [[nodiscard]] int fd() const { return fd_; }

 private:
  TempDir dir_{TempDir::Where::kMemory};
  std::string path_;
  int fd_ = -1;
  std::string image_;
  std::string now_;
};

// The one of this process.
VictimFile& victim_file();

// Makes it the damaged file of a script about bases(), whose salt everything
// random comes from, too. Returns the base.
const Base& lay_out(const Script& script);

}  // namespace hmap::test

#endif  // HMAP_TESTS_FUZZ_VICTIM_FILE_H_
