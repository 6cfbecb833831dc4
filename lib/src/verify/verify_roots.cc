// Reading both roots, and what the one that does not count says.
#include "verify/verify_roots.h"

#include "format/hash.h"
#include "life/checkpoint.h"

namespace hmap::checking {

using format::Root;
using format::ShardHeader;

RootCopy read_root(const Ground& ground, u64 index) {
  RootCopy copy;
  const u64 at = ground.layout.root_offset(index);
  const u64 bytes = ground.layout.shards * sizeof(ShardHeader);
  const std::byte* from = ground.map.bytes(at, sizeof(Root) + bytes);
  if (from == nullptr) return copy;
  seam::copy_out(&copy.root, from, sizeof(Root));
  copy.headers.resize(ground.layout.shards);
  seam::copy_out(copy.headers.data(), from + sizeof(Root), bytes);
  const Root& root = copy.root;
  copy.valid = root_is_intact(root, ground.seed) &&
               root.headers_checksum ==
                   checksum(copy.headers.data(), bytes, ground.seed ^ root.generation) &&
               root_is_possible(root, ground.layout);
  return copy;
}

namespace {

// Which checkpoint an invalid root was written by.
u64 generation_of(const Ground& ground, const Root& root, u64 durable) {
  // If only that number is damaged, the checksum tells what it was.
  for (const u64 was : {durable + 1, durable - 1}) {
    Root repaired = root;
    repaired.generation = was;
    if (repaired.checksum == root_checksum(repaired, ground.seed)) return was;
  }
  return root.generation;
}

}  // namespace

void check_other_root(const Ground& ground, const RootCopy& durable, u64 index,
                      const RootCopy& other, Findings& out) {
  const Spot here{ground.layout.root_offset(1 - index)};
  const u64 generation = durable.root.generation;
  if (other.valid && other.root.generation == generation) {
    out.damage(FindingKind::kRoot, here,
               say("both roots are valid and of generation ", generation,
                   ", which no checkpoint leaves: root B counts, and may be the wrong one"));
  }
  // While a checkpoint is under way the other root is being written. Beside the first root there
  // is none yet.
  if (other.valid || ground.runtime != nullptr || (other.blank() && generation <= 1)) return;
  // An interrupted checkpoint leaves the older root with newer headers behind it (they are written
  // before it is), or a torn newer root.
  if (!other.blank() && generation_of(ground, other.root, generation) < generation) {
    out.note(FindingKind::kOtherRoot, here,
             "the older root is not valid: a checkpoint was interrupted, or it is damaged. "
             "Nothing needs it; the next checkpoint writes it anew");
    return;
  }
  out.damage(FindingKind::kOtherRoot, here,
             say(other.blank() ? "the other root is blank" : "the newer root is not valid",
                 ", so the state of checkpoint ", generation,
                 " counts: it is damaged and what was written later is lost, or a power cut "
                 "tore it and nothing is wrong"));
}

}  // namespace hmap::checking
