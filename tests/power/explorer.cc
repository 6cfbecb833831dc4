#include "explorer.h"

#include <signal.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "format/hash.h"
#include "system_calls.h"

namespace hmap::test {
namespace {

// More failures of one run say nothing more.
constexpr std::size_t kEnoughBad = 5;

// Coordinates of the image being judged, ready to be written by a signal handler.
std::array<char, 200> where_now{};
std::size_t where_bytes = 0;
std::array<struct sigaction, 32> former_actions{};

bool in_runtime(const Layout& layout, const LogEntry& entry) {
  return entry.offset >= layout.runtime_offset &&
         entry.offset + entry.bytes <= layout.runtime_offset + layout.runtime_bytes;
}

// Of all that counts after a power cut.
std::uint64_t fingerprint(const Layout& layout, const std::string& image) {
  const std::size_t behind = layout.runtime_offset + layout.runtime_bytes;
  const std::uint64_t front = hash_bytes(image.data(), layout.runtime_offset, 0);
  return hash_bytes(image.data() + behind, image.size() - behind, front);
}

void die(int signal) {
  static constexpr char kText[] = "\nDIED while judging ";
  [[maybe_unused]] ssize_t written = write(2, kText, sizeof kText - 1);
  written = write(2, where_now.data(), where_bytes);
  written = write(2, "\n", 1);
  // A sanitizer's handler has more to say.
  sigaction(signal, &former_actions.at(static_cast<std::size_t>(signal)), nullptr);
  raise(signal);
}

}  // namespace

void tell_on_death() {
  struct sigaction action {};
  action.sa_handler = die;
  for (const int number : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGALRM, SIGTERM}) {
    sigaction(number, &action, &former_actions.at(static_cast<std::size_t>(number)));
  }
}

// A life being walked through.
struct Explorer::Scene {
  const Life& life;
  const Layout layout;
  const Truth& truth;
  std::uint64_t seed;
  Coordinates where;
  const Coordinates* only;
  Device device;
  std::uint64_t durable_generation = 0;
  const LogEntry* root = nullptr;  // being written
};

Explorer::Explorer(const Options& options, const Lies& lies, const Effort& effort, Totals& totals)
    : judge_(options), lies_(lies), effort_(effort), totals_(totals) {}

Remains Explorer::explore(const Life& life, const std::string& image, const Truth& truth,
                          std::uint64_t seed, const Coordinates& where, const Coordinates* only) {
  const Layout layout = layout_of(image);
  Scene scene{life, layout, truth, seed, where, only, Device(image, layout, lies_), 0, nullptr};
  fake_reboot(0);
  const std::vector<LogEntry>& entries = life.log().entries;
  Random random(mix(seed));
  const std::uint64_t ordinary_stride = entries.size() / effort_.ordinary_cuts + 1;
  const std::uint64_t crucial_stride = where.life == 0 ? 1 : effort_.later_stride;
  const std::uint64_t last_words = random.below(entries.size());
  Remains remains;
  for (std::uint64_t i = 0; i <= entries.size(); ++i) {
    const LogEntry* next = i < entries.size() ? &entries[i] : nullptr;
    const bool edge = next == nullptr || next->is_edge() || (i > 0 && entries[i - 1].is_edge());
    // What was stored to the runtime area counts for nothing: no new moment.
    const bool crucial = i > 0 && entries[i - 1].crucial && !in_runtime(layout, entries[i - 1]);
    const std::uint64_t stride = crucial ? crucial_stride : ordinary_stride;
    const bool chosen = random.one_in(stride) || edge;
    const bool wanted = only == nullptr ? chosen : only->life == where.life && only->cut == i;
    if (wanted) cut(scene, i);
    if (i == last_words) {
      const std::size_t unit = random.one_in(2) ? kSectorBytes : 64;
      scene.device.compose({Selection::Mix::kAges, unit, random.next()}, remains.image);
      remains.model = expected_model(scene, remains.image);
    }
    if (next == nullptr) break;
    scene.device.apply(life.log(), *next);
    if (next->kind == LogEntry::Kind::kRootBegins) scene.root = next;
    if (next->kind == LogEntry::Kind::kRootFails) scene.root = nullptr;
    if (next->kind == LogEntry::Kind::kRootEnds) {
      const LogEntry& root = *std::exchange(scene.root, nullptr);
      const std::string bytes = life.log().data.substr(root.data, root.bytes);
      scene.durable_generation = truth.roots.at(bytes).generation;
    }
  }
  return remains;
}

