// hmap watch: a store as it lives.
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "io/output.h"
#include "io/terminal.h"
#include "report/json.h"
#include "report/watch_text.h"
#include "verbs/arguments.h"
#include "verbs/common.h"
#include "verbs/verbs.h"

namespace hmap::tool {
namespace {

constexpr std::uint64_t kForEver = UINT64_MAX;

struct WatchVerb {
  CommonOptions common;
  double interval = 1;
  std::uint64_t count = kForEver;
  bool once = false;
  bool prometheus = false;
};

constexpr const char* kWatchExample =
    "Examples:\n"
    "  hmap watch users.hmap\n"
    "  hmap watch --once --json users.hmap | jq .entries\n"
    "  hmap watch --prometheus users.hmap > users.prom.tmp && mv users.prom.tmp users.prom\n"
    "\n"
    "On a terminal the display is renewed in its place until Ctrl-C; elsewhere each one follows "
    "the\n"
    "one before, with --json a line each. Changes are writes and steps of growths, counted since\n"
    "the store was set up in this boot. Reading takes no part in anything: nobody is slowed down.";

// The store at a path, and whatever is put in its place (hmap compact does that).
class Watched {
 public:
  explicit Watched(const std::string& path) : path_(path), store_(open_to_read(path)) {
    (void)::stat(path_.c_str(), &identity_);
  }

  // Whether another file is there now; it is what is shown from here on. Throws if there is none.
  bool follow() {
    struct stat now = {};
    if (::stat(path_.c_str(), &now) == 0 && now.st_dev == identity_.st_dev &&
        now.st_ino == identity_.st_ino) {
      return false;
    }
    store_ = open_to_read(path_);
    return ::stat(path_.c_str(), &identity_) == 0;
  }
  [[nodiscard]] Sample sample() const {
    Sample sample;
    sample.stats = take(store_.stats(), path_);
    sample.activity = take(activity(store_), path_);
    sample.time = std::chrono::steady_clock::now();
    return sample;
  }

 private:
  const std::string& path_;
  Store store_;
  struct stat identity_ = {};
};

// Lines that replace each other.
class Display {
 public:
  explicit Display(Output& out) : out_(out), in_place_(can_animate(STDOUT_FILENO)) {}

  void show(std::vector<std::string> lines) {
    const TerminalSize size = terminal_size(STDOUT_FILENO);
    // One line stays free: else the terminal scrolls and the next display is one line too low.
    const auto room = static_cast<std::size_t>(std::max(size.lines - 1, 1));
    if (in_place_ && lines.size() > room) lines.resize(room);
    if (in_place_ && shown_ > 0) out_.write(fmt::format("\x1b[{}A", shown_));
    for (std::string& line : lines) {
      if (in_place_) line = line.substr(0, static_cast<std::size_t>(std::max(size.columns - 1, 1)));
      out_.write(line);
      out_.write(in_place_ ? "\x1b[K\n" : "\n");
    }
    // Lines of a longer display before.
    if (in_place_) out_.write("\x1b[J");
    shown_ = lines.size();
    out_.flush();
  }

 private:
  Output& out_;
  bool in_place_;
  std::size_t shown_ = 0;
};

void wait(double seconds) {
  // poll() of nothing: a signal ends the program, as it should.
  (void)::poll(nullptr, 0, static_cast<int>(seconds * 1000));
}

Exit run(const WatchVerb& verb) {
  const std::string& path = verb.common.file;
  if (verb.prometheus && verb.common.json)
    throw usage_failure("--prometheus and --json exclude each other");
  constexpr double kIntervalMax = 86'400;
  if (!(verb.interval >= 0.01 && verb.interval <= kIntervalMax))
    throw usage_failure("--interval takes 0.01 to 86400 seconds");
  Watched watched(path);
  Output out;
  if (verb.prometheus) {
    out.write(prometheus_text(watched.sample(), path));
    out.finish();
    return Exit::kYes;
  }
  const std::uint64_t count = verb.once ? 1 : verb.count;
  Display display(out);
  std::optional<Sample> before;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (i > 0) wait(verb.interval);
    if (i > 0 && watched.follow()) before.reset();
    Sample now = watched.sample();
    const Sample* const last = before ? &*before : nullptr;
    if (verb.common.json) {
      write_line(out, watch_json(now, last, path));
      out.flush();
    } else {
      display.show(watch_lines(now, last, path));
    }
    before = std::move(now);
  }
  out.finish();
  return Exit::kYes;
}

}  // namespace

Verb add_watch(CLI::App& root) {
  auto verb = std::make_shared<WatchVerb>();
  CLI::App& app = add_verb(root, verb->common, "watch", "show a store as it lives", kWatchExample);
  app.add_option("--interval", verb->interval, "between two displays")
      ->type_name("SECONDS")
      ->capture_default_str();
  add_number(app, "--count", verb->count, "end after so many displays; default: go on", {1});
  app.add_flag("--once", verb->once, "one display, without rates");
  app.add_flag("--prometheus", verb->prometheus,
               "once, in the text format of Prometheus (textfile collector)");
  return {&app, [verb] { return run(*verb); }};
}

}  // namespace hmap::tool
