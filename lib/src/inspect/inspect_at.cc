// What lies at an offset of the extent table or the heap: the smallest thing that it is part of.
#include <algorithm>

#include "inspect/inspect_view.h"
#include "map/bmap.h"
#include "records/spans.h"
#include "state/space.h"
#include "verify/verify_findings.h"

namespace hmap::inspecting {
namespace {

using checking::say;
using format::ExtentKind;

class At {
 public:
  At(const View& view, u64 offset)
      : view_(view), layout_(view.layout), map_(view.map), offset_(offset) {}

  InspectNode node() const {
    if (offset_ < layout_.extent_table_offset) return fixed_node_at(view_, offset_);
    if (offset_ >= layout_.heap_offset) return in_heap();
    if (const std::optional<OwnedRun> run = view_.run_at(offset_)) return in_run(*run);
    if (offset_ >= layout_.extent_table_end()) return in_dictionary();
    return unused(layout_.extent_table_offset, layout_.extent_table_end(), "extent_table[0]",
                  "no state can be read");
  }

 private:
  InspectNode in_dictionary() const {
    const u64 begin = layout_.dictionary_offset + sizeof(format::Dictionary);
    const u64 end = begin + layout_.dictionary_bytes;
    if (offset_ < begin) {
      InspectNode node = structure(kDictionary, layout_.dictionary_offset, "dictionary");
      node.wrong = !read_dictionary(map_, layout_.dictionary_offset, view_.engine.store_seed);
      return node;
    }
    if (offset_ >= end) return unused(end, layout_.heap_offset, "behind the dictionary");
    return {"bytes of the dictionary", begin, end - begin, "", "", false, {}};
  }

  InspectNode unused(u64 begin, u64 end, std::string name, std::string meaning = "unused") const {
    return unused_node(view_, begin, end, std::move(name), std::move(meaning));
  }
  InspectNode structure(const Structure& what, u64 at, std::string name,
                        std::string meaning = {}) const {
    return structure_node(view_, what, at, std::move(name), std::move(meaning));
  }
  static InspectNode word(u64 at, std::string name, std::string value, std::string meaning) {
    return {std::move(name), at, sizeof(u64), std::move(value), std::move(meaning), false, {}};
  }

  // ---- Runs -----------------------------------------------------------------------------------

  InspectNode in_run(const OwnedRun& owned) const {
    const Run& run = owned.run;
    const u64 inside = offset_ - run.offset;
    const u64 block = layout_.block_bytes;
    const u64 homes = run.blocks * run.copies * block;
    if (inside < homes) {
      const u64 i = inside / block % run.blocks;
      const u64 copy = inside / block / run.blocks;
      const std::string place = copy == 0 ? "home" : say("spare copy ", copy);
      return in_block(owned, i, run.offset + inside / block * block,
                      say(owned.name.c_str(), ", block ", i, ", ", place.c_str()));
    }
    const u64 pages = layout_.table_pages(run.blocks);
    if (inside < run.states) return in_table(owned, (inside - homes) / (pages * block));
    return in_states(owned, inside);
  }

  // A bucket, a span entry or an extent word in a place where a version of a block may lie.
  InspectNode in_block(const OwnedRun& owned, u64 block, u64 place, std::string name) const {
    const u64 current = view_.place_of(owned.run, block);
    const std::string meaning =
        current == place ? "of this state"
        : current == 0
            ? "the block was never written, or cannot be read"
            : say("an old version or none: the block of this state is at ", hex(current).c_str());
    const u64 inside = offset_ - place;
    if (owned.use == OwnedRun::Use::kBuckets) {
      const u64 in_block = inside / layout_.bucket.bytes;
      const u64 n = block * layout_.bucket.per_block + in_block;
      const u64 at = place + in_block * layout_.bucket.bytes;
      return bucket(owned, at, n, std::move(name), meaning);
    }
    if (owned.use == OwnedRun::Use::kDirectory) {
      const u64 i = inside / sizeof(format::SpanEntry);
      return structure(kSpanEntry, place + i * sizeof(format::SpanEntry),
                       say(name.c_str(), ", span entry ", i), meaning);
    }
    const u64 i = inside / sizeof(u64);
    const u64 first = owned.number == 0 ? 0 : u64{1} << (owned.number - 1);
    const u64 at = place + i * sizeof(u64);
    const u64* extent = map_.at(Offset<u64>{at});
    return word(
        at, say(name.c_str(), ", word ", i), extent == nullptr ? "" : hex(*extent),
        say("extent ", (first + block) * layout_.words_per_block + i, ": ",
            extent == nullptr ? "" : extent_text(layout_, *extent).c_str(), "; ", meaning.c_str()));
  }

