// Power cuts: from the log of a device to images of what it may hold after one, each mounted and
// judged.
#ifndef HMAP_TESTS_DEVICE_REPLAY_H_
#define HMAP_TESTS_DEVICE_REPLAY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "block_device.h"
#include "file_system.h"
#include "history.h"
#include "seeds.h"

namespace hmap::test {

// What a power cut leaves of the writes that no flush covers.
enum class Mix : std::uint32_t {
  kAllOld,
  kAllNew,
  kOneOld,       // one write is missing
  kOneNew,       // one write, the others are missing
  kWholeWrites,  // each write or not
  kSectors,      // each sector of 512 bytes or not, of any of its writes
  kTornOrder,    // the later writes, not the earlier ones
};
inline constexpr std::uint32_t kMixes = 7;
[[nodiscard]] const char* name_of(Mix mix);

struct Verdicts {
  std::uint64_t images = 0;
  std::uint64_t bad = 0;
  std::uint64_t unmountable = 0;  // the file system's own failure
  std::string first_bad;

  Verdicts& operator+=(const Verdicts& other);
};

class Replay {
 public:
  // `base`: what was on the device when its log began. `scratch` is started and not mounted.
  Replay(const Plan& plan, FileSystem system, const BlockDevice& recorded,
         const std::vector<std::byte>& base, BlockDevice& scratch, std::string directory);

  // Judges about `images` of them, at moments chosen by the dice. A `liar` is a device whose
  // flushes did nothing: a test of the test.
  Verdicts run(std::uint64_t images, Random& dice, bool liar = false);
  // So many mixtures at the end of the log.
  Verdicts run_at_end(std::uint64_t images, Random& dice);

 private:
  // What may be found at a moment.
  struct Bounds {
    bool created = false;              // the store must be there
    std::vector<std::uint64_t> least;  // of each writer: operations that must be found
    std::vector<std::uint64_t> done;   // ... that have returned
    std::uint64_t started = 0;         // exact plans: the cut of the checkpoint under way
  };
  // What became of an image, from the child that looked at it.
  struct Answer;
  [[nodiscard]] Bounds bounds_at(std::uint64_t cut) const;
  void advance(std::uint64_t to);
  void one_image(std::uint64_t cut, Random& dice, bool liar);
  void apply(std::uint64_t cut, Mix mix, Random& dice);
  void apply_sectors(const std::vector<Event>& writes, Random& dice);
  void judge(std::uint64_t cut, Mix mix);
  void look_at_image(Answer& answer) const;
  [[nodiscard]] std::string verdict(const Answer& answer, const Bounds& bounds) const;
  void keep_image(std::uint64_t cut, Mix mix) const;

  const Plan& plan_;
  FileSystem system_;
  const BlockDevice& recorded_;
  const std::vector<std::byte>& base_;
  BlockDevice& scratch_;
  std::string directory_;
  std::vector<std::vector<std::uint64_t>> digests_;
  std::uint64_t applied_ = 0;  // events of the log that are on the scratch device for good
  Verdicts verdicts_;
};

}  // namespace hmap::test

#endif  // HMAP_TESTS_DEVICE_REPLAY_H_
