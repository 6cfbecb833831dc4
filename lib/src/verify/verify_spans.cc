// The span directory, the lists of classes, leaked slots, and what a shard owns.
#include <algorithm>
#include <bit>

#include "verify/verify_shard.h"

namespace hmap::checking {

using format::ExtentKind;
using format::kSpanMapWords;

Spot ShardCheck::span_spot(u64 span) const {
  const SpanPlace at = SpanPlace::of(view_.layout, span);
  Spot spot{header_offset_, static_cast<u32>(shard_), FindingUnit::kSpan, span};
  if (at.segment >= format::kDirectorySegments || runs.directory[at.segment].run.offset == 0)
    return spot;
  spot.offset = view_.place(runs.directory[at.segment], at.block) + at.inside;
  return spot;
}

bool ShardCheck::is_span_head(u64 head) const {
  const u64 size_class = span_class(head);
  return size_class < format::kClasses &&
         class_bytes(size_class) <= largest_in_span(view_.layout) && (head & 0xffff'ffff) != 0;
}

void ShardCheck::check_span(ExtentOwners& owners, u64 span, Findings& out) {
  std::array<u64, 1 + kSpanMapWords> words{};
  if (!read_span_words(view_, runs.directory, span, 0, words.size(), words.data())) {
    gaps_ = true;
    heads_[span] = 0;
    return;
  }
  const u64 head = words[0];
  heads_[span] = head;
  ++counts_.spans;
  counts_.bytes += sizeof words;
  if (head == 0) return;  // its map is meaningless
  const u64 size_class = span_class(head);
  if (!is_span_head(head)) {
    out.damage(
        FindingKind::kSpan, span_spot(span),
        say("span ", span, " has class ", size_class, " or no extent: its records are lost"));
    heads_[span] = 0;
    gaps_ = true;
    return;
  }
  const SpanShape shape = view_.layout.span_shape(size_class);
  owners.claim_span(span_extent(head), shape.extents, shard_, span, span_spot(span), out);
  u64 leaked = 0;
  for (u64 w = 0; w < kSpanMapWords; ++w) {
    const u64 slots = shape.slots > w * 64 ? std::min<u64>(shape.slots - w * 64, 64) : 0;
    const u64 real = slots == 64 ? ~u64{0} : (u64{1} << slots) - 1;
    if ((words[1 + w] & ~real) != 0) {
      out.damage(FindingKind::kSpan, span_spot(span),
                 say("span ", span, " has slots taken beyond its ", shape.slots));
      return;
    }
    if (marked_ && span < referred_.size())
      leaked += static_cast<u64>(std::popcount(words[1 + w] & ~referred_[span][w]));
  }
  if (leaked != 0 && !gaps_ && marked_) {
    out.leak(FindingKind::kLeakedSlot, span_spot(span),
             say(leaked, " slots of span ", span,
                 " are taken, but no bucket refers to them: their space is lost"),
             leaked * class_bytes(size_class));
  }
}

void ShardCheck::check_list(u64 size_class, std::vector<u8>& listed, Findings& out) {
  const format::SizeClass& spans = header_.classes[size_class];
  const Spot here{header_offset_, static_cast<u32>(shard_)};
  const auto in_class = [&](u64 id) {
    return id <= heads_.size() && heads_[id - 1] != 0 && span_class(heads_[id - 1]) == size_class;
  };
  // Bound: every span is listed once, a second time ends the walk.
  for (u64 id = spans.head; id != 0;) {
    if (!in_class(id)) {
      out.damage(FindingKind::kSpanList, here,
                 say("the list of class ", size_class, " leads to span ", id - 1,
                     ", which is not of that class"));
      return;
    }
    if (listed[id - 1] != 0) {
      out.damage(FindingKind::kSpanList, span_spot(id - 1),
                 say("span ", id - 1, " is twice in the lists of classes: a walk never ends"));
      return;
    }
    listed[id - 1] = 1;
    id = span_next(heads_[id - 1]);
  }
  if (spans.open != 0 && !in_class(spans.open)) {
    out.damage(FindingKind::kSpanList, here,
               say("the open span of class ", size_class, " is ", u64{spans.open} - 1,
                   ", which is not of that class"));
  }
}

void ShardCheck::check_lists(Findings& out) {
  std::vector<u8> listed(heads_.size());
  for (u64 c = 0; c < format::kClasses; ++c) check_list(c, listed, out);
  for (u64 span = 0; span < heads_.size(); ++span) {
    if (heads_[span] != 0 && listed[span] == 0) {
      out.damage(FindingKind::kSpanList, span_spot(span),
                 say("span ", span, " is in no list of classes: its free slots are never used"));
    }
  }
}

void ShardCheck::spans(ExtentOwners& owners, Findings& out) {
  const u64 count = std::min(header_.span_count, span_capacity(header_.directory));
  heads_.assign(count, 0);
  for (u64 span = 0; span < count; ++span) check_span(owners, span, out);
  if (gaps_) return;
  check_lists(out);
  const auto unused = static_cast<u64>(std::count(heads_.begin(), heads_.end(), 0));
  if (unused != header_.span_free) {
    out.damage(FindingKind::kCount, {header_offset_, static_cast<u32>(shard_)},
               say("span_free is ", header_.span_free, ", but ", unused, " entries are unused"));
  }
}

void ShardCheck::claim_dead(ExtentOwners& owners, Findings& out) {
  const Spot here{header_offset_, static_cast<u32>(shard_)};
  for (const u64 row : header_.dead) {
    if (row != 0) owners.claim_dead(note_first(row), row >> 32, shard_, here, out);
  }
  if (header_.dead_large_end != 0) {
    owners.excuse_large(shard_, header_.dead_large_next, header_.dead_large_end);
  }
  const u64 end = std::min(header_.dead_span_count, span_capacity(header_.dead_directory));
  for (u64 span = header_.dead_span_next; span < end; ++span) {
    u64 head = 0;
    if (!read_span_words(view_, runs.dead_directory, span, 0, 1, &head)) {
      gaps_ = true;
      continue;
    }
    if (head == 0) continue;
    if (!is_span_head(head)) {
      out.damage(FindingKind::kSpan, here,
                 say("span ", span, " of a cleared map has class ", span_class(head),
                     " or no extent: its space cannot be given back"));
      gaps_ = true;
      continue;
    }
    const u64 extents = view_.layout.span_shape(span_class(head)).extents;
    owners.claim_span(span_extent(head), extents, shard_, span, here, out);
  }
}

// The ids of runs tell theirs from those that a death left marked (F-48).
void ShardCheck::check_id(const Run& run, std::unordered_set<u64>& ids, Findings& out) const {
  u64 word = 0;
  if (!view_.extent_word(view_.layout.extent_of(run.offset), word)) return;
  const u64 id = extent_payload(word);
  if (id == 0 || id > header_.array_seq) {
    header_damage(out, say("the run at ", run.offset, " has id ", id,
                           ", but the last id given out is ", header_.array_seq));
  } else if (!ids.insert(id).second) {
    header_damage(out, say("the run at ", run.offset, " has the id of another run, ", id));
  }
}

void ShardCheck::claim_run(ExtentOwners& owners, const Run& run, ExtentKind kind, u64 payload,
                           std::unordered_set<u64>& ids, Findings& out) {
  owners.claim_run(run, kind, shard_, payload, {header_offset_, static_cast<u32>(shard_)}, out);
  check_id(run, ids, out);
}

void ShardCheck::claim(ExtentOwners& owners, Findings& out) {
  std::unordered_set<u64> ids;
  for (const format::BucketArray* array : {&header_.buckets, &header_.oldbuckets, &header_.next}) {
    if (array->id == 0 || array->b >= kMaxB) continue;
    for (u64 j = 0; j <= format::kOverflowRuns; ++j) {
      if (array->run[j].none()) continue;
      claim_run(owners, view_.layout.array_run(*array, j), ExtentKind::kBuckets,
                j == 0 ? array->id : ExtentOwners::kAnyPayload, ids, out);
    }
  }
  for (const auto* directory : {&runs.directory, &runs.dead_directory}) {
    for (const CheckedRun& segment : *directory) {
      if (segment.run.offset == 0) continue;
      claim_run(owners, segment.run, ExtentKind::kDirectory, ExtentOwners::kAnyPayload, ids, out);
    }
  }
  claim_dead(owners, out);
  for (const u64 offset : large_) {
    const u64 extent = view_.layout.extent_of(offset);
    u64 word = 0;
    if (!view_.extent_word(extent, word)) continue;
    owners.claim_large(extent, extent_payload(word), shard_,
                       {offset, static_cast<u32>(shard_), FindingUnit::kExtent, extent}, out);
  }
}

void ShardCheck::sums(Findings& out) {
  if (gaps_ || !marked_) return;
  const Spot here{header_offset_, static_cast<u32>(shard_)};
  if (entries_ != header_.count) {
    out.damage(FindingKind::kCount, here,
               say("count is ", header_.count, ", but ", entries_, " entries are there"));
  }
  if (header_.buckets.id != 0 && overflows_ != header_.noverflow) {
    out.damage(FindingKind::kCount, here,
               say("noverflow is ", header_.noverflow, ", but ", overflows_,
                   " overflow buckets are in chains"));
  }
}

}  // namespace hmap::checking
