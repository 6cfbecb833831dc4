// See image.h.
#include "image.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "format/hash.h"
#include "format/log_format.h"
#include "format/record_sum.h"
#include "life/checkpoint.h"
#include "life/open.h"
#include "map/bmap.h"
#include "map/slots.h"
#include "state/space.h"

namespace hmap::test {
namespace {

using format::Root;
using format::ShardHeader;

constexpr u64 kLive = 2;  // instead of the index of a table

template <typename T>
std::optional<T> read_at(const std::string& file, u64 offset) {
  if (offset > file.size() || file.size() - offset < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}
template <typename T>
void write_at(std::string& file, u64 offset, const T& value) {
  std::memcpy(file.data() + offset, &value, sizeof value);
}
bool is_inside(const std::string& file, u64 offset, u64 bytes) {
  return offset <= file.size() && bytes <= file.size() - offset;
}
u64 entry_offset(const Layout& layout, const Run& run, u64 table, u64 block) {
  return layout.table_offset(run, table) + block / layout.entries_per_page * layout.block_bytes +
         sizeof(format::TablePage) + block % layout.entries_per_page * sizeof(format::TableEntry);
}
// Whether all of the run is there; one that is not has nothing to seal.
bool is_there(const std::string& file, const Layout& layout, const Run& run) {
  return run.offset >= format::kPageBytes && run.blocks <= file.size() / layout.block_bytes &&
         is_inside(file, run.offset, Layout::run_bytes(run));
}

}  // namespace

Anatomy::Anatomy(const std::string& file) {
  const auto superblock = read_at<format::Superblock>(file, 0);
  if (!superblock) throw std::runtime_error("no store");
  layout_ = Layout::from(*superblock).value();
  add(Kind::kFile, 0, file.size());
  add_fixed();
  for (u64 k = 0; k < 2; ++k) {
    const u64 at = layout_.root_offset(k);
    const Root root = *read_at<Root>(file, at);
    if (root.magic == format::kRootMagic) add_state(file, k, root.extent_table, at + sizeof root);
  }
  const auto runtime = *read_at<format::RuntimeHeader>(file, layout_.runtime_offset);
  if (runtime.magic == format::kRuntimeMagic) add_state(file, kLive, runtime.extent_table, 0);
  add_heap(file);
  add_buckets(file);
}

Anatomy::Anatomy(const std::string& log, const Layout& layout_of_store) : layout_(layout_of_store) {
  add(Kind::kFile, 0, log.size());
  add(Kind::kSuperblock, 0, sizeof(format::LogHeader));
  u64 at = format::kLogAreaAt;
  // From the area's beginning, where the first lap's records are, or nothing.
  for (auto record = read_at<format::LogRecord>(log, at); record && record->bytes >= sizeof *record;
       record = read_at<format::LogRecord>(log, at)) {
    add(Kind::kRecord, at, record->bytes);
    at += record->bytes;
  }
}

void Anatomy::add(Kind kind, u64 offset, u64 bytes) {
  std::vector<Part>& all = parts_[static_cast<std::size_t>(kind)];
  const bool known =
      std::any_of(all.begin(), all.end(), [&](const Part& part) { return part.offset == offset; });
  if (!known) all.push_back({offset, bytes});
}

void Anatomy::add_fixed() {
  using format::Superblock;
  add(Kind::kSuperblock, 0, sizeof(Superblock));
  add(Kind::kType, offsetof(Superblock, key_kind), 3 * sizeof(u32));
  add(Kind::kType, offsetof(Superblock, key_bytes), 4 * sizeof(u32) + sizeof(u64));
  if (layout_.dictionary_bytes != 0) {
    add(Kind::kDictionary, layout_.dictionary_offset,
        sizeof(format::Dictionary) + layout_.dictionary_bytes);
  }
  for (u64 k = 0; k < 2; ++k) {
    add(Kind::kRoot, layout_.root_offset(k), sizeof(Root));
    for (u64 s = 0; s < layout_.shards; ++s) {
      add(Kind::kSavedHeader, layout_.root_offset(k) + sizeof(Root) + s * sizeof(ShardHeader),
          sizeof(ShardHeader));
    }
  }
  add(Kind::kRuntime, layout_.runtime_offset, sizeof(format::RuntimeHeader));
  for (u64 slot = 1; slot <= layout_.slots; ++slot)
    add(Kind::kSlot, layout_.slot_offset(slot), sizeof(format::Slot));
  for (u64 d = 0; d <= layout_.shards; ++d) {
    add(Kind::kDomain, layout_.domain_offset(d), sizeof(format::Domain));
    add(Kind::kIntent, layout_.intent_offset(d), sizeof(format::Intent));
    add(Kind::kIntentWords, layout_.intent_offset(d) + sizeof(format::Intent),
        layout_.intent_words * sizeof(format::IntentWord));
    if (d == layout_.shards) break;
    add(Kind::kLiveHeader, layout_.header_offset(d), sizeof(ShardHeader));
    add(Kind::kCutHeader, layout_.cut_header_offset(d), sizeof(ShardHeader));
  }
  add(Kind::kCut, layout_.cut_offset(), sizeof(format::Cut));
  add(Kind::kBatch, layout_.batch_offset(), sizeof(format::Batch));
  for (u64 s = 0; s < layout_.shards; ++s)
    add(Kind::kBatchPart, layout_.batch_part_offset(s), sizeof(format::BatchPart));
  add(Kind::kBatchOps, layout_.batch_op_offset(0), layout_.batch_ops * sizeof(u64));
}

void Anatomy::add_state(const std::string& file, u64 table, const RunOffset* extent_table,
                        u64 headers_at) {
  for (u64 k = 0; k < format::kExtentSegments && !extent_table[k].none(); ++k)
    add_run(file, Run(extent_table[k], layout_.extent_table_shape(k)), Kind::kExtentWords, table);
  for (u64 s = 0; s < layout_.shards; ++s) {
    const u64 at = table == kLive ? layout_.header_offset(s) : headers_at + s * sizeof(ShardHeader);
    const auto header = *read_at<ShardHeader>(file, at);
    for (const format::BucketArray* array : {&header.buckets, &header.oldbuckets}) {
      for (u64 j = 0; array->id != 0 && j <= format::kOverflowRuns && !array->run[j].none(); ++j)
        add_run(file, layout_.array_run(*array, j), Kind::kBuckets, table);
    }
    for (u64 k = 0; k < format::kDirectorySegments && !header.directory[k].none(); ++k) {
      add_run(file, Run(header.directory[k], layout_.directory_shape(k)), Kind::kSpanEntries,
              table);
    }
  }
}

void Anatomy::add_run(const std::string& file, const Run& run, Kind kind, u64 table) {
  if (!is_there(file, layout_, run)) return;
  add(Kind::kStates, run.offset + run.states, Layout::run_bytes(run) - run.states);
  for (u64 page = 0; table != kLive && page < layout_.table_pages(run.blocks); ++page) {
    add(Kind::kTablePage, layout_.table_offset(run, table) + page * layout_.block_bytes,
        layout_.block_bytes);
  }
  for (u64 i = 0; i < run.blocks; ++i) {
    u64 place = 0;
    if (table == kLive) {
      place = format::place_in_word(*read_at<u64>(file, run.offset + run.places + i * 8));
    } else {
      const u64 at = entry_offset(layout_, run, table, i);
      place = read_at<format::TableEntry>(file, at)->place * layout_.block_bytes;
    }
    if (place != 0 && is_inside(file, place, layout_.block_bytes))
      add(kind, place, layout_.block_bytes);
  }
}

// What extent words lead to.
void Anatomy::add_heap(const std::string& file) {
  for (u64 at = layout_.heap_offset; at + layout_.extent_bytes <= file.size();
       at += layout_.extent_bytes) {
    add(Kind::kExtent, at, layout_.extent_bytes);
  }
  for (const Part& block : parts(Kind::kExtentWords)) {
    for (u64 i = 0; i < layout_.words_per_block; ++i) {
      const u64 word = *read_at<u64>(file, block.offset + i * 8);
      const u64 at = layout_.extent_offset(i);  // of the first segment, which is enough here
      if (extent_kind(word) == format::ExtentKind::kFrames &&
          is_inside(file, at, layout_.block_bytes)) {
        add(Kind::kFrameStates, at, layout_.block_bytes);
      }
    }
  }
}

// What lies in buckets, or what they lead to.
void Anatomy::add_buckets(const std::string& file) {
  const BucketShape& shape = layout_.bucket;
  for (const Part& block : parts(Kind::kBuckets)) {
    for (u64 i = 0; i < shape.per_block; ++i) {
      const u64 at = block.offset + i * shape.bytes;
      if (shape.is_inline()) {
        add(Kind::kHead, at, format::kBucketHeadBytes);
        add(Kind::kKeys, at + key_at(shape, 0), format::kSlots * shape.key_bytes);
        add(Kind::kElems, at + elem_at(shape, 0), format::kSlots * shape.elem_bytes);
        continue;
      }
      const auto bucket = *read_at<format::Bmap>(file, at);
      for (u64 slot = 0; slot < format::kSlots; ++slot) {
        if (is_filled(tophash_at(bucket.tophash, slot)))
          add_record(file, record_in(&bucket.overflow, slot));
      }
    }
  }
}

void Anatomy::add_record(const std::string& file, u64 offset) {
  const auto record = read_at<format::RecordHeader>(file, offset);
  if (!record) return;
  const u64 before = sizeof *record + record->key_bytes;
  if (!is_inside(file, offset, before + record->value_bytes)) return;
  add(Kind::kRecord, offset, before + record->value_bytes);
  if (record->flags != 0) add(Kind::kPacked, offset + before, record->value_bytes);
}

namespace {

class Sealer {
 public:
  Sealer(std::string& file, const Layout& layout, u64 seed)
      : file_(file), layout_(layout), seed_(seed) {}

