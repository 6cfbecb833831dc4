// Buckets, records, runs and spans of a state that may be damaged.
#include "inspect/inspect_view.h"

#include <cstring>

#include "map/bmap.h"
#include "state/space.h"
#include "verify/verify_findings.h"
#include "verify/verify_view.h"

namespace hmap::inspecting {

using checking::say;
using format::BucketArray;
using format::ExtentKind;
using format::ShardHeader;

SeenBucket View::bucket(const BucketArray& array, u64 number) const {
  SeenBucket seen;
  if (array.b >= kMaxB) return seen;
  const BucketPlace at = place_in_array(layout, array.b, number);
  if (at.run > format::kOverflowRuns || array.run[at.run].none()) return seen;
  const Run run = layout.array_run(array, at.run);
  const auto [index, inside] = layout.bucket.place(at.bucket);
  const SeenBlock block = state_->block(run, index);
  if (block.trust == Trust::kDamaged) return seen;
  std::memcpy(&seen.bucket, block.bytes + inside, layout.bucket.bytes);
  const u64 place = place_of(run, index);
  seen.offset = (place != 0 ? place : run.offset + index * layout.block_bytes) + inside;
  seen.trust = block.trust;
  return seen;
}

View::Chain View::chain_of(const ShardHeader& header, u64 hash) const {
  const auto low_bits = [hash](u64 b) { return hash & ((u64{1} << b) - 1); };
  const Chain present{&header.buckets, low_bits(header.b), false};
  if (header.oldbuckets.id == 0) return present;
  const Chain old{&header.oldbuckets, low_bits(header.oldbuckets.b), true};
  if (old.main < header.nevacuate) return present;
  const SeenBucket head = bucket(header.oldbuckets, old.main);
  if (head.trust == Trust::kDamaged) return {nullptr, old.main, true};
  return is_evacuated(head.bucket.tophash) ? present : old;
}

std::optional<OwnedRun> View::array_run_at(u64 shard, const BucketArray& array, const char* name,
                                           u64 offset) const {
  if (array.id == 0 || array.b >= kMaxB) return std::nullopt;
  for (u64 j = 0; j <= format::kOverflowRuns; ++j) {
    const Run run = layout.array_run(array, j);
    if (!contains(run, offset)) continue;
    return OwnedRun{OwnedRun::Use::kBuckets,
                    run,
                    shard,
                    &array,
                    j,
                    say("shard ", shard, ", ", name, ".run[", j, "]")};
  }
  return std::nullopt;
}

std::optional<OwnedRun> View::shard_run_at(u64 shard, u64 offset) const {
  const ShardHeader* header = this->header(shard);
  if (header == nullptr) return std::nullopt;
  if (auto run = array_run_at(shard, header->buckets, "buckets", offset)) return run;
  if (auto run = array_run_at(shard, header->oldbuckets, "oldbuckets", offset)) return run;
  if (auto run = array_run_at(shard, header->next, "next", offset)) return run;
  for (u64 k = 0; k < format::kDirectorySegments; ++k) {
    for (const bool dead : {false, true}) {
      const RunOffset at = dead ? header->dead_directory[k] : header->directory[k];
      const Run run(at, layout.directory_shape(k));
      if (!contains(run, offset)) continue;
      return OwnedRun{OwnedRun::Use::kDirectory,
                      run,
                      shard,
                      nullptr,
                      k,
                      say("shard ", shard, dead ? ", dead_directory[" : ", directory[", k, "]")};
    }
  }
  return std::nullopt;
}

std::optional<OwnedRun> View::run_at(u64 offset) const {
  if (state_ == nullptr) return std::nullopt;
  for (u64 k = 0; k < format::kExtentSegments; ++k) {
    const Run run(state_->extent_table(k), layout.extent_table_shape(k));
    const bool inside =
        k == 0 ? offset >= run.offset && offset < layout.extent_table_end() : contains(run, offset);
    if (!inside) continue;
    return OwnedRun{OwnedRun::Use::kExtentTable, run, 0, nullptr, k, say("extent_table[", k, "]")};
  }
  for (u64 s = 0; s < layout.shards; ++s) {
    if (auto run = shard_run_at(s, offset)) return run;
  }
  return std::nullopt;
}

View::SeenSpan View::span(const ShardHeader& header, u64 span) const {
  SeenSpan seen;
  const checking::SpanPlace at = checking::SpanPlace::of(layout, span);
  if (at.segment >= format::kDirectorySegments || header.directory[at.segment].none()) return seen;
  const Run run(header.directory[at.segment], layout.directory_shape(at.segment));
  const SeenBlock block = state_->block(run, at.block);
  if (block.trust == Trust::kDamaged) return seen;
  std::memcpy(&seen.entry, block.bytes + at.inside, sizeof seen.entry);
  const u64 place = place_of(run, at.block);
  seen.offset = (place != 0 ? place : run.offset + at.block * layout.block_bytes) + at.inside;
  seen.trust = block.trust;
  return seen;
}

u64 View::place_of(const Run& run, u64 block) const {
  const SeenBlock seen = state_->block(run, block);
  if (seen.bytes == nullptr) return 0;
  // Blocks that were never written have bytes that are nowhere in the file.
  const bool in_file = seen.bytes >= map.base() && seen.bytes < map.base() + map.file_bytes();
  return in_file ? map.offset_of(seen.bytes) : 0;
}

InspectNode record_node(const View& view, u64 offset) {
  InspectNode node{"record", offset, 0, "", "", false, {}};
  const std::optional<ScannedRecord> record = plausible_record(view.map, offset);
  if (!record) {
    node.meaning = "no record can be there";
    node.wrong = true;
    return node;
  }
  const std::byte* bytes = view.map.bytes(offset, record->bytes());
  node = node_of(kRecordHeader, bytes, offset, "record");
  node.bytes = record->bytes();
  node.value = quoted(record->key);
  const bool intact = intact_record(view.map, view.engine.store_seed, offset).has_value();
  const u64 stored = record->value.size();
  const std::string how = record->flags != 0 ? say(", compressed to ", stored) : std::string();
  node.meaning = say("value of ", Codec::decoded_bytes(record->flags, record->value.data(), stored),
                     " bytes", how.c_str(), "; the checksum is ", intact ? "right" : "WRONG");
  node.wrong = !intact;
  const u64 key_at = offset + sizeof(format::RecordHeader);
  node.children.push_back({"key", key_at, record->key.size(), quoted(record->key), "", false, {}});
  node.children.push_back({"value",
                           key_at + record->key.size(),
                           record->value.size(),
                           quoted(record->value),
                           "",
                           false,
                           {}});
  return node;
}

namespace {

// Key and element of a filled inline slot.
void add_inline(const View& view, const SeenBucket& seen, u64 slot, InspectNode& to) {
  const BucketShape& shape = view.layout.bucket;
  const EntryView entry = view_inline(shape, &seen.bucket.overflow, slot);
  const auto add = [&](const char* name, u64 at, const char* from, u64 bytes) {
    to.children.push_back({name,
                           seen.offset + at,
                           bytes,
                           hex_bytes(reinterpret_cast<const std::byte*>(from), bytes),
                           "",
                           false,
                           {}});
  };
  add("key", key_at(shape, slot), entry.key, entry.key_bytes);
  add("element", elem_at(shape, slot), entry.value, entry.value_bytes);
}

InspectNode slot_node(const View& view, const SeenBucket& seen, u64 slot) {
  const u8 tophash = tophash_at(seen.bucket.tophash, slot);
  InspectNode node{say("slot ", slot), 0, 0, hex(tophash), tophash_name(tophash), false, {}};
  if (!is_filled(tophash)) return node;
  if (view.layout.bucket.is_inline()) {
    node.meaning = say("filled, hash bits ", hash_bits_in(seen.bucket.overflow, slot));
    add_inline(view, seen, slot, node);
    return node;
  }
  const u64 record = record_in(&seen.bucket.overflow, slot);
  node.offset = seen.offset + offsetof(format::Bmap, refs) + slot * format::kRefBytes;
  node.bytes = format::kRefBytes;
  node.meaning = say("refers to ", hex(record).c_str(), ", hash bits ",
                     hash_bits_in(seen.bucket.overflow, slot));
  node.children.push_back(record_node(view, record));
  node.wrong = node.children.back().wrong;
  return node;
}

}  // namespace

InspectNode bucket_node(const View& view, const SeenBucket& seen, u64 number, std::string name) {
  InspectNode node{std::move(name), seen.offset, view.layout.bucket.bytes, "", "", false, {}};
  if (seen.trust == Trust::kDamaged) {
    node.bytes = 0;
    node.meaning = "cannot be read: its block is lost, or has a wrong checksum";
    node.wrong = true;
    return node;
  }
  node.value = std::to_string(number);
  node.meaning = trust_text(seen.trust);
  const BucketCopy& bucket = seen.bucket;
  const u64 next = overflow_in(bucket.overflow);
  node.children.push_back({"tophash",
                           seen.offset,
                           8,
                           hex_bytes(reinterpret_cast<const std::byte*>(&bucket.tophash), 8),
                           "slot 0 first",
                           false,
                           {}});
  node.children.push_back(
      {"version",
       seen.offset + offsetof(format::Bmap, version),
       8,
       std::to_string(bucket.version),
       bucket.version % 2 == 0 ? "even: nobody is changing it" : "odd: a change is being applied",
       false,
       {}});
  node.children.push_back({"overflow",
                           seen.offset + offsetof(format::Bmap, overflow),
                           8,
                           std::to_string(next),
                           next == 0 ? "the chain ends here" : "next bucket",
                           false,
                           {}});
  for (u64 slot = 0; slot < format::kSlots; ++slot)
    node.children.push_back(slot_node(view, seen, slot));
  return node;
}

const char* tophash_name(u8 tophash) {
  static constexpr const char* kNames[] = {"emptyRest", "emptyOne", "evacuatedX", "evacuatedY",
                                           "evacuatedEmpty"};
  return is_filled(tophash) ? "filled" : kNames[tophash];
}

const char* kind_name(ExtentKind kind) {
  static constexpr const char* kNames[] = {"kFree",        "kBuckets",   "kDirectory",
                                           "kExtentTable", "kFrames",    "kSpan",
                                           "kLarge",       "kLargeRest", "kLargePending"};
  const auto index = static_cast<std::size_t>(kind);
  return index < std::size(kNames) ? kNames[index] : "of no kind there is";
}

std::string extent_text(const Layout& layout, u64 word) {
  const ExtentKind kind = extent_kind(word);
  const u64 payload = extent_payload(word);
  std::string of = say(kind_name(kind), ", shard ", extent_shard(word));
  switch (kind) {
    case ExtentKind::kFree:
      return payload == 0 ? "kFree, never used" : say("kFree since epoch ", payload);
    case ExtentKind::kBuckets:
    case ExtentKind::kDirectory:
      return say(of.c_str(), ", run id ", payload);
    case ExtentKind::kExtentTable:
      return say("kExtentTable, segment ", payload);
    case ExtentKind::kSpan:
      return say(of.c_str(), ", span ", payload);
    case ExtentKind::kLarge:
    case ExtentKind::kLargePending:
      return say(of.c_str(), ", a record of ", payload, " extents (", payload * layout.extent_bytes,
                 " bytes)");
    case ExtentKind::kLargeRest:
      return say(of.c_str(), ", ", payload, " behind its first extent");
    default:
      return of;
  }
}

const char* trust_text(Trust trust) {
  if (trust == Trust::kVerified) return "its checksum is right";
  return trust == Trust::kSuspect
             ? "nothing vouches for these bytes, and nothing is wrong with them"
             : "lost";
}

}  // namespace hmap::inspecting
