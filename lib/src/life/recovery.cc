// The runtime area from a root.
#include "life/recovery.h"

#include <algorithm>

#include "format/hash.h"
#include "life/checkpoint.h"
#include "map/bmap.h"
#include "state/space.h"
#include "state/tables.h"

namespace hmap {
namespace {

using format::ExtentKind;
using format::PlaceState;
using format::Root;
using format::RuntimeHeader;
using format::ShardHeader;
using format::TableEntry;
using format::TablePage;

struct Candidate {
  Root root{};
  u64 index = 0;
  bool valid = false;
};

Candidate read_root(const Engine& engine, u64 index) {
  Candidate candidate;
  candidate.index = index;
  const u64 at = engine.layout.root_offset(index);
  std::memcpy(&candidate.root, engine.map->base() + at, sizeof(Root));
  const Root& root = candidate.root;
  const u64 headers_bytes = engine.layout.shards * sizeof(ShardHeader);
  candidate.valid =
      root_is_intact(root, engine.store_seed) &&
      root.headers_checksum == checksum(engine.map->base() + at + sizeof(Root), headers_bytes,
                                        engine.store_seed ^ root.generation) &&
      root_is_possible(root, engine.layout);
  return candidate;
}

class Rebuild {
 public:
  Rebuild(Engine& engine, const Candidate& candidate, bool verify_blocks, RootIs root_is)
      : engine_(engine),
        layout_(engine.layout),
        root_(candidate.root),
        index_(candidate.index),
        verify_blocks_(verify_blocks),
        root_is_(root_is) {}

  Status run() {
    if (layout_.extent_offset(root_.extents_end) > engine_.map->file_bytes()) {
      return Status(Code::kTruncated, "the file is shorter than its root says",
                    engine_.map->file_bytes());
    }
    if (Status s = check(); !s.ok()) return s;
    // Now, while there is little to flush.
    if (root_is_ == RootIs::kInTheCache) {
      if (Status s = write_root_again(); !s.ok()) return s;
    }
    // Crash from here on: the area is not valid, the next opener begins again.
    reset_runtime();
    for (u64 segment = 0; segment < format::kExtentSegments; ++segment) {
      if (root_.extent_table[segment].none()) continue;
      const Run run = extent_table_run(engine_, segment);
      if (Status s = rebuild_run(run); !s.ok()) return s;
      if (Status s = clear_unwritten(run); !s.ok()) return s;
    }
    if (Status s = collect_frames(); !s.ok()) return s;
    for (u64 s = 0; s < layout_.shards; ++s) {
      ShardHeader& header = engine_.header(s);
      seam::copy_in(&header, &saved_header(s), sizeof header);
      seam::store(header.version, 0);
      // The reserved array may have been used, and dirtied, after the cut.
      seam::store(header.next_prepared, 0);
      if (Status status = rebuild_shard(s); !status.ok()) return status;
    }
    return {};
  }

 private:
  Status write_root_again() const {
    if (Status s = engine_.map->flush(); !s.ok()) return s;
    return engine_.map->write_durable(layout_.root_offset(index_), &root_, sizeof root_);
  }

  void reset_runtime() {
    seam::store(engine_.runtime->magic, 0);  // not valid from here on
    seam::zero(engine_.map->base() + layout_.runtime_offset, layout_.runtime_bytes);
    RuntimeHeader& runtime = *engine_.runtime;
    seam::store(runtime.epoch, root_.cut + 1);
    seam::store(runtime.durable, root_.cut << 1 | index_);
    seam::store(runtime.generation, root_.generation);
    seam::store(runtime.extents_end, root_.extents_end);
    seam::store(runtime.file_extents, root_.extents_end);
    // Whatever lies in the file behind the extents in use may be left over from after the cut.
    const u64 behind = engine_.map->file_bytes() - layout_.heap_offset;
    seam::store(runtime.clean_from, (behind + layout_.extent_bytes - 1) / layout_.extent_bytes);
    seam::store(runtime.table_cut[index_], root_.cut);
    // What is free lies around since another boot, or came with a copy of the file.
    seam::store(runtime.freed, root_.cut);
    for (u64 i = 0; i < format::kExtentSegments; ++i)
      seam::store(runtime.extent_table[i], root_.extent_table[i]);
    seam::store(engine_.cut().cut, root_.cut);
    const u64 logged = root_.log_sequence & ~format::kLogInUse;
    for (u64* word : {&runtime.log.tail, &runtime.log.head, &runtime.log.flushed})
      seam::store(*word, logged);
    seam::store(runtime.log.in_use, root_.log_sequence >> 63);
  }

