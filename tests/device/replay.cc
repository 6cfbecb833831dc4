#include "replay.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>

#include "child.h"
#include "shared_memory.h"
#include "stores.h"

namespace hmap::test {
namespace {

constexpr std::uint64_t kSector = 512;
// The superblock of ext4 spans two sectors and is read before the journal is: torn, the file system
// cannot be mounted, which says nothing about us.
constexpr std::uint64_t kNeverTorn = 4096;

}  // namespace

struct Replay::Answer {
  bool there;
  bool ended;
  std::uint64_t digests[8];
  char error[400];

  void fail(const char* what, const std::string& why) {
    std::snprintf(error, sizeof error, "%s: %s", what, why.c_str());
  }
};

const char* name_of(Mix mix) {
  static constexpr const char* kNames[] = {"all old",      "all new", "one old",   "one new",
                                           "whole writes", "sectors", "torn order"};
  return kNames[static_cast<std::uint32_t>(mix)];
}

Verdicts& Verdicts::operator+=(const Verdicts& other) {
  images += other.images;
  bad += other.bad;
  unmountable += other.unmountable;
  if (first_bad.empty()) first_bad = other.first_bad;
  return *this;
}

Replay::Replay(const Plan& plan, FileSystem system, const BlockDevice& recorded,
               const std::vector<std::byte>& base, BlockDevice& scratch, std::string directory)
    : plan_(plan),
      system_(system),
      recorded_(recorded),
      base_(base),
      scratch_(scratch),
      directory_(std::move(directory)) {
  const Bounds end = bounds_at(recorded_.events());
  for (std::uint32_t w = 0; w < plan.writers; ++w)
    digests_.push_back(digests(plan, w, std::min(end.done[w] + 1, plan.operations)));
  scratch_.log(false);
  std::memcpy(scratch_.memory(), base_.data(), base_.size());
}

Verdicts Replay::run(std::uint64_t images, Random& dice, bool liar) {
  // Half of the moments are right before or after a flush or a mark, where an order left out shows.
  std::vector<std::uint64_t> edges;
  for (std::uint64_t i = 0; i < recorded_.events(); ++i) {
    if (recorded_.event(i).kind != EventKind::kWrite) edges.push_back(i);
  }
  std::multiset<std::uint64_t> cuts;
  for (std::uint64_t i = 0; i < images; ++i) {
    const bool edge = dice.one_in(2) && !edges.empty();
    cuts.insert(edge ? edges[dice.below(edges.size())] + dice.below(2)
                     : dice.below(recorded_.events() + 1));
  }
  for (const std::uint64_t cut : cuts) one_image(cut, dice, liar);
  return verdicts_;
}

Verdicts Replay::run_at_end(std::uint64_t images, Random& dice) {
  for (std::uint64_t i = 0; i < images; ++i) one_image(recorded_.events(), dice, false);
  return verdicts_;
}

void Replay::one_image(std::uint64_t cut, Random& dice, bool liar) {
  std::uint64_t durable = applied_;
  for (std::uint64_t i = applied_; i < cut && !liar; ++i) {
    if (recorded_.event(i).kind == EventKind::kFlush) durable = i + 1;
  }
  advance(durable);
  const Mix mix = liar ? Mix::kAllOld : static_cast<Mix>(dice.below(kMixes));
  scratch_.log(true);
  apply(cut, mix, dice);
  judge(cut, mix);
  scratch_.undo();
  scratch_.log(false);
  scratch_.drop_cache();
}

void Replay::advance(std::uint64_t to) {
  for (; applied_ < to; ++applied_) {
    const Event event = recorded_.event(applied_);
    if (event.kind == EventKind::kWrite)
      scratch_.write(event.offset, recorded_.data(event), event.bytes);
  }
}

void Replay::apply(std::uint64_t cut, Mix mix, Random& dice) {
  std::vector<Event> writes;
  for (std::uint64_t i = applied_; i < cut; ++i) {
    const Event event = recorded_.event(i);
    if (event.kind == EventKind::kWrite) writes.push_back(event);
  }
  if (writes.empty() || mix == Mix::kAllOld) return;
  if (mix == Mix::kSectors) return apply_sectors(writes, dice);
  const std::uint64_t one = dice.below(writes.size());
  for (std::uint64_t i = 0; i < writes.size(); ++i) {
    bool take = true;
    if (mix == Mix::kOneOld) take = i != one;
    if (mix == Mix::kOneNew) take = i == one;
    if (mix == Mix::kWholeWrites) take = dice.one_in(2);
    if (mix == Mix::kTornOrder) take = i >= one;
    if (take) scratch_.write(writes[i].offset, recorded_.data(writes[i]), writes[i].bytes);
  }
}

// Each sector is as one of the writes left it, or as before all of them.
void Replay::apply_sectors(const std::vector<Event>& writes, Random& dice) {
  const std::uint64_t share = dice.between(2, 10);
  for (const Event& write : writes) {
    const bool superblock_lives = dice.one_in(2);
    for (std::uint64_t at = 0; at < write.bytes; at += kSector) {
      const bool in_superblock = write.offset + at < kNeverTorn;
      if (in_superblock ? !superblock_lives : dice.one_in(share)) continue;
      const std::uint64_t bytes = std::min(kSector, write.bytes - at);
      scratch_.write(write.offset + at, recorded_.data(write) + at, bytes);
    }
  }
}

// ---- judging ----------------------------------------------------------------------------------

Replay::Bounds Replay::bounds_at(std::uint64_t cut) const {
  Bounds bounds;
  bounds.least.resize(plan_.writers);
  bounds.done.resize(plan_.writers);
  for (std::uint64_t i = 0; i < cut; ++i) {
    const Event event = recorded_.event(i);
    if (event.kind == EventKind::kDone) bounds.done[event.writer] = event.offset;
    if (event.kind == EventKind::kStarted) bounds.started = event.offset;
    if (event.kind != EventKind::kDurable) continue;
    bounds.created = true;
    bounds.least[event.writer] = std::max(bounds.least[event.writer], event.offset);
  }
  return bounds;
}

// In a child: whatever the image does to it, the test goes on.
void Replay::look_at_image(Answer& answer) const {
  const std::string path = directory_ + "/store";
  if (::access(path.c_str(), F_OK) != 0) return;
  answer.there = true;
  fake_reboot(1);  // the image's device, inode and birth time may well be the recorded ones
  Options options = plan_.options;
  options.mode = Mode::kOpen;
  Result<Store> store = Store::open(path, options);
  if (!store) return answer.fail("open", store.error().message());
  const Result<Found> found = look(*store, plan_.writers);
  if (!found) return answer.fail("iterate", found.error().message());
  if (found->entries != store->size().value())
    return answer.fail("size", "not the entries' number");
  std::copy(found->digests.begin(), found->digests.end(), answer.digests);
  const Result<VerifyReport> report = store->verify();
  if (!report) return answer.fail("verify", report.error().message());
  if (!report->clean() || !report->complete) return answer.fail("verify", "findings");
  // What was found is of use.
  if (Status s = store->put("0:after", "wards"); !s.ok()) return answer.fail("put", s.message());
  if (Status s = store->checkpoint(); !s.ok()) return answer.fail("checkpoint", s.message());
  if (!store->verify().value().clean()) return answer.fail("verify", "findings after a write");
  if (Status s = store->close(); !s.ok()) return answer.fail("close", s.message());
}

std::string Replay::verdict(const Answer& answer, const Bounds& bounds) const {
  if (answer.error[0] != '\0') return answer.error;
  if (!answer.ended) return "the child that looked at the image died";
  if (!answer.there) return bounds.created ? "the store is gone" : "";
  for (std::uint32_t w = 0; w < plan_.writers; ++w) {
    // The one under way counts or not.
    const std::uint64_t most = std::min(bounds.done[w] + 1, plan_.operations);
    bool good = false;
    for (std::uint64_t n = bounds.least[w]; n <= most && !good; ++n) {
      if (plan_.exact && n != bounds.least[w] && n != bounds.started) continue;
      good = answer.digests[w] == digests_[w][n];
    }
    if (good) continue;
    std::string text = "writer " + std::to_string(w) + " has done " +
                       std::to_string(bounds.done[w]) + ", of which " +
                       std::to_string(bounds.least[w]) + " are durable; found: ";
    const auto at = std::find(digests_[w].begin(), digests_[w].end(), answer.digests[w]);
    text += at == digests_[w].end() ? "a state that never was"
                                    : "the state after " + std::to_string(at - digests_[w].begin());
    return text;
  }
  return "";
}

void Replay::judge(std::uint64_t cut, Mix mix) {
  const Shared<Answer> answer;
  Outcome outcome;
  {
    Mount mount(system_, scratch_.path(), directory_);
    if (!mount.error().empty()) {
      ++verdicts_.unmountable;
      std::printf("event %llu, %s: %s\n", static_cast<unsigned long long>(cut), name_of(mix),
                  mount.error().c_str());
      return;
    }
    Child child([&] {
      look_at_image(*answer);
      answer->ended = true;
      return 0;
    });
    outcome = child.wait();
  }
  ++verdicts_.images;
  const std::string bad = verdict(*answer, bounds_at(cut));
  if (bad.empty()) return;
  ++verdicts_.bad;
  const std::string what = std::string(plan_.name) + " on " + name_of(system_) + ", event " +
                           std::to_string(cut) + " of " + std::to_string(recorded_.events()) +
                           ", " + name_of(mix) + ": " + bad;
  if (verdicts_.first_bad.empty()) verdicts_.first_bad = what;
  keep_image(cut, mix);
}

void Replay::keep_image(std::uint64_t cut, Mix mix) const {
  const char* directory = std::getenv("HMAP_DEVICE_KEEP");
  if (directory == nullptr) return;
  std::ofstream out(std::string(directory) + "/" + plan_.name + "-" + std::to_string(cut) + "-" +
                        std::to_string(static_cast<std::uint32_t>(mix)) + ".img",
                    std::ios::binary);
  out.write(reinterpret_cast<const char*>(scratch_.memory()),
            static_cast<std::streamsize>(scratch_.size()));
}

}  // namespace hmap::test
