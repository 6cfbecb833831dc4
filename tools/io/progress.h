// A progress bar on a terminal, for jobs whose end is known. Elsewhere it is silent.
#ifndef HMAP_TOOLS_IO_PROGRESS_H_
#define HMAP_TOOLS_IO_PROGRESS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hmap::tool {

// Draws "load  42% [########......] 12.3 of 29.0 MiB, 85.1 MiB/s, 0:03 left" on standard error,
// at most ten times a second, and wipes it when destroyed. The time left appears when there is
// something to compute it from; when all is done, "finishing" stands there instead.
//
// Shown only if standard error is a terminal that can move its cursor (TERM is not "dumb") and the
// total is known. Colour only without NO_COLOR (no-color.org).
class Progress {
 public:
  enum class Unit : std::uint8_t { kBytes, kEntries };

  Progress(std::string_view verb, std::optional<std::uint64_t> total, Unit unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Tells that `done` of the total are done. Cheap enough to be called for each record.
  void update(std::uint64_t done) {
    if (shown_ && (++calls_ & kCallsMask) == 0) draw(done);
  }
  // All is done but for what cannot be measured, such as a flush to disk: says so if the bar was
  // seen, and leaves it there until it is destroyed.
  void finishing();
  // Makes room for other output to the same terminal: no bar any more.
  void hide();
  // The same as update() for calls that may be rare: each of them looks at the clock.
  void update_rarely(std::uint64_t done) {
    if (shown_) draw(done);
  }

 private:
  using Clock = std::chrono::steady_clock;
  // The clock is read for one call in 16 only.
  static constexpr std::uint64_t kCallsMask = 15;

  void draw(std::uint64_t done);
  [[nodiscard]] std::string counts(std::uint64_t done) const;
  [[nodiscard]] std::string speed(std::uint64_t done, double seconds) const;
  [[nodiscard]] std::string text(std::uint64_t done, double seconds, int columns) const;

  std::string verb_;
  std::uint64_t total_ = 0;
  Unit unit_;
  bool shown_ = false;
  bool colour_ = false;
  bool drawn_ = false;
  std::uint64_t calls_ = 0;
  Clock::time_point begin_ = Clock::now();
  Clock::time_point last_ = begin_;
};

}  // namespace hmap::tool

#endif  // HMAP_TOOLS_IO_PROGRESS_H_
