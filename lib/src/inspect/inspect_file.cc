// The file from the top.
#include <algorithm>
#include <array>
#include <cstring>

#include "format/hash.h"
#include "inspect/inspect_view.h"
#include "life/checkpoint.h"
#include "life/open.h"
#include "records/spans.h"
#include "state/space.h"
#include "verify/verify_findings.h"

namespace hmap::inspecting {
namespace {

using checking::say;
using format::ExtentKind;

class FileTree {
 public:
  FileTree(const View& view, const SalvageSource& source, const RecoverReport& report)
      : view_(view),
        layout_(view.layout),
        map_(view.map),
        seed_(view.engine.store_seed),
        source_(source),
        report_(report) {}

  InspectNode tree(const DamageLog& log) {
    InspectNode file{"file", 0, map_.file_bytes(), say(map_.file_bytes(), " bytes"), "", false, {}};
    file.meaning = state_text();
    file.children.push_back(superblock());
    if (source_.layout_known && map_.bytes(0, layout_.heap_offset) != nullptr) {
      for (u64 i = 0; i < 2; ++i) file.children.push_back(root(i));
      file.children.push_back(runtime());
    }
    if (view_.state() != nullptr) {
      for (u64 s = 0; s < layout_.shards; ++s) file.children.push_back(shard(s));
      file.children.push_back(extents_node());
    }
    if (log.total() != 0) file.children.push_back(damage(log));
    return file;
  }

 private:
  [[nodiscard]] std::string state_text() const {
    if (view_.state() == nullptr) return "no state can be read";
    if (view_.state()->is_live()) return "shown is the live state, of this boot";
    return say("shown is the state of the last checkpoint, root ",
               view_.state()->root_index() == 0 ? "A" : "B",
               report_.certain ? "" : ", unless a newer root was destroyed");
  }

  [[nodiscard]] InspectNode structure(const Structure& what, u64 at, std::string name) const {
    return structure_node(view_, what, at, std::move(name));
  }

  [[nodiscard]] InspectNode superblock() const {
    InspectNode node = structure(kSuperblock, 0, "superblock");
    node.wrong = report_.superblock != RecoverReport::Superblock::kIntact;
    node.meaning = node.wrong ? "its checksum is WRONG" : "its checksum is right";
    return node;
  }

  [[nodiscard]] InspectNode root(u64 index) const {
    const u64 at = layout_.root_offset(index);
    InspectNode node = structure(kRoot, at, index == 0 ? "root A" : "root B");
    format::Root root{};
    std::memcpy(&root, map_.base() + at, sizeof root);
    const u64 headers = at + sizeof root;
    const bool right = root_is_intact(root, seed_);
    const bool headers_right =
        root.headers_checksum == checksum(map_.base() + headers,
                                          layout_.shards * sizeof(format::ShardHeader),
                                          seed_ ^ root.generation);
    if (root.magic == 0) {
      node.meaning = "blank: never written";
    } else {
      node.wrong = !right || !headers_right;
      node.meaning = !right           ? "its checksum is WRONG"
                     : !headers_right ? "the checksum of the shard headers behind it is WRONG"
                                      : "valid";
    }
    const bool used = view_.state() != nullptr && !view_.state()->is_live() &&
                      view_.state()->root_index() == index;
    if (used) node.meaning += "; the one that counts";
    return node;
  }

  // ---- Runtime area ---------------------------------------------------------------------------

  [[nodiscard]] InspectNode runtime() const {
    InspectNode node = structure(kRuntimeHeader, layout_.runtime_offset, "runtime area");
    node.meaning = source_.live ? "of this boot and this file"
                   : source_.this_boot
                       ? "of this boot and this file, but memory to read it is short"
                       : "of another boot or another file, or never set up, or of a "
                         "failed disk: counts for nothing";
    for (u64 i = 1; i <= layout_.slots; ++i) {
      format::Slot slot{};
      std::memcpy(&slot, map_.base() + layout_.slot_offset(i), sizeof slot);
      if (slot.pid == 0 && slot.notes[0] == 0) continue;
      node.children.push_back(structure(kSlot, layout_.slot_offset(i), say("slot ", i)));
      node.children.push_back(structure(kPins, layout_.pins_offset(i), say("Pins of slot ", i)));
    }
    for (u64 d = 0; d <= layout_.shards; ++d) node.children.push_back(domain(d));
    node.children.push_back(structure(kCut, layout_.cut_offset(), "Cut"));
    node.children.push_back(batch());
    return node;
  }

