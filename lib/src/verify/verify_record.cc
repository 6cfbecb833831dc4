// Records, and whether they lie where the spans say. format-spec/format.md, "Record" and "Space".
#include <string>

#include "format/record_sum.h"
#include "records/records.h"
#include "system/seam.h"
#include "verify/verify_shard.h"

namespace hmap::checking {

using format::ExtentKind;
using format::RecordHeader;

// A row of extents can be one large record's only, and so can what lies in a slot: without the
// rules below a file could be made in which many records lie in each other, or many slots refer to
// one, and who reads each of them once for each slot never comes to the end.

namespace {

std::string two_slots(u64 offset) {
  return say("two slots refer to the record at ", offset, ": erasing one destroys the other");
}

}  // namespace

bool ShardCheck::check_record(u64 offset, const Spot& spot, std::string_view& key) {
  u64 word = 0;
  if (!check_reference(offset, spot, word)) return false;
  const bool large = extent_kind(word) != ExtentKind::kSpan;
  const std::byte* at = view_.map.base() + offset;
  RecordHeader header;
  seam::copy_out(&header, at, sizeof header);
  const u64 bytes = sizeof header + header.key_bytes + header.value_bytes;
  if (!check_lengths(offset, word, bytes, spot)) return false;
  RecordPlace place{kLarge, extent_payload(word)};
  const bool long_in_span = !large && bytes >= kLongRecordBytes;
  if (long_in_span &&
      (seen_before(offset, spot) || !check_slot(offset, extent_payload(word), bytes, spot, place)))
    return false;
  const Spot here{offset, spot.shard, spot.unit, spot.number};
  if (header.checksum != record_checksum(view_.layout.record_sums, at + sizeof header.checksum,
                                         bytes - sizeof header.checksum, view_.seed ^ offset)) {
    piece_.near.damage(
        FindingKind::kRecord, here,
        say("a record of ", bytes, " bytes has a wrong checksum: reading its key fails"));
    piece_.gaps = true;
    return false;
  }
  piece_.bytes += bytes;
  check_content(header, at, here);
  if (!large && !long_in_span && !check_slot(offset, extent_payload(word), bytes, spot, place))
    return false;
  piece_.large += large ? 1 : 0;
  piece_.references.push_back({offset, place.span, place.slot, spot});
  key = {reinterpret_cast<const char*>(at) + sizeof header, header.key_bytes};
  return true;
}

// Whether a slot refers to a place where a record of the shard can be. `word`: its extent's.
bool ShardCheck::check_reference(u64 offset, const Spot& spot, u64& word) {
  const Layout& layout = view_.layout;
  const auto lost = [&](const char* what) {
    piece_.near.damage(FindingKind::kReference, spot,
                       say("a slot refers to ", offset, ", ", what, ": its entry is lost"));
    piece_.gaps = true;
    return false;
  };
  if (offset < layout.heap_offset || offset >= layout.extent_offset(view_.extents_end) ||
      view_.map.bytes(offset, sizeof(RecordHeader)) == nullptr)
    return lost("which is outside of the extents");
  const u64 extent = layout.extent_of(offset);
  if (!view_.extent_word(extent, word)) {
    piece_.gaps = true;
    return false;
  }
  const bool pending = view_.live && extent_kind(word) == ExtentKind::kLargePending;
  const bool large = pending || extent_kind(word) == ExtentKind::kLarge;
  if ((!large && extent_kind(word) != ExtentKind::kSpan) || extent_shard(word) != shard_)
    return lost("whose extent holds no records of this shard");
  if (!large) return true;
  if (seen_before(offset, spot)) return false;
  return has_row(extent, word) || lost("a large record whose other extents are not its own");
}

// Whether the extents behind the first one of a large record are its own.
bool ShardCheck::has_row(u64 extent, u64 word) const {
  for (u64 i = 1; i < extent_payload(word); ++i) {
    u64 rest = 0;
    if (extent + i >= view_.extents_end || !view_.extent_word(extent + i, rest) ||
        rest != make_extent_word(ExtentKind::kLargeRest, shard_, i))
      return false;
  }
  return true;
}

// Of a long record: whether another slot has referred to it. Then it is not read again.
bool ShardCheck::seen_before(u64 offset, const Spot& spot) {
  if (long_seen_.insert(offset).second) return false;
  piece_.near.damage(FindingKind::kDuplicate, spot, two_slots(offset));
  return true;
}

// What a record with a right checksum holds: a value that can be decompressed, of the store's type.
void ShardCheck::check_content(const RecordHeader& header, const std::byte* at, const Spot& here) {
  const Lengths& lengths = view_.layout.lengths;
  u64 value_bytes = header.value_bytes;
  bool decoded = header.flags == 0;
  if (!decoded && view_.codec != nullptr) {
    std::string value(reinterpret_cast<const char*>(at) + sizeof header + header.key_bytes,
                      header.value_bytes);
    decoded = view_.codec->decode(header.flags, value);
    value_bytes = value.size();
    if (!decoded) {
      piece_.near.damage(FindingKind::kRecord, here,
                         say("a record's value (flags ", u64{header.flags},
                             ") cannot be decompressed: reading its key fails"));
    }
  }
  if (!lengths.key_fits(header.key_bytes) || (decoded && !lengths.value_fits(value_bytes))) {
    piece_.near.damage(FindingKind::kRecord, here,
                       say("a record with a key of ", u64{header.key_bytes}, " and a value of ",
                           value_bytes, " bytes, which the store's type does not have"));
  }
}

// The lengths are not to be trusted before the checksum, which needs them.
bool ShardCheck::check_lengths(u64 offset, u64 word, u64 bytes, const Spot& spot) {
  const Layout& layout = view_.layout;
  const bool large = extent_kind(word) != ExtentKind::kSpan;
  const u64 heap_end = layout.extent_offset(view_.extents_end);
  const bool fits = bytes <= heap_end - offset && view_.map.bytes(offset, bytes) != nullptr;
  const bool proper = large ? (offset - layout.heap_offset) % layout.extent_bytes == 0 &&
                                  bytes > largest_in_span(layout) &&
                                  layout.extents_for(bytes) == extent_payload(word)
                            : bytes <= largest_in_span(layout);
  if (fits && proper) return true;
  piece_.near.damage(FindingKind::kRecord, {offset, spot.shard, spot.unit, spot.number},
                     say("a record says that it has ", bytes,
                         " bytes, which its place cannot hold: its entry is lost"));
  piece_.gaps = true;
  return false;
}

bool ShardCheck::check_slot(u64 offset, u64 span, u64 bytes, const Spot& spot, RecordPlace& place) {
  const auto wrong = [&](const char* what) {
    piece_.near.damage(FindingKind::kReference, spot,
                       say("the record at ", offset, " ", what, " (span ", span,
                           "): its place may be given to another"));
    piece_.gaps = true;
    return false;
  };
  if (span >= header_.span_count) return wrong("lies in a span that does not exist");
  u64 head = 0;
  if (!read_span_words(view_, runs.directory, span, 0, 1, &head)) {
    piece_.gaps = true;
    return false;
  }
  const u64 size_class = span_class(head);
  if (head == 0 || size_class != class_for(bytes))
    return wrong("lies in a span of another size class");
  const SpanShape shape = view_.layout.span_shape(size_class);
  const u64 start = view_.layout.extent_offset(span_extent(head));
  const u64 slot = (offset - start) / class_bytes(size_class);
  if (offset < start || (offset - start) % class_bytes(size_class) != 0 || slot >= shape.slots)
    return wrong("lies at no slot of its span");
  u64 map = 0;
  if (!read_span_words(view_, runs.directory, span, 1 + slot / 64, 1, &map)) {
    piece_.gaps = true;
    return false;
  }
  if ((map >> (slot % 64) & 1) == 0) return wrong("lies in a slot that the span calls free");
  place = {span, slot};
  return true;
}

void ShardCheck::commit_reference(const Reference& reference, Findings& far) {
  bool twice = false;
  if (reference.span == kLarge) {
    twice = !large_.insert(reference.offset).second;
  } else if (reference.span < referred_.size()) {
    u64& word = referred_[reference.span][reference.slot / 64];
    const u64 bit = u64{1} << (reference.slot % 64);
    twice = (word & bit) != 0;
    word |= bit;
  }
  if (twice) {
    far.damage(FindingKind::kDuplicate, reference.spot, two_slots(reference.offset));
  }
}

}  // namespace hmap::checking
