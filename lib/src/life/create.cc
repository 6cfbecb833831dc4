// A new store file: superblock, first root, empty runtime area, first segment of the extent table.
#include <cmath>
#include <ctime>

#include "format/hash.h"
#include "format/type.h"
#include "life/checkpoint.h"
#include "life/open.h"
#include "map/grow.h"
#include "map/hmap.h"
#include "system/naming.h"

namespace hmap {
namespace {

using format::Root;
using format::ShardHeader;
using format::Superblock;

constexpr u32 kDefaultShardBits = 2;
constexpr u32 kDefaultBlockBytes = 4096;
constexpr u32 kDefaultExtentBytes = 32 * 1024;
constexpr u32 kDefaultSlots = 255;
constexpr u32 kDefaultIntentWords = 256;

Result<Superblock> new_superblock(const Options& options) {
  const Geometry& geometry = options.geometry;
  const auto choose = [](u32 wish, u32 otherwise) { return wish != 0 ? wish : otherwise; };
  if (options.shard_bits > static_cast<int>(kShardBitsMax) || options.shard_bits < -1) {
    return Status(Code::kInvalidArgument, "shard_bits: 0 to 8, or -1 for the default");
  }
  if (geometry.intent_words != 0 && (geometry.intent_words < 64 || geometry.intent_words > 256)) {
    return Status(Code::kInvalidArgument, "geometry: intent_words: 64 to 256");
  }
  Superblock superblock{};
  superblock.magic = format::kMagic;
  superblock.version = format::kVersion;
  superblock.shard_bits =
      options.shard_bits < 0 ? kDefaultShardBits : static_cast<u32>(options.shard_bits);
  superblock.features_refuse = format::kFeatureCrc;
  superblock.block_bytes = choose(geometry.block_bytes, kDefaultBlockBytes);
  superblock.extent_bytes = choose(geometry.extent_bytes, kDefaultExtentBytes);
  superblock.slots = choose(geometry.slots, kDefaultSlots);
  superblock.intent_words = std::max(choose(geometry.intent_words, kDefaultIntentWords),
                                     static_cast<u32>(kIntentWordsMin));
  if (!options.dictionary.empty() && options.compression != Compression::kLz4)
    return Status(Code::kInvalidArgument, "dictionary: of use with Compression::kLz4 only");
  if (options.dictionary.size() > kDictionaryBytesMax)
    return Status(Code::kInvalidArgument, "dictionary: longer than 64 KiB");
  if (options.compression == Compression::kLz4) superblock.compression = format::kCompressionLz4;
  superblock.dictionary_bytes = static_cast<u32>(options.dictionary.size());
  if (Status s = check_type(options.type); !s.ok()) return s;
  set_type(superblock, options.type);
  if (Status s = Layout::complete(superblock); !s.ok()) return s;
  fill_random(superblock.uuid, sizeof superblock.uuid);
  fill_random(&superblock.store_seed, sizeof superblock.store_seed);
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  superblock.created_unix_ns =
      static_cast<u64>(now.tv_sec) * 1'000'000'000 + static_cast<u64>(now.tv_nsec);
  superblock.checksum = superblock_checksum(superblock);
  return superblock;
}

// B of each shard for `entries` in all: keys spread unevenly, so a little more than their share.
u64 initial_b(u64 entries, u64 shards) {
  const auto share = static_cast<double>(entries) / static_cast<double>(shards);
  const double margin = shards > 1 ? 4 * std::sqrt(share) : 0;
  constexpr double kMost = 0x1p62;  // far beyond what b_for() tells apart
  return b_for(static_cast<u64>(std::min(share + margin, kMost)));
}

// The first write makes them.
Status check_room_for_buckets(const Mapping& map, const Layout& layout, u64 b) {
  const u64 of_a_shard = layout.run_extents(layout.shape(b).runs[0]) * layout.extent_bytes;
  const u64 bytes = layout.heap_offset + layout.shards * of_a_shard;
  if (bytes > map.window_bytes()) {
    // Nothing smaller can be asked for.
    if (b == 0) return {Code::kInvalidArgument, "window_bytes: too small for an empty store"};
    return {Code::kInvalidArgument,
            "expected_entries: buckets for so many do not fit into the window (1 TiB, unless "
            "window_bytes says less)"};
  }
  if (bytes > layout.extent_offset(layout.extents_max)) {
    return {Code::kInvalidArgument,
            "expected_entries: buckets for so many do not fit into the largest file"};
  }
  return {};
}

void write_first_root(Mapping& map, const Superblock& superblock, const Layout& layout, u64 b) {
  const u64 at = layout.root_offset(0);
  auto* headers = reinterpret_cast<ShardHeader*>(map.base() + at + sizeof(Root));
  for (u64 s = 0; s < layout.shards; ++s) {
    seam::store(headers[s].b, b);
    seam::store(headers[s].hash0, new_seed());
  }
  Root root{};
  root.magic = format::kRootMagic;
  root.generation = 1;
  root.cut = 1;
  root.extent_table[0] = {layout.extent_table_offset};
  root.headers_checksum = checksum(headers, layout.shards * sizeof(ShardHeader),
                                   superblock.store_seed ^ root.generation);
  root.checksum = root_checksum(root, superblock.store_seed);
  seam::copy_in(map.base() + at, &root, sizeof root);
}

void write_superblocks(Mapping& map, const Superblock& superblock, const Layout& layout) {
  for (const u64 at : superblock_places(layout))
    seam::copy_in(map.base() + at, &superblock, sizeof superblock);
}

void write_dictionary(Mapping& map, const Layout& layout, u64 store_seed,
                      const std::string& dictionary) {
  if (dictionary.empty()) return;
  const u64 at = layout.dictionary_offset;
  const format::Dictionary header{format::kDictionaryMagic, static_cast<u32>(dictionary.size()),
                                  checksum(dictionary.data(), dictionary.size(), store_seed ^ at)};
  seam::copy_in(map.base() + at, &header, sizeof header);
  seam::copy_in(map.base() + at + sizeof header, dictionary.data(), dictionary.size());
}

}  // namespace

Result<NewFile> create_unnamed(const std::string& path, const Options& options) {
  const Result<Superblock> superblock = new_superblock(options);
  if (!superblock) return superblock.error();
  const Result<Layout> layout = Layout::from(*superblock);
  if (!layout) return layout.error();
  if (options.size_limit != 0 && options.size_limit < layout->heap_offset) {
    return Status(Code::kNoSpace, "size_limit: smaller than an empty store");
  }
  Result<NewFile> file = create_file(path, options.file_mode);
  if (!file) return file.error();
  if (Status s = check_file_system(file->fd.get(), path); !s.ok()) return s;
  const auto map = Mapping::map(file->fd.get(), Access::kReadWrite, options.window_bytes);
  if (!map) return map.error();
  const u64 b = initial_b(options.expected_entries, layout->shards);
  if (Status s = check_room_for_buckets(**map, *layout, b); !s.ok()) return s;
  // Crash anywhere before the file has its name: there is no store.
  if (Status s = (*map)->allocate(0, layout->heap_offset); !s.ok()) return s;
  write_superblocks(**map, *superblock, *layout);
  write_first_root(**map, *superblock, *layout, b);
  write_dictionary(**map, *layout, superblock->store_seed, options.dictionary);
  if (Status s = (*map)->flush(); !s.ok()) return s;
  return file;
}

Status create_store(const std::string& path, const Options& options) {
  Result<NewFile> file = create_unnamed(path, options);
  if (!file) return file.error();
  return name_file(*file, path);
}

}  // namespace hmap