  // Whatever a checksum or a bound can tell, before the first store: a damaged file stays as it is,
  // with all that recover() can use.
  Status check() const {
    u64 words = root_.extents_end;
    for (u64 segment = 0; segment < format::kExtentSegments; ++segment) {
      if (root_.extent_table[segment].none()) continue;
      const Run run(root_.extent_table[segment], layout_.extent_table_shape(segment));
      if (Status s = check_run(run); !s.ok()) return s;
      const u64 blocks = (words + layout_.words_per_block - 1) / layout_.words_per_block;
      if (Status s = check_written(run, blocks); !s.ok()) return s;
      words -= std::min(words, run.blocks * layout_.words_per_block);
    }
    for (u64 s = 0; s < layout_.shards; ++s) {
      const ShardHeader& header = saved_header(s);
      if (Status status = check_arrays(header); !status.ok()) return status;
      Status status;
      for_each_run(layout_, header, [&](const Run& run) {
        status = check_run(run);
        return status.ok();
      });
      if (!status.ok()) return status;
    }
    return {};
  }

  Status check_run(const Run& run) const {
    if (Status s = check_bounds(run); !s.ok()) return s;
    // The extent table says who owns what: a wrong word has others' bytes overwritten. Its blocks
    // are few, and read anyway.
    const bool verify = verify_blocks_ || run.copies > 1;
    return for_each_entry(run, [&](u64 index, const TableEntry& entry) {
      if (!verify || block_is_intact(run, index, entry)) return Status();
      return Engine::corrupt("block with a wrong checksum",
                             run.offset + index * layout_.block_bytes);
    });
  }

  // A page of zeros, which is valid, says that nobody ever wrote its blocks. Of the first `blocks`
  // of the extent table some on each page were: a page that was lost would have every extent free,
  // and the next writer take those in use.
  Status check_written(const Run& run, u64 blocks) const {
    blocks = std::min(blocks, run.blocks);
    u64 next = 0;  // the first block whose page has shown none that was written
    Status status = for_each_entry(run, [&](u64 index, const TableEntry&) {
      const u64 page = index / layout_.entries_per_page;
      if (next < page * layout_.entries_per_page && next < blocks) return lost_page(run, next);
      next = (page + 1) * layout_.entries_per_page;
      return Status();
    });
    if (status.ok() && next < blocks) status = lost_page(run, next);
    return status;
  }
  [[nodiscard]] Status lost_page(const Run& run, u64 block) const {
    return Engine::corrupt(
        "table page of the extent table is lost",
        layout_.table_offset(run, index_) + block / layout_.entries_per_page * layout_.block_bytes);
  }

  [[nodiscard]] const ShardHeader& saved_header(u64 shard) const {
    return engine_.part(Offset<ShardHeader>{layout_.root_offset(index_) + sizeof(Root) +
                                            shard * sizeof(ShardHeader)});
  }

  [[nodiscard]] Status check_bounds(const Run& run) const {
    if (run.offset < kLowestRun || run.offset % layout_.block_bytes != 0 ||
        run.blocks > u64{1} << 34 ||
        engine_.map->bytes(run.offset, Layout::run_bytes(run)) == nullptr) {
      return Engine::corrupt("block run outside the file", run.offset);
    }
    return {};
  }

