// A disk behind a page cache, as format-spec/format.md section 20 has it: until a flush is complete
// each sector stored to may be on the disk in any version it had since the last one, or torn.
#ifndef HMAP_TESTS_POWER_DEVICE_H_
#define HMAP_TESTS_POWER_DEVICE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "format/layout.h"
#include "recorder.h"

namespace hmap::test {

inline constexpr std::size_t kSectorBytes = 512;

// Which versions of the dirty sectors are on the disk when the power fails.
struct Selection {
  enum class Mix : std::uint8_t {
    kAllOld,
    kAllNew,
    kOneNew,  // all others old
    kOneOld,  // all others new
    kHalf,    // a coin for each unit
    kAges,    // any version for each unit
    kSubset,  // bit i of `seed`: dirty sector i is new
  };
  Mix mix = Mix::kAllOld;
  std::size_t unit = kSectorBytes;  // smaller: sectors torn into parts of so many bytes
  std::uint64_t seed = 0;

  friend std::ostream& operator<<(std::ostream& out, const Selection& selection) {
    static constexpr const char* kWords[] = {"all old", "all new", "one new", "one old",
                                             "half",    "ages",    "subset"};
    return out << kWords[static_cast<int>(selection.mix)] << ", unit " << selection.unit
               << ", seed " << selection.seed;
  }
};

// Lies a device may tell: the negative controls.
struct Lies {
  bool flushes_do_nothing = false;     // fdatasync returns; durable is only the size
  bool roots_are_not_flushed = false;  // the root is in the cache like everything else
};

class Device {
 public:
  Device(std::string durable, const Layout& layout, const Lies& lies);

  void apply(const Log& log, const LogEntry& entry);

  // Sectors whose durable content is uncertain, but for those of the runtime area, which counts for
  // nothing after a power cut.
  [[nodiscard]] std::size_t dirty_sectors() const;
  // What the disk may hold if the power fails now.
  void compose(const Selection& selection, std::string& image) const;

 private:
  using Sector = std::array<char, kSectorBytes>;
  struct Dirty {
    std::vector<Sector> versions;  // in order; the durable one is not among them
    std::size_t flushing = 0;      // as many of them were there when the running flush began
    bool lost = false;             // clean in the page cache, but perhaps not on the disk
  };

  void store(std::uint64_t offset, const char* bytes, std::size_t count);
  void add_version(std::uint64_t sector);
  void begin_flush();
  void end_flush();
  void end_root();
  void resize(std::uint64_t bytes);
  [[nodiscard]] bool in_runtime(std::uint64_t sector) const;

  Lies lies_;
  std::uint64_t runtime_begin_;
  std::uint64_t runtime_end_;
  std::string durable_;  // what is certain; at least as long as the cache
  std::string cache_;
  std::uint64_t durable_bytes_;  // size of the file that is certain
  std::uint64_t cache_bytes_;
  std::map<std::uint64_t, Dirty> dirty_;
  std::vector<std::pair<std::uint64_t, Sector>> flushed_;  // by the running flush
  std::uint64_t flushed_bytes_ = 0;
  std::uint64_t root_offset_ = 0;
  std::size_t root_bytes_ = 0;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_POWER_DEVICE_H_
