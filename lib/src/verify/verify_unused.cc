// Remembered unused slots. format-spec/format.md, "Domain" and F-47.
#include "verify/verify_unused.h"

#include <bit>

#include "records/spans.h"

namespace hmap::checking {
namespace {

using format::kSpanMapWords;

// What the allocator goes by. It is stored word by word and outside of intents.
struct Remembered {
  u64 free = 0;
  u64 word = 0;
  bool fresh_behind = false;
  u64 open = 0;  // span id + 1
  friend bool operator==(const Remembered&, const Remembered&) = default;
};

class UnusedSlots {
 public:
  UnusedSlots(const Engine& engine, const LiveView& view, u64 shard, u64 size_class,
              const ShardRuns& runs)
      : engine_(engine), view_(view), runs_(runs), shard_(shard), class_(size_class) {}

  void check(Findings& out) const {
    const Remembered seen = remembered();
    // Without an open span nobody looks at the slots: the next one begins with none.
    if ((seen.free == 0 && !seen.fresh_behind) || seen.open == 0) return;
    const Engine::Needed cuts = engine_.needed_cuts();
    const std::string wrong = compare(seen, cuts);
    if (wrong.empty()) return;
    // Another open span, or other slots of it, while we looked; or the place of a cut's map was
    // used again, because the cut is not needed any more.
    const Engine::Needed after = engine_.needed_cuts();
    if (remembered() != seen || after != cuts) return;
    out.damage(FindingKind::kOfferedSlot,
               {engine_.map->offset_of(&engine_.domain(shard_).class_free[class_]),
                static_cast<u32>(shard_), FindingUnit::kSpan, seen.open - 1},
               wrong);
  }

 private:
  [[nodiscard]] Remembered remembered() const {
    const format::Domain& domain = engine_.domain(shard_);
    Remembered seen;
    seen.free = seam::load(domain.class_free[class_]);
    const u64 hint = seam::load(domain.class_hint[class_]);
    seen.word = hint & kHintWord;
    seen.fresh_behind = (hint & kFreshBehind) != 0;
    u64 both = 0;
    view_.peek(engine_.map->offset_of(&engine_.header(shard_).classes[class_]), &both, sizeof both);
    seen.open = both >> 32;
    return seen;
  }

  // What is wrong with the slots; empty: nothing, or it is said elsewhere.
  [[nodiscard]] std::string compare(const Remembered& seen, const Engine::Needed& cuts) const {
    const u64 span = seen.open - 1;
    const u64 slots = view_.layout.span_shape(class_).slots;
    if (seen.word >= kSpanMapWords || (seen.free & ~real_slots(slots, seen.word)) != 0) {
      return say("slots from ", seen.word, " * 64 on of span ", span,
                 " are remembered as unused, but it has ", slots, ": no entry of size class ",
                 class_, " can be put");
    }
    u64 head = 0;
    u64 live = 0;
    if (!read_span_words(view_, runs_.directory, span, 0, 1, &head) ||
        !read_span_words(view_, runs_.directory, span, 1 + seen.word, 1, &live) || head == 0 ||
        span_class(head) != class_) {
      return {};  // the lists of classes tell
    }
    if (const u64 both = seen.free & live; both != 0) return twice(both, seen, "are taken");
    for (u64 w = seen.word + 1; seen.fresh_behind && w < kSpanMapWords; ++w) {
      u64 taken = 0;
      if (!read_span_words(view_, runs_.directory, span, 1 + w, 1, &taken)) return {};
      if (taken != 0) return twice(taken, {0, w, true, seen.open}, "are taken");
    }
    for (u64 i = 0; i < cuts.count; ++i) {
      const u64 cut = cuts.all[i];
      if (const u64 both = seen.free & bits_at(cut, span, head, seen.word); both != 0)
        return twice(both, seen, "a root or a snapshot refers to");
    }
    return {};
  }

  [[nodiscard]] static u64 real_slots(u64 slots, u64 word) {
    const u64 before = word * 64;
    if (slots <= before) return 0;
    return slots - before >= 64 ? ~u64{0} : (u64{1} << (slots - before)) - 1;
  }

  [[nodiscard]] static std::string twice(u64 both, const Remembered& seen, const char* why) {
    return say("slots offered twice: ", static_cast<u64>(std::popcount(both)), " slots of span ",
               seen.open - 1, " ", why, ", the first of them slot ",
               seen.word * 64 + static_cast<u64>(std::countr_zero(both)),
               ", but are remembered as unused: a record will be overwritten");
  }

  // A word of the span's map as a cut sees it, unless the live one serves the cut too.
  [[nodiscard]] u64 bits_at(u64 cut, u64 span, u64 live_head, u64 word) const {
    const SpanPlace at = SpanPlace::of(view_.layout, span);
    const Result<Block> block = block_of(engine_, runs_.directory[at.segment].run, at.block);
    if (cut == 0 || !block || seam::load(block->state->live_born) <= cut) return 0;
    const Result<u64> place = place_at(engine_, *block, cut);
    if (!place || *place == 0) return 0;
    const auto* entry = engine_.map->at(Offset<format::SpanEntry>{*place + at.inside});
    if (entry == nullptr) return 0;
    // A directory entry used anew is another span: the old bits mean other slots.
    constexpr u64 kSame = 0xff'ffff'ffff;
    if (((seam::load(entry->head) ^ live_head) & kSame) != 0) return 0;
    return seam::load(entry->map[word]);
  }

  const Engine& engine_;
  const LiveView& view_;
  const ShardRuns& runs_;
  const u64 shard_;
  const u64 class_;
};

}  // namespace

void check_unused_slots(const Engine& engine, const LiveView& view, u64 shard, u64 size_class,
                        const ShardRuns& runs, Findings& out) {
  UnusedSlots(engine, view, shard, size_class, runs).check(out);
}

}  // namespace hmap::checking
