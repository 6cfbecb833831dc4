// Claiming extents. format-spec/format.md, F-22 to F-26.
#include "verify/verify_extents.h"

#include <algorithm>

namespace hmap::checking {

using format::ExtentKind;

bool ExtentOwners::take(u64 first, u64 count, const Spot& spot, Findings& out) {
  const u64 end = owned_.size();
  if (count == 0 || first >= end || count > end - first) {
    out.damage(FindingKind::kExtent, spot,
               say("it claims ", count, " extents from extent ", first, " on, but only ", end,
                   " are in use"));
    return false;
  }
  for (u64 i = first; i < first + count; ++i) {
    if (owned_[i] != 0) {
      out.damage(FindingKind::kExtent, spot,
                 say("extent ", i, " has two owners: one will overwrite the other"));
      return false;
    }
  }
  std::fill_n(owned_.begin() + static_cast<std::ptrdiff_t>(first), count, kOwned);
  return true;
}

void ExtentOwners::check_words(u64 first, u64 count, u64 expected, const Spot& spot,
                               Findings& out) {
  for (u64 i = first; i < first + count; ++i) {
    u64 word = 0;
    if (!view_.extent_word(i, word)) return;
    if (word == expected) continue;
    out.damage(
        FindingKind::kExtent, spot,
        say("the extent table says kind ",
            extent_kind(word) == ExtentKind::kFree ? u64{0} : static_cast<u64>(extent_kind(word)),
            " of shard ", extent_shard(word), ", payload ", extent_payload(word), " about extent ",
            i, ", its owner kind ", expected & 0xff, " of shard ", extent_shard(expected),
            ", payload ", extent_payload(expected), ": it may be given to another"));
    return;
  }
}

void ExtentOwners::claim_run(const Run& run, ExtentKind kind, u64 shard, u64 payload,
                             const Spot& spot, Findings& out) {
  const Layout& layout = view_.layout;
  if (run.offset < layout.heap_offset ||
      (run.offset - layout.heap_offset) % layout.extent_bytes != 0) {
    out.damage(FindingKind::kRun, spot, "a run of blocks does not begin where an extent does");
    return;
  }
  const u64 first = layout.extent_of(run.offset);
  const u64 count = layout.run_extents(run);
  if (!take(first, count, spot, out)) return;
  u64 word = 0;
  if (payload == kAnyPayload) payload = view_.extent_word(first, word) ? extent_payload(word) : 0;
  check_words(first, count, make_extent_word(kind, shard, payload), spot, out);
}

void ExtentOwners::claim_span(u64 first, u64 count, u64 shard, u64 span, const Spot& spot,
                              Findings& out) {
  if (!take(first, count, spot, out)) return;
  check_words(first, count, make_extent_word(ExtentKind::kSpan, shard, span), spot, out);
}

void ExtentOwners::claim_large(u64 first, u64 count, u64 shard, const Spot& spot, Findings& out) {
  if (!take(first, count, spot, out)) return;
  u64 word = 0;
  if (!view_.extent_word(first, word)) return;
  // While a record is being published its word may still say pending.
  const u64 pending = make_extent_word(ExtentKind::kLargePending, shard, count);
  if (!view_.live || word != pending) {
    check_words(first, 1, make_extent_word(ExtentKind::kLarge, shard, count), spot, out);
  }
  for (u64 i = 1; i < count; ++i) {
    check_words(first + i, 1, make_extent_word(ExtentKind::kLargeRest, shard, i), spot, out);
  }
}

// The words are what they were before (F-23): of whatever a shard puts there.
void ExtentOwners::claim_dead(u64 first, u64 count, u64 shard, const Spot& spot, Findings& out) {
  if (!take(first, count, spot, out)) return;
  for (u64 i = first; i < first + count; ++i) {
    u64 word = 0;
    if (!view_.extent_word(i, word)) return;
    const ExtentKind kind = extent_kind(word);
    const bool possible = kind == ExtentKind::kBuckets || kind == ExtentKind::kDirectory ||
                          (kind >= ExtentKind::kSpan && kind <= ExtentKind::kLargeRest);
    if (possible && extent_shard(word) == shard) continue;
    out.damage(FindingKind::kExtent, spot,
               say("extent ", i,
                   " is to be given back, but its word is not of the shard that had "
                   "it: ",
                   word));
    return;
  }
}

void ExtentOwners::excuse(u64 first, u64 count) {
  for (u64 i = first; i < owned_.size() && i - first < count; ++i) owned_[i] = kExcused;
}

void ExtentOwners::excuse_large(u64 shard, u64 from, u64 to) {
  dead_large_.push_back({shard, from, to});
}

Spot ExtentOwners::spot_of(u64 extent, u64 word) const {
  const u64 shard = extent_shard(word);
  return {view_.layout.extent_offset(extent),
          shard < view_.layout.shards ? static_cast<u32>(shard) : Finding::kNoShard,
          FindingUnit::kExtent, extent};
}

bool ExtentOwners::is_cleared(u64 extent, u64 word) const {
  return extent_kind(word) == ExtentKind::kLarge &&
         std::any_of(dead_large_.begin(), dead_large_.end(), [&](const DeadLarge& dead) {
           return dead.shard == extent_shard(word) && extent >= dead.from && extent < dead.to;
         });
}

// What is given back with a cleared map must not be anybody's: the map goes by the words alone.
void ExtentOwners::check_owned(u64 extent, u64 word, Findings& out) const {
  if (owned_[extent] != kOwned || !is_cleared(extent, word)) return;
  out.damage(FindingKind::kExtent, spot_of(extent, word),
             say("extent ", extent,
                 " has two owners: it is also to be given back with the large records of a "
                 "cleared map, and will be given to another"));
}

u64 ExtentOwners::check_unowned_row(u64 extent, u64 word, bool all_known, Findings& out) {
  const u64 shard = extent_shard(word);
  const u64 count = extent_payload(word);
  if (count == 0 || count > owned_.size() - extent) {
    out.damage(FindingKind::kExtent, spot_of(extent, word),
               say("a large record of ", count, " extents does not end in the extents in use"));
    return 1;
  }
  const bool pending = extent_kind(word) == ExtentKind::kLargePending;
  for (u64 i = 1; i < count; ++i) {
    u64 rest = 0;
    if (!view_.extent_word(extent + i, rest)) return count;
    const bool goes_on = rest == make_extent_word(ExtentKind::kLargeRest, shard, i);
    // While it is being taken or freed, word by word, a row is torn, and a cut may find it so.
    if (pending && goes_on) owned_[extent + i] = kOwned;
    if (pending || goes_on) continue;
    if (view_.live) return 1;
    out.damage(
        FindingKind::kExtent, spot_of(extent + i, word),
        say("extent ", extent + i, " does not go on with the large record of extent ", extent));
    return 1;
  }
  if (pending) return 1;
  if (!is_cleared(extent, word) && all_known) {
    out.leak(FindingKind::kLeakedExtent, spot_of(extent, word),
             say("a large record of ", count,
                 " extents that no bucket refers to: their space is lost until the shard is "
                 "cleared"),
             count * view_.layout.extent_bytes);
  }
  return count;
}

u64 ExtentOwners::check_unowned(u64 extent, u64 word, bool all_known, Findings& out) {
  const ExtentKind kind = extent_kind(word);
  if (kind == ExtentKind::kFree) {
    if (extent_shard(word) != 0) {
      out.damage(FindingKind::kExtent, spot_of(extent, word),
                 say("extent ", extent, " is free, but has the number of a shard: ", word));
    }
    if (extent_payload(word) > view_.cut) {
      out.damage(FindingKind::kExtent, spot_of(extent, word),
                 say("extent ", extent, " was freed in epoch ", extent_payload(word),
                     ", which is after epoch ", view_.cut,
                     " of this state: it cannot be used "
                     "before"));
    }
    return 1;
  }
  if (kind > ExtentKind::kLargePending ||
      (kind != ExtentKind::kExtentTable && extent_shard(word) >= view_.layout.shards)) {
    out.damage(FindingKind::kExtent, spot_of(extent, word),
               say("extent ", extent, " has a word of no known kind or of no shard: ", word));
    return 1;
  }
  if (kind == ExtentKind::kFrames) {
    if (extent_payload(word) != 0) {
      out.damage(FindingKind::kExtent, spot_of(extent, word),
                 say("extent ", extent, " of frames has a payload: ", extent_payload(word)));
    }
    return 1;
  }
  if (kind == ExtentKind::kLarge || kind == ExtentKind::kLargePending) {
    return check_unowned_row(extent, word, all_known, out);
  }
  if (kind == ExtentKind::kLargeRest) {
    if (view_.live || !all_known) return 1;
    out.damage(FindingKind::kExtent, spot_of(extent, word),
               say("extent ", extent, " continues no large record"));
    return 1;
  }
  u64 count = 1;
  for (u64 next = 0; extent + count < owned_.size() && owned_[extent + count] == 0 &&
                     view_.extent_word(extent + count, next) && next == word;) {
    ++count;
  }
  if (all_known) {
    out.leak(FindingKind::kLeakedExtent, spot_of(extent, word),
             say(count, " extents from extent ", extent, " on are taken (kind ",
                 static_cast<u64>(kind), ") and nobody reaches them: their space is lost"),
             count * view_.layout.extent_bytes);
  }
  return count;
}

void ExtentOwners::finish(bool all_known, VerifyCounts& counts, Findings& out) {
  for (u64 extent = 0; extent < owned_.size();) {
    u64 word = 0;
    const bool known = view_.extent_word(extent, word);
    if (owned_[extent] != 0 || !known) {
      if (known) check_owned(extent, word, out);
      ++extent;
      continue;
    }
    extent += check_unowned(extent, word, all_known, out);
  }
  counts.extents += owned_.size();
}

}  // namespace hmap::checking
