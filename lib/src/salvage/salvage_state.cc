// One state of a damaged store.
#include "salvage/salvage_state.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "format/hash.h"
#include "life/checkpoint.h"
#include "state/space.h"
#include "state/tables.h"

namespace hmap {
namespace {

using format::BucketArray;
using format::ShardHeader;
using format::TableEntry;
using format::TablePage;

// What a block that was never written reads as.
alignas(64) constexpr std::array<std::byte, 65'536> kZeros{};

}  // namespace

SalvageState SalvageState::durable(const Engine& engine, const ByRoot& by, DamageLog& log) {
  SalvageState state(engine, log);
  state.headers_verified_ = by.headers;
  state.root_verified_ = by.sector;
  state.root_index_ = by.index;
  std::copy_n(by.root.extent_table, format::kExtentSegments, state.extent_table_.begin());
  state.extent_table_[0] = {engine.layout.extent_table_offset};
  const u64 file = engine.map->file_bytes();
  const u64 heap = engine.layout.heap_offset;
  const u64 in_file = file > heap ? engine.layout.extents_for(file - heap) : 0;
  state.extents_end_ = by.sector ? by.root.extents_end : in_file;
  state.take_log_start(by);
  state.take_headers(by.headers_at, engine.layout.cut_header_offset(0));
  state.check_segments();
  return state;
}

SalvageState SalvageState::live(const Engine& engine, DamageLog& log) {
  SalvageState state(engine, log);
  state.live_ = true;
  const format::RuntimeHeader& runtime = *engine.runtime;
  std::copy_n(runtime.extent_table, format::kExtentSegments, state.extent_table_.begin());
  state.extent_table_[0] = {engine.layout.extent_table_offset};
  state.extents_end_ = runtime.extents_end;
  for (u64 s = 0; s < engine.layout.shards; ++s) {
    const ShardHeader& header = engine.header(s);
    state.headers_.emplace_back(header);
    if (state.possible(header)) continue;
    state.headers_.back().reset();
    log.add("shard header in the runtime area: impossible", engine.layout.header_offset(s));
  }
  return state;
}

// A word that was overwritten may be any position. Two zeros are no two witnesses: they are what a
// lost page reads as.
void SalvageState::take_log_start(const ByRoot& by) {
  const u64 root = by.root.log_sequence;
  const u64 cut = engine_.cut().log_sequence;
  log_start_.verified = by.sector || (root == cut && root != 0);
  const u64 flags = log_start_.verified ? root : root | cut;
  log_start_.in_use = (flags & format::kLogInUse) != 0;
  log_start_.position = root & ~format::kLogInUse;
}

void SalvageState::take_headers(u64 at, u64 otherwise_at) {
  for (u64 s = 0; s < engine_.layout.shards; ++s) {
    const u64 offset = s * sizeof(ShardHeader);
    headers_.push_back(header_at(at + offset));
    if (!headers_.back()) {
      log_.add("shard header: lost or impossible", at + offset);
      if (!headers_verified_) headers_.back() = header_at(otherwise_at + offset);
    }
  }
}

std::optional<ShardHeader> SalvageState::header_at(u64 offset) const {
  const std::byte* bytes = engine_.map->bytes(offset, sizeof(ShardHeader));
  if (bytes == nullptr) return std::nullopt;
  ShardHeader header;
  std::memcpy(&header, bytes, sizeof header);
  // Words that no checksum vouches for say nothing if they say that there is nothing.
  if ((!headers_verified_ && header.hash0 == 0) || !possible(header)) return std::nullopt;
  return header;
}

bool SalvageState::possible(const ShardHeader& header) const {
  if (header.b >= kMaxB) return false;
  if (header.buckets.id != 0 && header.buckets.b != header.b) return false;
  if (header.oldbuckets.id != 0 && header.buckets.id == 0) return false;
  return possible(header.buckets) && possible(header.oldbuckets);
}

bool SalvageState::possible(const BucketArray& array) const {
  if (array.id == 0) return true;
  if (array.b >= kMaxB || array.run[0].value < engine_.layout.heap_offset) return false;
  if (headers_verified_) return true;
  // A file cut short may lack part of what a verified header names; nobody else may name it.
  const Layout& layout = engine_.layout;
  const u64 last = layout.bucket.place(buckets_of(array.b) - 1).block;
  const u64 bytes = (last + 1) * layout.block_bytes;
  return engine_.map->bytes(array.run[0].value, bytes) != nullptr;
}

// Segments that the table itself does not know are not believed.
void SalvageState::check_segments() {
  for (u64 k = 1; k < format::kExtentSegments; ++k) {
    const u64 at = extent_table_[k].value;
    if (at == 0) continue;
    const Layout& layout = engine_.layout;
    bool known = at >= layout.heap_offset && at % layout.block_bytes == 0;
    if (known && !root_verified_) {
      const SeenWord seen = extent_word(layout.extent_of(at));
      known = seen.trust == Trust::kVerified && extent_payload(seen.word) == k &&
              extent_kind(seen.word) == format::ExtentKind::kExtentTable;
    }
    if (!known) extent_table_[k] = {};
  }
}

SeenBlock SalvageState::block(const Run& run, u64 index) {
  const u64 home = run.offset + index * engine_.layout.block_bytes;
  if (index >= run.blocks || run.offset % engine_.layout.block_bytes != 0 ||
      run.offset < kLowestRun || run.offset > format::kFileBytesMax) {
    return {};
  }
  const auto [known, is_new] = blocks_.try_emplace(home);
  if (is_new) {
    const SeenBlock seen = live_ ? live_block(run, index) : durable_block(run, index);
    known->second = seen;
    if (seen.trust == Trust::kDamaged) log_.add("block: lost, or its checksum is wrong", home);
  }
  return known->second;
}

SeenBlock SalvageState::live_block(const Run& run, u64 index) const {
  const u64* place_word = engine_.map->at(run.place_word_of(index));
  if (place_word == nullptr) return {};
  if (*place_word == 0) return {kZeros.data(), Trust::kSuspect};
  const u64 place = format::place_in_word(*place_word);
  if (place < kLowestRun || place % engine_.layout.block_bytes != 0) return {};
  const std::byte* bytes = engine_.map->bytes(place, engine_.layout.block_bytes);
  return bytes == nullptr ? SeenBlock{} : SeenBlock{bytes, Trust::kSuspect};
}

SeenBlock SalvageState::durable_block(const Run& run, u64 index) {
  const Layout& layout = engine_.layout;
  const u64 page_at =
      layout.table_offset(run, root_index_) + index / layout.entries_per_page * layout.block_bytes;
  const Trust trust = page(page_at);
  if (trust == Trust::kDamaged) return {};
  // Zeros are a valid page, and what a hole in a disk leaves.
  if (trust == Trust::kSuspect) return {kZeros.data(), Trust::kSuspect};
  TableEntry entry;
  std::memcpy(&entry,
              engine_.map->base() + page_at + sizeof(TablePage) +
                  index % layout.entries_per_page * sizeof entry,
              sizeof entry);
  if (entry.place == 0) return {kZeros.data(), Trust::kVerified};
  const std::byte* bytes =
      engine_.map->bytes(u64{entry.place} * layout.block_bytes, layout.block_bytes);
  const u64 home = run.offset + index * layout.block_bytes;
  if (bytes == nullptr || entry.checksum != block_checksum(engine_, bytes, home)) return {};
  return {bytes, Trust::kVerified};
}

Trust SalvageState::page(u64 at) {
  const auto [known, is_new] = pages_.try_emplace(at, Trust::kDamaged);
  if (!is_new) return known->second;
  const std::byte* bytes = engine_.map->bytes(at, engine_.layout.block_bytes);
  if (bytes == nullptr) {
    log_.add("table page: beyond the end of the file", at);
  } else if (all_zero(bytes, engine_.layout.block_bytes)) {
    known->second = Trust::kSuspect;
  } else if (reinterpret_cast<const TablePage*>(bytes)->checksum ==
             page_checksum(engine_, bytes, at)) {
    known->second = Trust::kVerified;
  } else {
    log_.add("table page with a wrong checksum", at);
  }
  return known->second;
}

SalvageState::SeenWord SalvageState::extent_word(u64 extent) {
  if (root_verified_ && extent >= extents_end_) return {0, Trust::kVerified};
  const Layout& layout = engine_.layout;
  const u64 block_number = extent / layout.words_per_block;
  // Segment k >= 1 has blocks 2^(k-1) to 2^k - 1.
  const auto segment = static_cast<u64>(std::bit_width(block_number));
  if (segment >= format::kExtentSegments || extent_table_[segment].none()) return {};
  const u64 first = segment == 0 ? 0 : u64{1} << (segment - 1);
  const Run run(extent_table_[segment], layout.extent_table_shape(segment));
  const SeenBlock seen = block(run, block_number - first);
  if (seen.trust == Trust::kDamaged) return {};
  u64 word = 0;
  std::memcpy(&word, seen.bytes + layout.word_in_block(extent) * sizeof word, sizeof word);
  return {word, seen.trust};
}

}  // namespace hmap