  void record(u64 offset) {
    const auto header = read_at<format::RecordHeader>(file_, offset);
    if (!header || offset < format::kPageBytes) return;
    const u64 bytes = sizeof *header + header->key_bytes + header->value_bytes;
    if (!is_inside(file_, offset, bytes)) return;
    write_at(
        file_, offset,
        record_checksum(layout_.record_sums, file_.data() + offset + 4, bytes - 4, seed_ ^ offset));
  }

  void blocks(const Run& run, u64 k) {
    if (!is_there(file_, layout_, run)) return;
    for (u64 i = 0; i < run.blocks; ++i) {
      const u64 at = entry_offset(layout_, run, k, i);
      auto entry = *read_at<format::TableEntry>(file_, at);
      const u64 place = entry.place * layout_.block_bytes;
      if (entry.place == 0 || !is_inside(file_, place, layout_.block_bytes)) continue;
      const u64 home = run.offset + i * layout_.block_bytes;
      entry.checksum = checksum(file_.data() + place, layout_.block_bytes, seed_ ^ home);
      write_at(file_, at, entry);
    }
  }
  void pages(const Run& run, u64 k) {
    if (!is_there(file_, layout_, run)) return;
    for (u64 p = 0; p < layout_.table_pages(run.blocks); ++p) {
      const u64 at = layout_.table_offset(run, k) + p * layout_.block_bytes;
      write_at(file_, at, checksum(file_.data() + at + 4, layout_.block_bytes - 4, seed_ ^ at));
    }
  }

