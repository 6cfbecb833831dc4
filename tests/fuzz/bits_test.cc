// Every single flipped bit and every truncation of a small store: opened,
// verified, read, written.
//
// The short run takes all bits of what decides most (superblock, roots, saved
// headers, tables) and one byte of many of the rest; HMAP_FUZZ_STRIDE=1, as in
// the long run, takes all.
#include <gtest/gtest.h>

#include "child.h"
#include "exercise.h"
#include "same_again.h"
#include "seeds.h"
#include "victim_file.h"

namespace hmap::test {
namespace {

class Bits : public ::testing::TestWithParam<bool> {
 protected:
  // With `live` the runtime area counts, else the durable state.
  static void run_on(const Base& base, std::string bytes, bool live, std::uint64_t what) {
    VictimFile& file = victim_file();
    file.become(std::move(bytes), base.anatomy.layout(), live);
    same_again(1);
    Exercise exercise;
    exercise.base = &base;
    exercise.path = file.path();
    exercise.first_key = what;
    exercise.refusal_changes_nothing = !live;
    // The slow steps take turns.
    static constexpr std::uint8_t kTurns[] = {kVerifyReadOnly, kSnapshot, kVerifyWriting,
                                              kReopen,         kClear,    kLarge};
    exercise.steps = kReadOnly | kWrite | kTurns[what % std::size(kTurns)];
    exercise.run();
  }
  static const Base& base_of(bool live) { return bases()[live ? 3 : 0]; }
};

bool is_decisive(const Base& base, std::uint64_t at) {
  for (const Kind kind : {Kind::kSuperblock, Kind::kRoot, Kind::kSavedHeader, Kind::kTablePage}) {
    for (const Part& part : base.anatomy.parts(kind)) {
      // Of pages and headers the words that are in use.
      if (at >= part.offset && at - part.offset < part.bytes &&
          (base.file[at] != 0 || kind == Kind::kSuperblock)) {
        return true;
      }
    }
  }
  return false;
}

TEST_P(Bits, EveryFlip) {
  const bool live = GetParam();
  const Base& base = base_of(live);
  const std::uint64_t stride = environment_number("HMAP_FUZZ_STRIDE", live ? 101 : 61);
  Random random(test_seed());
  std::uint64_t flips = 0;
  std::uint64_t next = random.below(stride);
  Watchdog watchdog;
  for (std::uint64_t at = 0; at < base.file.size(); ++at) {
    const bool all_bits = stride == 1 || (!live && is_decisive(base, at));
    if (!all_bits && at < next) continue;
    if (at >= next) next = at + stride;
    const std::uint64_t first = all_bits ? 0 : random.below(8);
    for (std::uint64_t bit = first; bit < (all_bits ? 8 : first + 1); ++bit) {
      std::string bytes = base.file;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      SCOPED_TRACE("byte " + std::to_string(at) + ", bit " + std::to_string(bit));
      run_on(base, std::move(bytes), live, ++flips);
    }
    watchdog.feed();
  }
  std::printf("%llu bits flipped\n", static_cast<unsigned long long>(flips));
}

TEST_P(Bits, EveryTruncation) {
  const bool live = GetParam();
  const Base& base = base_of(live);
  const std::uint64_t stride = environment_number("HMAP_FUZZ_STRIDE", 509);
  Watchdog watchdog;
  for (std::uint64_t bytes = 0; bytes < base.file.size(); bytes += stride) {
    run_on(base, base.file.substr(0, bytes), live, bytes);
    watchdog.feed();
  }
}

INSTANTIATE_TEST_SUITE_P(All, Bits, ::testing::Values(false, true),
                         [](const auto& one) { return one.param ? "live" : "durable"; });

}  // namespace
}  // namespace hmap::test
