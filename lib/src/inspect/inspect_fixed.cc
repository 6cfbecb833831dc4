// What lies at an offset of the fixed part of a file: superblock, roots, runtime area.
#include <algorithm>

#include "inspect/inspect_view.h"
#include "verify/verify_findings.h"

namespace hmap::inspecting {

using checking::say;

InspectNode unused_node(const View& view, u64 begin, u64 end, std::string name,
                        std::string meaning) {
  end = std::min(end, view.map.file_bytes());
  return {std::move(name), begin, end - begin, "", std::move(meaning), false, {}};
}

InspectNode structure_node(const View& view, const Structure& what, u64 at, std::string name,
                           std::string meaning) {
  const std::byte* bytes = view.map.bytes(at, what.bytes);
  if (bytes != nullptr) return node_of(what, bytes, at, std::move(name), std::move(meaning));
  InspectNode cut =
      unused_node(view, at, at + what.bytes, std::move(name), "cut off by the end of the file");
  cut.wrong = true;
  return cut;
}

namespace {

class FixedAt {
 public:
  FixedAt(const View& view, u64 offset)
      : view_(view), layout_(view.layout), map_(view.map), offset_(offset) {}

  InspectNode node() const {
    if (offset_ < format::kPageBytes) return superblock();
    return offset_ < layout_.runtime_offset ? root() : runtime();
  }

 private:
  InspectNode unused(u64 begin, u64 end, std::string name, std::string meaning = "unused") const {
    return unused_node(view_, begin, end, std::move(name), std::move(meaning));
  }
  InspectNode structure(const Structure& what, u64 at, std::string name,
                        std::string meaning = {}) const {
    return structure_node(view_, what, at, std::move(name), std::move(meaning));
  }

  InspectNode superblock() const {
    if (offset_ >= sizeof(format::Superblock))
      return unused(sizeof(format::Superblock), format::kPageBytes, "behind the superblock");
    return structure(kSuperblock, 0, "superblock");
  }

  InspectNode root() const {
    const u64 index = offset_ < layout_.root_offset(1) ? 0 : 1;
    const u64 begin = layout_.root_offset(index);
    const std::string root = index == 0 ? "root A" : "root B";
    if (offset_ < begin + sizeof(format::Root)) return structure(kRoot, begin, root);
    const u64 behind = begin + sizeof(format::Root);
    const u64 shard = (offset_ - behind) / sizeof(format::ShardHeader);
    const u64 spare = layout_.spare_offset(index);
    if (offset_ >= spare) return structure(kSuperblock, spare, "spare superblock behind " + root);
    if (shard >= layout_.shards)
      return unused(behind + layout_.shards * sizeof(format::ShardHeader), spare, "behind " + root);
    return structure(kShardHeader, behind + shard * sizeof(format::ShardHeader),
                     say(root.c_str(), ", header of shard ", shard));
  }

  InspectNode runtime() const {
    if (offset_ < layout_.slot_offset(1))
      return structure(kRuntimeHeader, layout_.runtime_offset, "runtime area, header");
    if (offset_ < layout_.domain_offset(0)) {
      const u64 slot = 1 + (offset_ - layout_.slot_offset(1)) / sizeof(format::Slot);
      return structure(kSlot, layout_.slot_offset(slot), say("runtime area, slot ", slot));
    }
    if (offset_ < layout_.cut_offset()) return domain();
    if (offset_ < layout_.cut_header_offset(0))
      return structure(kCut, layout_.cut_offset(), "runtime area, Cut");
    const u64 shard = (offset_ - layout_.cut_header_offset(0)) / sizeof(format::ShardHeader);
    if (shard < layout_.shards)
      return structure(kShardHeader, layout_.cut_header_offset(shard),
                       say("runtime area, Cut, header of shard ", shard));
    return batch();
  }

  InspectNode batch() const {
    if (offset_ < layout_.batch_part_offset(0))
      return structure(kBatch, layout_.batch_offset(), "runtime area, Batch");
    const u64 part = (offset_ - layout_.batch_part_offset(0)) / sizeof(format::BatchPart);
    if (part < layout_.shards)
      return structure(kBatchPart, layout_.batch_part_offset(part),
                       say("runtime area, BatchPart of shard ", part));
    const u64 op = (offset_ - layout_.batch_op_offset(0)) / sizeof(u64);
    if (op >= layout_.batch_ops) return pins();
    const u64 at = layout_.batch_op_offset(op);
    const std::string name = say("runtime area, operation ", op, " of a batch");
    const u64* bits = map_.at(Offset<u64>{at});
    if (bits == nullptr)
      return unused(at, at + sizeof(u64), name, "cut off by the end of the file");
    return {name,
            at,
            sizeof(u64),
            hex(*bits),
            say((*bits & format::kBatchEraseBit) != 0 ? "erases the key of " : "puts ",
                "the record at ", hex(format::batch_op_record(*bits)).c_str()),
            false,
            {}};
  }

  InspectNode pins() const {
    const u64 first = layout_.pins_offset(1);
    if (offset_ < first)
      return unused(layout_.batch_op_offset(layout_.batch_ops), first,
                    "runtime area, behind the operations");
    const u64 slot = 1 + (offset_ - first) / sizeof(format::Pins);
    if (slot > layout_.slots)
      return unused(layout_.pins_offset(layout_.slots + 1), layout_.extent_table_offset,
                    "behind the runtime area");
    return structure(kPins, layout_.pins_offset(slot), say("runtime area, Pins of slot ", slot));
  }

  InspectNode domain() const {
    const u64 d = (offset_ - layout_.domain_offset(0)) / layout_.domain_bytes;
    const std::string name =
        d == layout_.shards ? "runtime area, space" : say("runtime area, shard ", d);
    const u64 intent = layout_.intent_offset(d);
    const u64 words = intent + sizeof(format::Intent);
    const u64 header = words + layout_.intent_words * sizeof(format::IntentWord);
    if (offset_ < intent) return structure(kDomain, layout_.domain_offset(d), name + ", Domain");
    if (offset_ < words) return structure(kIntent, intent, name + ", Intent");
    if (offset_ < header) {
      const u64 i = (offset_ - words) / sizeof(format::IntentWord);
      return structure(kIntentWord, words + i * sizeof(format::IntentWord),
                       say(name.c_str(), ", IntentWord ", i));
    }
    if (offset_ < header + sizeof(format::ShardHeader))
      return structure(kShardHeader, header, name + ", ShardHeader",
                       d == layout_.shards ? "unused" : "live");
    return unused(header + sizeof(format::ShardHeader), layout_.domain_offset(d + 1), name);
  }

  const View& view_;
  const Layout& layout_;
  const Mapping& map_;
  u64 offset_;
};

}  // namespace

InspectNode fixed_node_at(const View& view, u64 offset) { return FixedAt(view, offset).node(); }

}  // namespace hmap::inspecting
