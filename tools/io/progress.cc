// See progress.h.
#include "io/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "io/terminal.h"
#include "text/numbers.h"

namespace hmap::tool {
namespace {

using std::chrono::milliseconds;

// Twice that old, and nobody sees it flicker; jobs shorter than this show nothing at all.
constexpr milliseconds kInterval{100};
constexpr int kBarColumnsMax = 40;
constexpr std::string_view kWipe = "\r\x1b[K";

void show(std::string_view text) {
  (void)std::fwrite(text.data(), 1, text.size(), stderr);
  (void)std::fflush(stderr);
}

std::string bar(double share, int columns, bool colour) {
  const int full = std::clamp(static_cast<int>(share * columns), 0, columns);
  const std::string_view on = colour ? "\x1b[36m" : "";
  const std::string_view off = colour ? "\x1b[0m" : "";
  return fmt::format("[{}{:#<{}}{}{:.<{}}]", on, "", full, off, "", columns - full);
}

}  // namespace

Progress::Progress(std::string_view verb, std::optional<std::uint64_t> total, Unit unit)
    : verb_(verb), total_(total.value_or(0)), unit_(unit) {
  shown_ = total_ > 0 && can_animate(STDERR_FILENO);
  colour_ = shown_ && wants_colour(STDERR_FILENO);
}

Progress::~Progress() {
  if (drawn_) show(kWipe);
}

void Progress::finishing() {
  if (!drawn_) return;
  last_ = {};
  draw(total_);
}

void Progress::hide() {
  if (drawn_) show(kWipe);
  drawn_ = shown_ = false;
}

void Progress::draw(std::uint64_t done) {
  const Clock::time_point now = Clock::now();
  if (now - last_ < kInterval) return;
  last_ = now;
  drawn_ = true;
  const std::chrono::duration<double> elapsed = now - begin_;
  show(fmt::format("{}{}", kWipe,
                   text(done, elapsed.count(), terminal_size(STDERR_FILENO).columns)));
}

std::string Progress::counts(std::uint64_t done) const {
  return unit_ == Unit::kBytes ? fmt::format(" {} of {}", human_bytes(done), human_bytes(total_))
                               : fmt::format(" {} of {} entries", grouped(done), grouped(total_));
}

// What the first steps took tells little: some begin with a wait.
std::string Progress::speed(std::uint64_t done, double seconds) const {
  constexpr double kShare = 0.01;
  constexpr double kSeconds = 2;
  const double rate = static_cast<double>(done) / seconds;
  if (done == 0) return {};
  const auto per_second = static_cast<std::uint64_t>(rate);
  std::string text = unit_ == Unit::kBytes ? fmt::format(", {}/s", human_bytes(per_second))
                                           : fmt::format(", {}/s", grouped(per_second));
  if (seconds >= kSeconds || static_cast<double>(done) >= kShare * static_cast<double>(total_))
    text += fmt::format(", {} left", human_seconds(static_cast<double>(total_ - done) / rate));
  return text;
}

std::string Progress::text(std::uint64_t done, double seconds, int columns) const {
  const double share = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
  const std::string head = fmt::format("{} {:3.0f}% ", verb_, share * 100);
  const std::string tail =
      done < total_ ? counts(done) + speed(done, seconds) : counts(total_) + ", finishing";
  // One column stays free: a line that fills the terminal would wrap and could not be wiped.
  const int room = columns - 1 - static_cast<int>(head.size() + tail.size()) - 2;
  if (room < 5) return (head + tail).substr(0, static_cast<std::size_t>(std::max(columns - 1, 0)));
  return head + bar(share, std::min(room, kBarColumnsMax), colour_) + tail;
}

}  // namespace hmap::tool