  InspectNode bucket(const OwnedRun& owned, u64 at, u64 in_its_run, std::string name,
                     const std::string& meaning) const {
    SeenBucket seen;
    const u64 length = layout_.bucket.bytes;
    const std::byte* bytes = map_.bytes(at, length);
    if (bytes == nullptr) return unused(at, at + length, std::move(name));
    seam::copy_out(&seen.bucket, bytes, length);
    seen.offset = at;
    seen.trust = Trust::kSuspect;
    u64 number = in_its_run;
    const ArrayShape& shape = layout_.shape(owned.array->b);
    if (owned.number > 0) {
      number += shape.buckets + shape.overflow_buckets * ((u64{1} << (owned.number - 1)) - 1);
    }
    const bool main = number < u64{1} << owned.array->b;
    name += say(main ? ", main bucket " : ", overflow bucket ", number);
    InspectNode node = bucket_node(view_, seen, number, std::move(name));
    node.meaning = meaning;
    // What an old version refers to may be gone; that is no damage.
    if (meaning != "of this state") forgive(node);
    return node;
  }

  static void forgive(InspectNode& node) {
    node.wrong = false;
    for (InspectNode& child : node.children) forgive(child);
  }

  InspectNode in_table(const OwnedRun& owned, u64 table) const {
    const Run& run = owned.run;
    const u64 begin = layout_.table_offset(run, table);
    const u64 page = (offset_ - begin) / layout_.block_bytes;
    const u64 page_at = begin + page * layout_.block_bytes;
    const std::string name =
        say(owned.name.c_str(), table == 0 ? ", table A, page " : ", table B, page ", page);
    if (offset_ < page_at + sizeof(format::TablePage)) return structure(kTablePage, page_at, name);
    const u64 i = (offset_ - page_at - sizeof(format::TablePage)) / sizeof(format::TableEntry);
    const u64 block = page * layout_.entries_per_page + i;
    const u64 at = page_at + sizeof(format::TablePage) + i * sizeof(format::TableEntry);
    const u64 entries =
        std::min(layout_.entries_per_page, run.blocks - page * layout_.entries_per_page);
    if (i >= entries) {
      const u64 behind = page_at + sizeof(format::TablePage) + entries * sizeof(format::TableEntry);
      return unused(behind, page_at + layout_.block_bytes, name, "behind the last entry");
    }
    InspectNode node = structure(kTableEntry, at, say(name.c_str(), ", entry of block ", block));
    const auto* entry = map_.at(Offset<format::TableEntry>{at});
    if (entry == nullptr) return node;
    const u64 place = u64{entry->place} * layout_.block_bytes;
    node.meaning = place == 0                                          ? "never written"
                   : place == run.offset + block * layout_.block_bytes ? "at home"
                                                                       : "at " + hex(place);
    return node;
  }