  // Its length in its header is as the superblock's, if that is as it was.
  void dictionary() {
    const u64 at = layout_.dictionary_offset;
    if (layout_.dictionary_bytes == 0 ||
        !is_inside(file_, at, sizeof(format::Dictionary) + layout_.dictionary_bytes)) {
      return;
    }
    auto header = *read_at<format::Dictionary>(file_, at);
    header.checksum =
        checksum(file_.data() + at + sizeof header, layout_.dictionary_bytes, seed_ ^ at);
    write_at(file_, at, header);
  }

  // Blocks, then pages, then headers and root, each of which has checksums of
  // the ones before.
  void root(u64 k) {
    const u64 at = layout_.root_offset(k);
    const auto root = read_at<Root>(file_, at);
    const u64 headers_bytes = layout_.shards * sizeof(ShardHeader);
    if (!root || root->magic != format::kRootMagic ||
        !is_inside(file_, at + sizeof *root, headers_bytes)) {
      return;
    }
    for_each_run_of(*root, at, [&](const Run& run) { blocks(run, k); });
    for_each_run_of(*root, at, [&](const Run& run) { pages(run, k); });
    Root sealed = *read_at<Root>(file_, at);
    sealed.headers_checksum =
        checksum(file_.data() + at + sizeof sealed, headers_bytes, seed_ ^ sealed.generation);
    sealed.checksum = root_checksum(sealed, seed_);
    write_at(file_, at, sealed);
  }

 private:
  template <typename Visit>
  void for_each_run_of(const Root& root, u64 at, const Visit& visit) {
    for (u64 segment = 0; segment < format::kExtentSegments; ++segment) {
      if (root.extent_table[segment].none()) continue;
      visit(Run(root.extent_table[segment], layout_.extent_table_shape(segment)));
    }
    for (u64 s = 0; s < layout_.shards; ++s) {
      const auto header = *read_at<ShardHeader>(file_, at + sizeof root + s * sizeof(ShardHeader));
      for_each_run(layout_, header, [&](const Run& run) {
        visit(run);
        return true;
      });
    }
  }

  std::string& file_;
  const Layout& layout_;
  u64 seed_;
};

u64 seed_of(const std::string& file) {
  const auto superblock = read_at<format::Superblock>(file, 0);
  return superblock ? superblock->store_seed : 0;
}

}  // namespace

void seal_structures(std::string& file, const Anatomy& anatomy) {
  Sealer sealer(file, anatomy.layout(), seed_of(file));
  for (u64 k = 0; k < 2; ++k) sealer.root(k);
  sealer.dictionary();
  seal_superblock(file);
}

void seal_superblock(std::string& file) {
  if (auto superblock = read_at<format::Superblock>(file, 0)) {
    superblock->checksum = superblock_checksum(*superblock);
    write_at(file, 0, *superblock);
  }
}

void seal_records(std::string& file, const Anatomy& anatomy) {
  if (anatomy.layout().bucket.is_inline()) return;
  Sealer sealer(file, anatomy.layout(), seed_of(file));
  for (const Part& block : anatomy.parts(Kind::kBuckets)) {
    for (u64 i = 0; i < anatomy.layout().bucket.per_block; ++i) {
      const auto bucket =
          read_at<format::Bmap>(file, block.offset + i * anatomy.layout().bucket.bytes);
      for (u64 slot = 0; bucket && slot < format::kSlots; ++slot) {
        if (is_filled(tophash_at(bucket->tophash, slot)))
          sealer.record(record_in(&bucket->overflow, slot));
      }
    }
  }
}

}  // namespace hmap::test