  // Calls visit(index, entry) for each block that had been written at the cut.
  template <typename Visit>
  Status for_each_entry(const Run& run, const Visit& visit) const {
    for (u64 page = 0; page < layout_.table_pages(run.blocks); ++page) {
      const u64 at = layout_.table_offset(run, index_) + page * layout_.block_bytes;
      const std::byte* bytes_at = engine_.map->base() + at;
      const auto* head = reinterpret_cast<const TablePage*>(bytes_at);
      const bool blank = std::all_of(bytes_at, bytes_at + layout_.block_bytes,
                                     [](std::byte b) { return b == std::byte{0}; });
      if (blank) continue;
      if (head->checksum != page_checksum(engine_, bytes_at, at)) {
        return Engine::corrupt("table page with a wrong checksum", at);
      }
      const auto* entries = reinterpret_cast<const TableEntry*>(head + 1);
      const u64 first = page * layout_.entries_per_page;
      for (u64 i = 0; i < layout_.entries_per_page && first + i < run.blocks; ++i) {
        if (entries[i].place == 0) continue;
        if (Status s = visit(first + i, entries[i]); !s.ok()) return s;
      }
    }
    return {};
  }

  // The states of a run's blocks from the table of the root.
  Status rebuild_run(const Run& run) {
    if (Status s = check_bounds(run); !s.ok()) return s;
    seam::zero(engine_.map->base() + run.offset + run.states, Layout::run_bytes(run) - run.states);
    return for_each_entry(
        run, [&](u64 index, const TableEntry& entry) { return place_block(run, index, entry); });
  }

  [[nodiscard]] bool block_is_intact(const Run& run, u64 index, const TableEntry& entry) const {
    const std::byte* bytes =
        engine_.map->bytes(u64{entry.place} * layout_.block_bytes, layout_.block_bytes);
    return bytes != nullptr &&
           entry.checksum ==
               block_checksum(engine_, bytes, run.offset + index * layout_.block_bytes);
  }

  Status place_block(const Run& run, u64 index, const TableEntry& entry) {
    const Result<Block> block = block_of(engine_, run, index);
    if (!block) return block.error();
    const u64 place = u64{entry.place} * layout_.block_bytes;
    const bool inside = engine_.map->bytes(place, layout_.block_bytes) != nullptr;
    const Result<PlaceState*> state = place_state(engine_, *block, place);
    if (!inside || !state || (run.copies == 1 && place != block->home && !in_frames(place))) {
      return Engine::corrupt("table names an impossible place for a block", block->home);
    }
    seam::store((*state)->born, root_.cut);
    seam::store((*state)->superseded, format::kForever);
    const Result<u64> tag = frame_tag(engine_, *block);
    if (!tag) return tag.error();
    seam::store((*state)->block, block->home | *tag << 48);
    seam::store(block->state->live_born, root_.cut);
    seam::store(*block->place_word, format::make_place_word(place, root_.cut));
    return {};
  }

  [[nodiscard]] bool in_frames(u64 place) const {
    if (place < layout_.heap_offset || layout_.extent_of(place) >= root_.extents_end) return false;
    const Result<u64> word = extent_word(engine_, layout_.extent_of(place));
    return word && extent_kind(*word) == ExtentKind::kFrames;
  }

  // Links the extents of frames into their domains' lists, all frames free.
  Status collect_frames() {
    const u64 states =
        sizeof(format::FrameHeader) + layout_.frames_per_extent * sizeof(format::PlaceState);
    for (u64 extent = 0; extent < root_.extents_end; ++extent) {
      const Result<u64> word = extent_word(engine_, extent);
      if (!word) return word.error();
      if (extent_kind(*word) != ExtentKind::kFrames) continue;
      const u64 shard = extent_shard(*word);
      const u64 at = layout_.extent_offset(extent);
      if (shard >= layout_.shards || engine_.map->bytes(at, layout_.extent_bytes) == nullptr) {
        return Engine::corrupt("extent of frames of no shard", at);
      }
      seam::zero(engine_.map->base() + at, states);
      auto& header = engine_.part(Offset<format::FrameHeader>{at});
      seam::store(header.next, engine_.domain(shard).frame_head);
      seam::store(header.domain, shard);
      seam::store(engine_.domain(shard).frame_head, extent + 1);
    }
    return {};
  }

