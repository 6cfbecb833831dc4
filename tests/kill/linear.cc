#include "linear.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace hmap::test {
namespace {

using Kind = Call::Kind;

// More calls open at a time than there are processes, which is never so by far.
constexpr std::size_t kOpenMax = 64;
constexpr std::size_t kWorldsMax = 100'000;

bool is_read(const Call& call) {
  if (call.end == Call::End::kUnknown) return false;
  const bool refusing =
      call.kind == Kind::kInsert || call.kind == Kind::kReplace || call.kind == Kind::kErase;
  return call.kind == Kind::kGet || (refusing && !call.answer);
}

// Whether a read may happen while the key has this value.
bool sees(const Call& read, std::uint64_t value) {
  switch (read.kind) {
    case Kind::kGet:
      return value == read.value;
    case Kind::kInsert:
      return value != 0;  // it was there already
    default:
      return value == 0;
  }
}

// Whether a write may happen while the key has this value, and what is there afterwards.
bool writes(const Call& call, std::uint64_t value, std::uint64_t& after) {
  after = call.kind == Kind::kErase || call.kind == Kind::kClear ? 0 : call.value;
  if (call.kind == Kind::kInsert) return value == 0;
  if (call.kind == Kind::kReplace || call.kind == Kind::kErase) return value != 0;
  return true;
}

// One way in which things may have gone: the value now, and which of the open calls have happened.
struct World {
  std::uint64_t value = 0;
  std::uint64_t happened = 0;  // bit: place among the open calls
  friend auto operator<=>(const World&, const World&) = default;
};

class Explainer {
 public:
  Explainer(std::vector<Call> calls, std::uint64_t value) : calls_(std::move(calls)) {
    worlds_.insert({value, 0});
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      moments_.push_back({calls_[i].invoked, i, true});
      moments_.push_back({calls_[i].responded, i, false});
    }
    std::sort(moments_.begin(), moments_.end());
  }

  std::string run() {
    for (const Moment& moment : moments_) {
      if (!(moment.begins ? begin(moment.call) : end(moment.call))) return kTooMany;
      if (worlds_.empty()) return complaint(moment.call);
    }
    return {};
  }

 private:
  struct Moment {
    std::uint64_t stamp;
    std::size_t call;
    bool begins;
    friend bool operator<(const Moment& a, const Moment& b) { return a.stamp < b.stamp; }
  };
  static constexpr std::uint64_t bit(std::size_t place) { return std::uint64_t{1} << place; }

  // Reads happen as soon as they can: that leaves everything else possible.
  World with_reads(World world) const {
    for (std::size_t place = 0; place < kOpenMax; ++place) {
      if ((used_ & ~world.happened & bit(place)) == 0) continue;
      const Call& call = calls_[open_[place]];
      if (is_read(call) && sees(call, world.value)) world.happened |= bit(place);
    }
    return world;
  }

  bool begin(std::size_t number) {
    std::size_t place = 0;
    while (place < kOpenMax && (used_ & bit(place)) != 0) ++place;
    if (place == kOpenMax) return false;
    used_ |= bit(place);
    open_[place] = number;
    std::set<World> worlds;
    for (const World& world : worlds_) worlds.insert(with_reads(world));
    worlds_ = std::move(worlds);
    return true;
  }

  // By now it has happened, after any of the calls that are open with it.
  bool end(std::size_t number) {
    std::size_t place = 0;
    while ((used_ & bit(place)) == 0 || open_[place] != number) ++place;
    std::set<World> seen;
    std::set<World> worlds;
    std::vector<World> todo(worlds_.begin(), worlds_.end());
    while (!todo.empty()) {
      const World world = todo.back();
      todo.pop_back();
      if (!seen.insert(world).second) continue;
      if (seen.size() > kWorldsMax) return false;
      if ((world.happened & bit(place)) != 0) {
        worlds.insert({world.value, world.happened & ~bit(place)});
        continue;
      }
      // Whoever died may have done nothing.
      if (calls_[number].end == Call::End::kUnknown) worlds.insert(world);
      go_on(world, todo);
    }
    used_ &= ~bit(place);
    worlds_ = std::move(worlds);
    return true;
  }

  // All worlds that one more write leads to.
  void go_on(const World& world, std::vector<World>& todo) const {
    for (std::size_t place = 0; place < kOpenMax; ++place) {
      if ((used_ & ~world.happened & bit(place)) == 0) continue;
      const Call& call = calls_[open_[place]];
      std::uint64_t after = 0;
      if (is_read(call) || !writes(call, world.value, after)) continue;
      todo.push_back(with_reads({after, world.happened | bit(place)}));
    }
  }

  static std::string text(const Call& call) {
    static constexpr const char* kWords[] = {"put", "insert", "replace", "erase", "clear", "get"};
    std::string line = "[" + std::to_string(call.invoked) + ", " + std::to_string(call.responded) +
                       "] " + kWords[static_cast<int>(call.kind)] + " " +
                       std::to_string(call.value);
    if (call.end == Call::End::kUnknown) return line + " (died)";
    if (call.kind == Kind::kInsert || call.kind == Kind::kReplace || call.kind == Kind::kErase) {
      line += call.answer ? ": yes" : ": no";
    }
    return line;
  }

  // The call that cannot be explained and those around it.
  [[nodiscard]] std::string complaint(std::size_t number) const {
    const Call& bad = calls_[number];
    std::string text_of_all =
        "key " + std::to_string(bad.key) + ", not to be explained: " + text(bad) + "\n";
    std::vector<Call> sorted = calls_;
    std::sort(sorted.begin(), sorted.end(),
              [](const Call& a, const Call& b) { return a.invoked < b.invoked; });
    constexpr std::uint64_t kBefore = 30;
    std::vector<std::string> lines;
    for (const Call& call : sorted) {
      if (call.invoked > bad.responded) break;
      lines.push_back("  " + text(call) + "\n");
    }
    const std::size_t first = lines.size() > kBefore ? lines.size() - kBefore : 0;
    for (std::size_t i = first; i < lines.size(); ++i) text_of_all += lines[i];
    return text_of_all;
  }

  static constexpr const char* kTooMany = "too many calls at a time to be explained";
  std::vector<Call> calls_;
  std::vector<Moment> moments_;
  std::set<World> worlds_;
  std::array<std::size_t, kOpenMax> open_{};
  std::uint64_t used_ = 0;
};

}  // namespace

std::string explain(std::vector<Call> calls, std::uint64_t value) {
  return Explainer(std::move(calls), value).run();
}

}  // namespace hmap::test