void Explorer::plan_selections(const Scene& scene, std::uint64_t at) {
  using Mix = Selection::Mix;
  Random random(mix(scene.seed) ^ mix(at));
  const auto add = [&](Mix mix, std::size_t unit) {
    selections_.push_back({mix, unit, random.next()});
  };
  selections_.clear();
  add(Mix::kAllOld, kSectorBytes);
  add(Mix::kAllNew, kSectorBytes);
  const std::size_t dirty = scene.device.dirty_sectors();
  const bool few = dirty <= effort_.all_subsets_of;
  if (few) {
    for (std::uint64_t set = 1; set + 1 < std::uint64_t{1} << dirty; ++set) {
      selections_.push_back({Mix::kSubset, kSectorBytes, set});
    }
  }
  for (int i = 0; i < 3 && !few; ++i) {
    add(Mix::kOneNew, kSectorBytes);
    add(Mix::kOneOld, kSectorBytes);
  }
  add(Mix::kHalf, kSectorBytes);
  add(Mix::kHalf, 64);
  add(Mix::kAges, kSectorBytes);
  add(Mix::kAges, 64);
  // Not even words stay together in a torn sector (format.md, section 20).
  add(Mix::kAges, 8);
}

void Explorer::cut(Scene& scene, std::uint64_t at) {
  scene.where.cut = at;
  ++totals_.cuts;
  plan_selections(scene, at);
  for (std::size_t i = 0; i < selections_.size() && totals_.bad.size() < kEnoughBad; ++i) {
    if (scene.only != nullptr && scene.only->selection.value_or(i) != i) continue;
    scene.where.selection = i;
    judge(scene, selections_[i]);
  }
}

void Explorer::judge(Scene& scene, const Selection& selection) {
  const Coordinates& where = scene.where;
  where_bytes = static_cast<std::size_t>(std::snprintf(
      where_now.data(), where_now.size(),
      "HMAP_POWER_HISTORY=%llu HMAP_POWER_LIFE=%llu HMAP_POWER_CUT=%llu HMAP_POWER_SELECTION=%llu",
      static_cast<unsigned long long>(where.history), static_cast<unsigned long long>(where.life),
      static_cast<unsigned long long>(*where.cut),
      static_cast<unsigned long long>(*where.selection)));
  scene.device.compose(selection, image_);
  if (!judged_.insert(fingerprint(scene.layout, image_)).second && scene.only == nullptr) return;
  const Contents& expected = scene.truth.models[expected_model(scene, image_)];
  ++totals_.images;
  if (where.life > 0) ++totals_.double_cuts;
  fix_library_randomness(scene.seed);
  const std::string wrong = judge_.verdict(image_, expected, *where.cut + *where.selection);
  if (wrong.empty()) return;
  std::ostringstream text;
  text << where_now.data() << " (" << selection << "): " << wrong;
  totals_.bad.push_back(text.str());
}

// The contents that the newest complete root in the image stands for. The roots are known by their
// bytes: what the library thinks of checksums does not matter here.
std::size_t Explorer::expected_model(const Scene& scene, const std::string& image) {
  KnownRoot newest;
  for (const std::uint64_t index : {0U, 1U}) {
    const std::string bytes = image.substr(scene.layout.root_offset(index), sizeof(format::Root));
    const auto found = scene.truth.roots.find(bytes);
    if (found != scene.truth.roots.end() && found->second.generation > newest.generation) {
      newest = found->second;
    }
  }
  if (newest.generation < scene.durable_generation && !lies_.roots_are_not_flushed) {
    throw std::runtime_error("the device has lost a durable root");
  }
  if (scene.root != nullptr) {
    const std::string wanted = scene.life.log().data.substr(scene.root->data, scene.root->bytes);
    const std::string there = image.substr(scene.root->offset, scene.root->bytes);
    if (there == wanted) ++totals_.new_roots;
    if (there != wanted && scene.truth.roots.count(there) == 0) ++totals_.torn_roots;
  }
  return newest.model;
}

}  // namespace hmap::test