  [[nodiscard]] InspectNode domain(u64 d) const {
    const std::string name = d == layout_.shards ? "domain: space" : say("domain: shard ", d);
    InspectNode node = structure(kDomain, layout_.domain_offset(d), name);
    InspectNode intent = structure(kIntent, layout_.intent_offset(d), "Intent");
    format::Intent words{};
    std::memcpy(&words, map_.base() + layout_.intent_offset(d), sizeof words);
    if (words.state % 2 != 0) {
      intent.meaning = "published: its words count, applied or not";
      const u64 first = layout_.intent_offset(d) + sizeof words;
      const u64 count = std::min<u64>(words.words, layout_.intent_words);
      for (u64 i = 0; i < count; ++i) {
        intent.children.push_back(
            structure(kIntentWord, first + i * sizeof(format::IntentWord), say("word ", i)));
      }
    }
    node.children.push_back(std::move(intent));
    return node;
  }

  [[nodiscard]] InspectNode batch() const {
    InspectNode node = structure(kBatch, layout_.batch_offset(), "Batch");
    for (u64 s = 0; s < layout_.shards; ++s) {
      format::BatchPart part{};
      std::memcpy(&part, map_.base() + layout_.batch_part_offset(s), sizeof part);
      if (part.ops == 0) continue;
      node.children.push_back(
          structure(kBatchPart, layout_.batch_part_offset(s), say("part of shard ", s)));
    }
    return node;
  }

  // ---- Shards ---------------------------------------------------------------------------------

  [[nodiscard]] InspectNode shard(u64 s) const {
    const format::ShardHeader* header = view_.header(s);
    const bool live = view_.state()->is_live();
    const u64 at = live ? layout_.header_offset(s)
                        : layout_.root_offset(view_.state()->root_index()) + sizeof(format::Root) +
                              s * sizeof(format::ShardHeader);
    if (header == nullptr)
      return {say("shard ", s), at, sizeof *header, "", "its header is lost", true, {}};
    InspectNode node = node_of(kShardHeader, reinterpret_cast<const std::byte*>(header), at,
                               say("shard ", s), growth_text(*header));
    add_array(header->buckets, "array: buckets", node);
    add_array(header->oldbuckets, "array: oldbuckets", node);
    add_array(header->next, "array: next", node);
    node.children.push_back(spans(*header));
    return node;
  }

  static std::string growth_text(const format::ShardHeader& header) {
    std::string text = say(header.count, " entries in 2^", header.b, " buckets");
    if (header.oldbuckets.id == 0) return text;
    return text + say("; growing: ", header.nevacuate, " of ",
                      u64{1} << std::min({header.oldbuckets.b, header.b, kMaxB - 1}),
                      " old buckets evacuated",
                      header.flags == format::kHalfSizeGrow ? ", two at a time" : "");
  }

  void add_array(const format::BucketArray& array, const char* name, InspectNode& to) const {
    if (array.id == 0 || array.b >= kMaxB) return;
    InspectNode node{name, 0, 0, say("id ", array.id), "", false, {}};
    for (u64 j = 0; j <= format::kOverflowRuns; ++j) {
      if (array.run[j].none()) continue;
      const Run run = layout_.array_run(array, j);
      node.children.push_back({say("run[", j, "]"),
                               run.offset,
                               Layout::run_bytes(run),
                               say(run.blocks, " blocks"),
                               extents(layout_.extent_of(run.offset), layout_.run_extents(run)),
                               false,
                               {}});
    }
    to.children.push_back(std::move(node));
  }

