// Counting who comes back, and for how long that is waited for.
#include "life/gather.h"

#include <algorithm>

#include "format/layout.h"
#include "system/seam.h"

namespace hmap {
namespace {

using format::LogState;
using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::nanoseconds;

constexpr microseconds kLongest{1'000};
// The first one who came looks at the clock for all; the others, so much later, if it is dead.
constexpr microseconds kGrace{1'000};
// While nobody comes back, the next flush that waits is twice as far away each time, up to the
// 64th: a wait in vain doubles the time of one commit, which is 1.6 % of all then.
constexpr u32 kMostVain = 6;

// CLOCK_MONOTONIC, which all processes share, save those in a time name space of their own: they
// wait for nobody, or as long as may be.
u64 monotonic_ns() {
  return static_cast<u64>(
      std::chrono::duration_cast<nanoseconds>(Clock::now().time_since_epoch()).count());
}

constexpr u64 ns_of(microseconds time) { return static_cast<u64>(nanoseconds(time).count()); }

// Most of these words stay what they are from flush to flush.
template <typename Word>
void set(Word& word, Word value) {
  if (seam::load(word) != value) seam::store(word, value);
}

// Whether most of those whom the last flush released were not back before this one.
bool was_in_vain(const LogState& log, u32 arrived) {
  const u32 stayed = std::min(log.stayed, log.expected);
  const u32 released = log.expected - stayed;
  const u32 back = arrived - std::min(arrived, stayed);
  return u64{back} * 2 < released;
}

}  // namespace

void Gathering::arrive() {
  if (has_arrived_) return;
  has_arrived_ = true;
  if (seam::load(log_.flush_lock.word) != 0 && position_ <= seam::load(log_.flushing)) {
    seam::fetch_add(log_.covered, 1);
  } else {
    keeps_time_ = seam::fetch_add(log_.arrived, 1) == 0;
  }
}

nanoseconds Gathering::left() {
  const u64 until = seam::load(log_.gather_until);
  if (until == 0 || seam::load(log_.flush_lock.word) != 0) return nanoseconds{0};
  if (seam::load(log_.arrived) >= seam::load(log_.expected)) return nanoseconds{0};
  const u64 now = monotonic_ns();
  if (now >= until) return nanoseconds{0};
  if (first_asked_ == 0) first_asked_ = now;
  // Whatever stands there, and however often signals end the sleep.
  if (now - first_asked_ >= ns_of(kLongest + kGrace)) return nanoseconds{0};
  const nanoseconds left{std::min(until - now, ns_of(kLongest))};
  return keeps_time_ ? left : left + kGrace;
}

GatheredFlush::GatheredFlush(LogState& log) : log_(log) {
  const u32 arrived = seam::exchange(log.arrived, 0);
  set(log.covered, arrived);
  if (log.gather_until == 0) return;
  set(log.in_vain, was_in_vain(log, arrived) ? std::min(log.in_vain, kMostVain - 1) + 1 : 0);
}

void GatheredFlush::begin(u64 tail) {
  seam::store(log_.flushing, tail);
  start_ = Clock::now();
}

void GatheredFlush::end() {
  const auto took = std::chrono::duration_cast<microseconds>(Clock::now() - start_);
  const u32 us = static_cast<u32>(std::min(took, kLongest).count());
  const u32 before = std::min(log_.flush_us, static_cast<u32>(kLongest.count()));
  const u32 usual = before > 0 ? (before * 7 + us) / 8 : us;
  set(log_.flush_us, usual);
  set(log_.stayed, seam::load(log_.arrived));
  set(log_.expected, seam::load(log_.covered) + log_.stayed);
  const u32 every = u32{1} << std::min(log_.in_vain, kMostVain);
  const bool waits = log_.expected > 1 && log_.flushes % every == 0;
  set(log_.gather_until, waits ? monotonic_ns() + ns_of(microseconds(usual)) : u64{0});
}

}  // namespace hmap
