// The superblock of a damaged store.
#include "salvage/salvage_super.h"

#include <algorithm>
#include <cstring>

#include "format/hash.h"
#include "format/type.h"
#include "life/checkpoint.h"
#include "life/open.h"
#include "salvage/salvage_scan.h"

namespace hmap {
namespace {

using format::Root;
using format::Superblock;
using How = RecoverReport::Superblock;

// Everything that follows from the rest. False: the sizes are impossible.
bool make_canonical(Superblock& s) {
  s.magic = format::kMagic;
  s.version = format::kVersion;
  s.features_compatible = s.features_read_only = 0;
  s.features_refuse &= format::kFeaturesKnown;
  s.reserved0 = 0;
  std::memset(s.reserved1, 0, sizeof s.reserved1);
  return Layout::complete(s).ok();
}

bool sums_up(const Superblock& s) {
  return s.checksum == superblock_checksum(s) && type_is_possible(s);
}

// Fields that do not follow from others.
struct Fields {
  std::size_t begin;
  std::size_t end;
  bool sizes;  // others follow from them
};
constexpr Fields kFields[] = {
    {offsetof(Superblock, features_refuse), offsetof(Superblock, features_refuse) + 1, false},
    {offsetof(Superblock, uuid), offsetof(Superblock, shard_bits), false},
    {offsetof(Superblock, shard_bits), offsetof(Superblock, root_bytes), true},
    {offsetof(Superblock, dictionary_bytes), offsetof(Superblock, reserved0), true},
    {offsetof(Superblock, key_bytes), offsetof(Superblock, reserved1), false}};

bool repair_one_of(const Fields& fields, const Superblock& canonical, Superblock& s) {
  for (std::size_t at = fields.begin; at < fields.end; ++at) {
    for (unsigned change = 1; change < 256; ++change) {
      Superblock attempt = canonical;
      auto* byte = reinterpret_cast<unsigned char*>(&attempt) + at;
      *byte = static_cast<unsigned char>(*byte ^ change);
      if (fields.sizes && !make_canonical(attempt)) continue;
      if (!sums_up(attempt)) continue;
      s = attempt;
      return true;
    }
  }
  return false;
}

// One byte of these fields is wrong: tries all values of all of them.
// A wrong answer is as likely as 1 in 90,000; what is read with it has checksums of its own.
bool repair(Superblock& s) {
  Superblock canonical = s;
  const bool possible = make_canonical(canonical);
  if (possible && sums_up(canonical)) {
    s = canonical;
    return true;
  }
  for (const Fields& fields : kFields) {
    if ((possible || fields.sizes) && repair_one_of(fields, canonical, s)) return true;
  }
  return false;
}

std::optional<Root> read_root(const Mapping& map, u64 at) {
  const std::byte* bytes = map.bytes(at, sizeof(Root));
  if (bytes == nullptr) return std::nullopt;
  Root root;
  std::memcpy(&root, bytes, sizeof root);
  return root;
}

bool root_verifies(const std::optional<Root>& root, u64 seed) {
  return root && root_is_intact(*root, seed);
}

// Root A is always at the same place, root B behind the 2^S headers of A.
bool seed_verifies_a_root(const Mapping& map, u64 seed) {
  if (root_verifies(read_root(map, format::kPageBytes), seed)) return true;
  for (u64 bits = 0; bits <= kShardBitsMax; ++bits) {
    if (root_verifies(read_root(map, format::kPageBytes + root_bytes_for(bits)), seed)) return true;
  }
  return false;
}

// One record may verify by chance, two do not.
bool seed_verifies_records(const Mapping& map, u64 seed) {
  u64 found = 0;
  RecordScan scan(map, seed, nullptr);
  static_cast<void>(scan.run(
      [&](const ScannedRecord&) { return ++found < 2 ? ScanStep::kGoOn : ScanStep::kStop; },
      nullptr));
  return found >= 2;
}

// Whether a root says the same about where things lie as these sizes do.
bool layout_agrees_with_a_root(const Mapping& map, const Layout& layout, u64 seed) {
  for (u64 index = 0; index < 2; ++index) {
    const auto root = read_root(map, layout.root_offset(index));
    if (root_verifies(root, seed) && root->extent_table[0].value == layout.extent_table_offset)
      return true;
  }
  return false;
}

void apply_given(Superblock& s, const RecoverOptions& options) {
  const Geometry& given = options.damaged_geometry;
  const auto set = [](u32& field, u32 wish) {
    if (wish != 0) field = wish;
  };
  set(s.block_bytes, given.block_bytes);
  set(s.extent_bytes, given.extent_bytes);
  set(s.slots, given.slots);
  set(s.intent_words, given.intent_words);
  if (options.damaged_shard_bits >= 0) s.shard_bits = static_cast<u32>(options.damaged_shard_bits);
}

// The type: the one given, else what stands there, if it is one.
TypeInfo find_type(const Superblock& found, const RecoverOptions& options) {
  if (!same_type(options.store.type, TypeInfo())) return options.store.type;
  return type_is_possible(found) ? type_of(found) : TypeInfo();
}

std::array<u8, 16> uuid_of(const Superblock& s) { return std::to_array(s.uuid); }

// One with a right checksum.
Result<FoundSuperblock> believe(const Superblock& s) {
  if (s.version != format::kVersion || !features_are_known(s)) {
    return Status(Code::kWrongVersion,
                  "the store has a version or features this library cannot "
                  "read");
  }
  if (!type_is_possible(s)) {
    return Status(Code::kCorrupt, "superblock: the type of keys and values contradicts itself",
                  offsetof(Superblock, key_bytes));
  }
  const Result<Layout> layout = Layout::from(s);
  if (!layout) return layout.error();
  FoundSuperblock found;
  found.store_seed = s.store_seed;
  found.uuid = uuid_of(s);
  found.layout = *layout;
  found.type = type_of(s);
  return found;
}

// A spare, if anything else in the file is the same store's.
std::optional<Superblock> find_confirmed_spare(const Mapping& map) {
  const auto read = [&map](u64 at, Superblock& to) {
    const std::byte* bytes = map.bytes(at, sizeof to);
    if (bytes != nullptr) std::memcpy(&to, bytes, sizeof to);
    return bytes != nullptr;
  };
  return find_spare(read, [&map](const Superblock& spare) {
    return seed_verifies_a_root(map, spare.store_seed) ||
           seed_verifies_records(map, spare.store_seed);
  });
}

std::optional<Layout> layout_of(Superblock s) {
  if (!make_canonical(s)) return std::nullopt;
  const Result<Layout> layout = Layout::from(s);
  return layout ? std::optional<Layout>(*layout) : std::nullopt;
}

// The sizes: as they stand there with what was given; else the defaults with what was given.
std::optional<Layout> find_layout(const Mapping& map, Superblock found, const TypeInfo& type,
                                  u64 seed, const RecoverOptions& options) {
  Superblock defaults{};
  defaults.shard_bits = 2;
  defaults.block_bytes = 4096;
  defaults.extent_bytes = 32 * 1024;
  defaults.slots = 255;
  defaults.intent_words = 256;
  if (const auto dictionary = find_dictionary(map, seed)) {
    found.compression = defaults.compression = format::kCompressionLz4;
    found.dictionary_bytes = static_cast<u32>(dictionary->size());
    defaults.dictionary_bytes = found.dictionary_bytes;
  }
  set_type(found, type);
  set_type(defaults, type);
  for (Superblock s : {found, defaults}) {
    apply_given(s, options);
    const std::optional<Layout> layout = layout_of(s);
    if (layout && layout_agrees_with_a_root(map, *layout, seed)) return layout;
  }
  // Both roots are gone: sizes that fit together are better than none, what is read with them is
  // checked. Not the defaults, which anything fits.
  Superblock s = found;
  apply_given(s, options);
  return layout_of(s);
}

}  // namespace

std::optional<std::string> find_dictionary(const Mapping& map, u64 store_seed) {
  // The fixed part of no store is longer.
  constexpr u64 kFixedMax = u64{128} << 20;
  const u64 end = std::min(map.file_bytes(), kFixedMax);
  for (u64 at = format::kPageBytes; at < end; at += format::kPageBytes) {
    if (auto dictionary = read_dictionary(map, at, store_seed)) return dictionary;
  }
  return std::nullopt;
}

Result<FoundSuperblock> find_superblock(const Mapping& map, const RecoverOptions& options) {
  Superblock s{};
  const u64 there = std::min<u64>(sizeof s, map.file_bytes());
  std::memcpy(&s, map.base(), there);
  if (s.magic == format::kMagic && s.checksum == superblock_checksum(s)) return believe(s);
  if (const auto spare = find_confirmed_spare(map)) {
    Result<FoundSuperblock> found = believe(*spare);
    if (found) found->damaged = true;
    if (found) found->how = How::kSpare;
    return found;
  }
  FoundSuperblock found;
  found.damaged = true;
  if (Superblock repaired = s; repair(repaired)) {
    found.how = How::kRepaired;
    found.store_seed = repaired.store_seed;
    found.uuid = uuid_of(repaired);
    found.layout = layout_of(repaired);
    found.type = type_of(repaired);
    return found;
  }
  found.how = options.store_seed ? How::kGiven : How::kConfirmed;
  found.store_seed = options.store_seed.value_or(s.store_seed);
  found.uuid = uuid_of(s);
  if (!seed_verifies_a_root(map, found.store_seed) &&
      !seed_verifies_records(map, found.store_seed)) {
    return Status(Code::kNotAStore, options.store_seed
                                        ? "nothing in the file verifies with the seed given"
                                        : "no seed can be confirmed, and without the store's seed "
                                          "nothing in the file can be verified");
  }
  found.type = find_type(s, options);
  found.layout = find_layout(map, s, found.type, found.store_seed, options);
  return found;
}

}  // namespace hmap