  InspectNode in_states(const OwnedRun& owned, u64 inside) const {
    const Run& run = owned.run;
    const u64 spares = run.states + run.blocks * sizeof(format::BlockState);
    if (inside < spares) {
      const u64 i = (inside - run.states) / sizeof(format::BlockState);
      return structure(kBlockState, run.offset + run.states + i * sizeof(format::BlockState),
                       say(owned.name.c_str(), ", BlockState of block ", i));
    }
    if (inside < run.places) {
      const u64 i = (inside - spares) / sizeof(format::PlaceState);
      return structure(kPlaceState, run.offset + spares + i * sizeof(format::PlaceState),
                       say(owned.name.c_str(), ", PlaceState of spare copy ", 1 + i / run.blocks,
                           " of block ", i % run.blocks));
    }
    const u64 i = (inside - run.places) / sizeof(u64);
    const u64 at = run.offset + run.places + i * sizeof(u64);
    if (i >= run.blocks)
      return unused(run.offset + run.places + run.blocks * sizeof(u64), end_of_run(owned),
                    owned.name + ", behind the run");
    const u64* place = map_.at(Offset<u64>{at});
    if (place == nullptr) return unused(at, at + sizeof(u64), owned.name);
    return word(at, say(owned.name.c_str(), ", place word of block ", i), hex(*place),
                *place == 0
                    ? "never written"
                    : say("the live version is at ", hex(format::place_in_word(*place)).c_str(),
                          ", born in epoch ", *place >> format::kPlaceBits, " (low 16 bits)"));
  }

  [[nodiscard]] u64 end_of_run(const OwnedRun& owned) const {
    if (owned.use == OwnedRun::Use::kExtentTable && owned.number == 0)
      return layout_.extent_table_end();
    return owned.run.offset + layout_.run_extents(owned.run) * layout_.extent_bytes;
  }

  // ---- Extents --------------------------------------------------------------------------------

  InspectNode in_heap() const {
    const u64 extent = layout_.extent_of(offset_);
    const u64 begin = layout_.extent_offset(extent);
    const std::string name = say("extent ", extent);
    if (view_.state() == nullptr)
      return unused(begin, begin + layout_.extent_bytes, name, "no state can be read");
    if (extent >= view_.state()->extents_end())
      return unused(begin, begin + layout_.extent_bytes, name, "behind the extents of this state");
    const SalvageState::SeenWord seen = view_.state()->extent_word(extent);
    if (seen.trust == Trust::kDamaged) {
      InspectNode lost =
          unused(begin, begin + layout_.extent_bytes, name, "its word in the extent table is lost");
      lost.wrong = true;
      return lost;
    }
    return in_extent(extent, seen.word, name);
  }

  InspectNode in_extent(u64 extent, u64 word, const std::string& name) const {
    const u64 begin = layout_.extent_offset(extent);
    const std::string text = extent_text(layout_, word);
    switch (extent_kind(word)) {
      case ExtentKind::kBuckets:
      case ExtentKind::kDirectory:
      case ExtentKind::kExtentTable:
        if (const std::optional<OwnedRun> run = view_.run_at(offset_)) return in_run(*run);
        return unused(begin, begin + layout_.extent_bytes, name,
                      text + "; no header names the run: it is being given back");
      case ExtentKind::kFrames:
        return in_frames(begin, name + ", " + text);
      case ExtentKind::kSpan:
        return in_span(extent, word, name + ", " + text);
      case ExtentKind::kLarge:
      case ExtentKind::kLargePending:
        return large(extent, name + ", " + text);
      case ExtentKind::kLargeRest:
        return large(extent - std::min(extent, extent_payload(word)), name + ", " + text);
      default:
        return unused(begin, begin + layout_.extent_bytes, name, text);
    }
  }

