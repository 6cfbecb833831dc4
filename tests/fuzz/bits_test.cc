// Every single flipped bit and every truncation of a small store: opened,
// verified, read, written.
//
// The short run takes all bits of what decides most (superblock, roots, saved
// headers, tables) and one byte of many of the rest; HMAP_FUZZ_STRIDE=1, as in
// the long run, takes all.
#include <gtest/gtest.h>

#include <algorithm>

#include "child.h"
#include "exercise.h"
#include "same_again.h"
#include "seeds.h"
#include "victim_file.h"

namespace hmap::test {
namespace {

struct Case {
  const char* name;
  std::size_t base;
  bool live;             // the runtime area counts, else the durable state
  std::uint64_t stride;  // of the short run
};
constexpr Case kCases[] = {{"durable", 0, false, 61},      {"live", 3, true, 101},
                           {"inline", 9, false, 301},      {"inline_live", 10, true, 401},
                           {"texts", 13, false, 401},      {"halving", 16, false, 997},
                           {"halving_live", 15, true, 997}};

class Bits : public ::testing::TestWithParam<Case> {
 protected:
  // Of the image of the victim file.
  static void run_on(const Base& base, bool live, std::uint64_t what) {
    VictimFile& file = victim_file();
    file.become_image(base.anatomy.layout(), live);
    same_again(1);
    Exercise exercise;
    exercise.base = &base;
    exercise.path = file.path();
    exercise.first_key = what;
    exercise.refusal_changes_nothing = !live;
    exercise.values_count = !base.is_inline();
    // The slow steps take turns.
    static constexpr std::uint8_t kTurns[] = {kVerifyReadOnly, kSnapshot, kVerifyWriting,
                                              kReopen,         kClear,    kLarge};
    exercise.steps = kReadOnly | kWrite | kTurns[what % std::size(kTurns)];
    exercise.run();
  }
  const Base& base_ = bases()[GetParam().base];
  const bool live_ = GetParam().live;
};

bool is_of(const Base& base, Kind kind, std::uint64_t at) {
  const std::vector<Part>& parts = base.anatomy.parts(kind);
  return std::any_of(parts.begin(), parts.end(), [&](const Part& part) {
    return at >= part.offset && at - part.offset < part.bytes;
  });
}

bool is_decisive(const Base& base, std::uint64_t at) {
  // Of pages and headers the words that are in use.
  if (is_of(base, Kind::kSuperblock, at)) return true;
  return base.file[at] != 0 &&
         (is_of(base, Kind::kRoot, at) || is_of(base, Kind::kSavedHeader, at) ||
          is_of(base, Kind::kTablePage, at));
}

TEST_P(Bits, EveryFlip) {
  const Base& base = base_;
  const std::uint64_t stride = environment_number("HMAP_FUZZ_STRIDE", GetParam().stride);
  Random random(test_seed());
  std::uint64_t flips = 0;
  std::uint64_t next = random.below(stride);
  Watchdog watchdog;
  for (std::uint64_t at = 0; at < base.file.size(); ++at) {
    const bool all_bits = stride == 1 || (GetParam().base == 0 && is_decisive(base, at)) ||
                          is_of(base, Kind::kType, at);
    if (!all_bits && at < next) continue;
    if (at >= next) next = at + stride;
    const std::uint64_t first = all_bits ? 0 : random.below(8);
    for (std::uint64_t bit = first; bit < (all_bits ? 8 : first + 1); ++bit) {
      std::string& bytes = victim_file().image();
      bytes = base.file;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      SCOPED_TRACE("byte " + std::to_string(at) + ", bit " + std::to_string(bit));
      run_on(base, live_, ++flips);
    }
    watchdog.feed();
  }
  std::printf("%llu bits flipped\n", static_cast<unsigned long long>(flips));
}

TEST_P(Bits, EveryTruncation) {
  const Base& base = base_;
  const std::uint64_t stride =
      environment_number("HMAP_FUZZ_STRIDE", GetParam().base < 9 ? 509 : 4'093);
  Watchdog watchdog;
  for (std::uint64_t bytes = 0; bytes < base.file.size(); bytes += stride) {
    victim_file().image().assign(base.file, 0, bytes);
    run_on(base, live_, bytes);
    watchdog.feed();
  }
}

INSTANTIATE_TEST_SUITE_P(All, Bits, ::testing::ValuesIn(kCases),
                         [](const auto& one) { return std::string(one.param.name); });

}  // namespace
}  // namespace hmap::test