  struct ClassSum {
    u64 spans = 0;
    u64 slots = 0;
    u64 taken = 0;
  };

  [[nodiscard]] InspectNode spans(const format::ShardHeader& header) const {
    std::array<ClassSum, format::kClasses> classes{};
    u64 lost = 0;
    for (u64 id = 0; id < header.span_count; ++id) {
      const View::SeenSpan span = view_.span(header, id);
      if (span.trust == Trust::kDamaged) {
        ++lost;
        // Behind a lost segment there may be very many that are lost with it.
        if (lost > layout_.spans_per_block * format::kDirectorySegments) break;
        continue;
      }
      const u64 size_class = span_class(span.entry.head);
      if ((span.entry.head & 0xffff'ffff) == 0 || size_class >= format::kClasses) continue;
      ClassSum& sum = classes[size_class];
      ++sum.spans;
      sum.slots += layout_.span_shape(size_class).slots;
      for (const u64 word : span.entry.map) sum.taken += static_cast<u64>(std::popcount(word));
    }
    InspectNode node{"spans", 0, 0, std::to_string(header.span_count), "", lost != 0, {}};
    if (lost != 0) node.meaning = say("entries that are lost: ", lost, " or more");
    for (u64 c = 0; c < classes.size(); ++c) {
      if (classes[c].spans == 0) continue;
      node.children.push_back({say("class ", c),
                               0,
                               0,
                               say(classes[c].spans, " spans"),
                               say("slots of ", class_bytes(c), " bytes: ", classes[c].taken,
                                   " of ", classes[c].slots, " taken"),
                               false,
                               {}});
    }
    return node;
  }

  // ---- Extents --------------------------------------------------------------------------------

  [[nodiscard]] InspectNode extents_node() const {
    std::array<u64, 10> kinds{};  // the last: lost
    const u64 end = std::min(view_.state()->extents_end(), extents_in_file());
    for (u64 i = 0; i < end; ++i) {
      const SalvageState::SeenWord seen = view_.state()->extent_word(i);
      const auto kind = static_cast<std::size_t>(extent_kind(seen.word));
      const bool known = seen.trust != Trust::kDamaged && kind + 1 < kinds.size();
      ++kinds[known ? kind : kinds.size() - 1];
    }
    InspectNode node{"extents",
                     layout_.heap_offset,
                     end * layout_.extent_bytes,
                     std::to_string(view_.state()->extents_end()),
                     "",
                     false,
                     {}};
    if (end < view_.state()->extents_end()) {
      node.wrong = true;
      node.meaning = say("the file ends after ", end, " of them");
    }
    for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
      if (kinds[kind] == 0) continue;
      const bool lost = kind + 1 == kinds.size();
      node.children.push_back({lost ? "lost" : kind_name(static_cast<ExtentKind>(kind)),
                               0,
                               0,
                               std::to_string(kinds[kind]),
                               say(kinds[kind] * layout_.extent_bytes, " bytes"),
                               lost,
                               {}});
    }
    return node;
  }

  [[nodiscard]] u64 extents_in_file() const {
    const u64 file = map_.file_bytes();
    return file > layout_.heap_offset ? layout_.extents_for(file - layout_.heap_offset) : 0;
  }

  static InspectNode damage(const DamageLog& log) {
    InspectNode node{"damaged", 0, 0, std::to_string(log.total()), "structures", true, {}};
    for (const RecoverReport::Damage& damage : log.list())
      node.children.push_back({damage.what, damage.offset, 1, "", "", true, {}});
    return node;
  }

  const View& view_;
  const Layout& layout_;
  const Mapping& map_;
  const u64 seed_;
  const SalvageSource& source_;
  const RecoverReport& report_;
};

}  // namespace

InspectNode file_node(const View& view, const SalvageSource& source, const RecoverReport& report,
                      const DamageLog& log) {
  return FileTree(view, source, report).tree(log);
}

}  // namespace hmap::inspecting