  InspectNode in_frames(u64 begin, const std::string& name) const {
    const u64 inside = offset_ - begin;
    if (inside < sizeof(format::FrameHeader))
      return structure(kFrameHeader, begin, name + ", FrameHeader");
    const u64 states = begin + sizeof(format::FrameHeader);
    if (inside < layout_.block_bytes) {
      const u64 i = (offset_ - states) / sizeof(format::PlaceState);
      const u64 at = states + i * sizeof(format::PlaceState);
      const u64 frames = layout_.frames_per_extent;
      if (i >= frames)
        return unused(states + frames * sizeof(format::PlaceState), begin + layout_.block_bytes,
                      name);
      return structure(kPlaceState, at, say(name.c_str(), ", PlaceState of frame ", i));
    }
    const u64 i = inside / layout_.block_bytes - 1;
    const u64 place = begin + (i + 1) * layout_.block_bytes;
    const auto* state =
        map_.at(Offset<format::PlaceState>{states + i * sizeof(format::PlaceState)});
    const std::string frame = say(name.c_str(), ", frame ", i);
    const u64 home = state == nullptr ? 0 : format::place_in_word(state->block);
    const std::optional<OwnedRun> run = home == 0 ? std::nullopt : view_.run_at(home);
    if (!run || (home - run->run.offset) / layout_.block_bytes >= run->run.blocks)
      return unused(place, place + layout_.block_bytes, frame, "no block of this state");
    const u64 block = (home - run->run.offset) / layout_.block_bytes;
    return in_block(*run, block, place,
                    say(frame.c_str(), ", version of ", run->name.c_str(), ", block ", block));
  }

  InspectNode in_span(u64 extent, u64 word, const std::string& name) const {
    const format::ShardHeader* header = view_.header(extent_shard(word));
    const u64 id = extent_payload(word);
    const u64 extent_end = layout_.extent_offset(extent + 1);
    if (header == nullptr)
      return unused(layout_.extent_offset(extent), extent_end, name, "its shard is lost");
    const View::SeenSpan span = view_.span(*header, id);
    const bool known = span.trust != Trust::kDamaged && (span.entry.head & 0xffff'ffff) != 0;
    const u64 first = known ? span_extent(span.entry.head) : extent;
    const u64 size_class = known ? span_class(span.entry.head) : format::kClasses;
    const SpanShape& shape = layout_.span_shape(size_class);
    if (!known || shape.slots == 0 || extent < first || extent - first >= shape.extents)
      return unused(layout_.extent_offset(extent), extent_end, name, "its entry is lost");
    const u64 begin = layout_.extent_offset(first);
    const u64 bytes = class_bytes(size_class);
    const u64 slot = (offset_ - begin) / bytes;
    const u64 end = begin + shape.extents * layout_.extent_bytes;
    if (slot >= shape.slots)
      return unused(begin + shape.slots * bytes, end, name, "behind the last slot");
    const u64 at = begin + slot * bytes;
    const std::string slot_name = say(name.c_str(), ", slot ", slot, " of ", shape.slots);
    if ((span.entry.map[slot / 64] >> slot % 64 & 1) == 0) {
      InspectNode free = unused(at, at + bytes, slot_name, "free");
      if (intact_record(map_, view_.engine.store_seed, at)) {
        free.meaning = "free; holds a record that was erased or replaced";
        free.children.push_back(record_node(view_, at));
      }
      return free;
    }
    InspectNode taken{slot_name, at, bytes, "", "taken", false, {record_node(view_, at)}};
    taken.wrong = taken.children[0].wrong;
    return taken;
  }

  InspectNode large(u64 first, const std::string& name) const {
    const u64 begin = layout_.extent_offset(first);
    InspectNode record = record_node(view_, begin);
    const u64 end =
        begin + layout_.extents_for(std::max<u64>(record.bytes, 1)) * layout_.extent_bytes;
    if (record.bytes != 0 && offset_ >= begin + record.bytes && offset_ < end)
      return unused(begin + record.bytes, end, name, "behind the record");
    record.name = name;
    if (record.bytes == 0 || offset_ >= end) {
      const u64 at = layout_.extent_offset(layout_.extent_of(offset_));
      record.offset = at;
      record.bytes = std::min(layout_.extent_bytes, map_.file_bytes() - at);
    }
    return record;
  }

  const View& view_;
  const Layout& layout_;
  const Mapping& map_;
  u64 offset_;
};

}  // namespace

InspectNode node_at(const View& view, u64 offset) { return At(view, offset).node(); }

}  // namespace hmap::inspecting