  [[nodiscard]] Status check_arrays(const ShardHeader& header) const {
    for (const format::BucketArray* array : {&header.buckets, &header.oldbuckets, &header.next}) {
      if (array->id != 0 && (array->b >= kMaxB || array->run[0].none())) {
        return Engine::corrupt("shard header: impossible bucket array",
                               layout_.root_offset(index_));
      }
    }
    if (header.b >= kMaxB)
      return Engine::corrupt("shard header: impossible B", layout_.root_offset(index_));
    return {};
  }

  Status rebuild_shard(u64 shard) {
    const ShardHeader& header = engine_.header(shard);
    Status status;
    for_each_run(layout_, header, [&](const Run& run) {
      status = rebuild_run(run);
      return status.ok();
    });
    if (!status.ok()) return status;
    // Main buckets that were never written at the cut may have been since: they must be empty
    // again. While growing those of the old array count, which may have been marked evacuated;
    // those of the new one are overwritten before they are read.
    const format::BucketArray& array =
        header.oldbuckets.id != 0 ? header.oldbuckets : header.buckets;
    return array.id == 0 ? Status() : clear_unwritten(layout_.array_run(array, 0));
  }

  // Makes the blocks of a run that the table knows nothing of read as zero.
  Status clear_unwritten(const Run& run) {
    u64 first = run.blocks;  // of a row of unwritten blocks
    for (u64 i = 0; i <= run.blocks; ++i) {
      bool unwritten = false;
      if (i < run.blocks) {
        const Result<Block> block = block_of(engine_, run, i);
        if (!block) return block.error();
        unwritten = *block->place_word == 0;
      }
      if (unwritten && first == run.blocks) first = i;
      if (!unwritten && first != run.blocks) {
        if (Status s = clear_blocks(run.offset + first * layout_.block_bytes,
                                    (i - first) * layout_.block_bytes);
            !s.ok()) {
          return s;
        }
        first = run.blocks;
      }
    }
    return {};
  }

  Status clear_blocks(u64 offset, u64 bytes) {
    if (engine_.owns_file) return engine_.map->make_zero(offset, bytes);
    seam::zero(engine_.map->base() + offset, bytes);  // a private copy
    return {};
  }

  Engine& engine_;
  const Layout& layout_;
  const Root root_;
  const u64 index_;
  const bool verify_blocks_;
  const RootIs root_is_;
};

}  // namespace

Status rebuild_runtime(Engine& engine, RootIs root_is) {
  const Candidate a = read_root(engine, 0);
  const Candidate b = read_root(engine, 1);
  if (!a.valid && !b.valid) return Engine::corrupt("no valid root", engine.layout.root_offset(0));
  const bool take_a = a.valid && (!b.valid || a.root.generation > b.root.generation);
  const Candidate& newest = take_a ? a : b;
  const Candidate& other = take_a ? b : a;
  // A root torn by a power cut had not freed what this one reaches; a root damaged later had, and
  // the places may be in use again. The checksums of all blocks tell the two apart.
  // Only the root of a new store has a blank one beside it.
  const bool other_is_damaged =
      !other.valid && (other.root.magic != 0 || newest.root.generation > 1);
  return Rebuild(engine, newest, other_is_damaged, root_is).run();
}

Status finish_rebuild(Engine& engine) {
  for (u64 extent = 0; extent < engine.runtime->extents_end; ++extent) {
    const Result<u64> word = extent_word(engine, extent);
    if (!word) return word.error();
    if (extent_kind(*word) != ExtentKind::kLargePending) continue;
    if (Status s = free_pending_large(engine, extent, extent_payload(*word)); !s.ok()) return s;
  }
  return {};
}

}  // namespace hmap
