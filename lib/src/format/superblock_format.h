// The superblock and what is as constant as it, as C++ types; the twin of format-spec/format.md,
// "Superblock", "Compressed values" and "Types".
#ifndef HMAP_SRC_FORMAT_SUPERBLOCK_FORMAT_H_
#define HMAP_SRC_FORMAT_SUPERBLOCK_FORMAT_H_

#include "format/format.h"

namespace hmap::format {

// Bits of features_refuse.
inline constexpr u64 kFeatureCrc = 1;  // the checksums of short records are CRC-32C
inline constexpr u64 kFeaturesKnown = kFeatureCrc;

struct Superblock {
  u64 magic;
  u32 version;
  u32 checksum;             // of these 512 bytes with this field zero
  u64 features_compatible;  // unknown bits: ignore
  u64 features_read_only;   // unknown bits: open read-only
  u64 features_refuse;      // unknown bits: refuse
  u8 uuid[16];
  u64 store_seed;  // of the key hash and of every checksum
  u64 created_unix_ns;
  u32 shard_bits;  // S
  u32 block_bytes;
  u32 extent_bytes;
  u32 slots;
  u32 intent_words;
  u32 key_kind;     // kKind...
  u32 elem_kind;    // the same
  u32 compression;  // of the values that are written: 0: none, 1: LZ4
  u64 root_bytes;
  Offset<RuntimeHeader> runtime_offset;
  u64 runtime_bytes;
  Offset<BlockRun> extent_table_offset;  // first segment of the extent table
  Offset<Extent> heap_offset;            // extent 0
  Offset<Dictionary> dictionary_offset;  // 0: none
  u32 dictionary_bytes;
  u32 reserved0;
  u32 key_bytes;  // of each key, if they are fixed
  u32 elem_bytes;
  u32 key_align;
  u32 elem_align;
  u64 type_fingerprint;
  u8 type_name[128];  // UTF-8, zeros behind it
  u8 reserved1[200];
};
HMAP_LAYOUT(Superblock, magic, 0, 8);
HMAP_LAYOUT(Superblock, version, 8, 4);
HMAP_LAYOUT(Superblock, checksum, 12, 4);
HMAP_LAYOUT(Superblock, features_compatible, 16, 8);
HMAP_LAYOUT(Superblock, features_read_only, 24, 8);
HMAP_LAYOUT(Superblock, features_refuse, 32, 8);
HMAP_LAYOUT(Superblock, uuid, 40, 16);
HMAP_LAYOUT(Superblock, store_seed, 56, 8);
HMAP_LAYOUT(Superblock, created_unix_ns, 64, 8);
HMAP_LAYOUT(Superblock, shard_bits, 72, 4);
HMAP_LAYOUT(Superblock, block_bytes, 76, 4);
HMAP_LAYOUT(Superblock, extent_bytes, 80, 4);
HMAP_LAYOUT(Superblock, slots, 84, 4);
HMAP_LAYOUT(Superblock, intent_words, 88, 4);
HMAP_LAYOUT(Superblock, key_kind, 92, 4);
HMAP_LAYOUT(Superblock, elem_kind, 96, 4);
HMAP_LAYOUT(Superblock, compression, 100, 4);
HMAP_LAYOUT(Superblock, root_bytes, 104, 8);
HMAP_LAYOUT(Superblock, runtime_offset, 112, 8);
HMAP_LAYOUT(Superblock, runtime_bytes, 120, 8);
HMAP_LAYOUT(Superblock, extent_table_offset, 128, 8);
HMAP_LAYOUT(Superblock, heap_offset, 136, 8);
HMAP_LAYOUT(Superblock, dictionary_offset, 144, 8);
HMAP_LAYOUT(Superblock, dictionary_bytes, 152, 4);
HMAP_LAYOUT(Superblock, reserved0, 156, 4);
HMAP_LAYOUT(Superblock, key_bytes, 160, 4);
HMAP_LAYOUT(Superblock, elem_bytes, 164, 4);
HMAP_LAYOUT(Superblock, key_align, 168, 4);
HMAP_LAYOUT(Superblock, elem_align, 172, 4);
HMAP_LAYOUT(Superblock, type_fingerprint, 176, 8);
HMAP_LAYOUT(Superblock, type_name, 184, 128);
HMAP_LAYOUT(Superblock, reserved1, 312, 200);
static_assert(OnDisk<Superblock> && sizeof(Superblock) == 512);

inline constexpr u32 kKindBytes = 0;  // byte strings of any length
inline constexpr u32 kKindFixed = 1;  // things of one size

inline constexpr u32 kCompressionNone = 0;
inline constexpr u32 kCompressionLz4 = 1;

// What values are compressed against; as constant as the superblock. Followed by its bytes.
inline constexpr u64 kDictionaryMagic = 0x7463696470616d68;  // "hmapdict"
struct Dictionary {
  u64 magic;
  u32 bytes;     // behind this header
  u32 checksum;  // of these bytes, seeded with the place of the header
};
HMAP_LAYOUT(Dictionary, magic, 0, 8);
HMAP_LAYOUT(Dictionary, bytes, 8, 4);
HMAP_LAYOUT(Dictionary, checksum, 12, 4);
static_assert(OnDisk<Dictionary> && sizeof(Dictionary) == 16);

}  // namespace hmap::format

#endif  // HMAP_SRC_FORMAT_SUPERBLOCK_FORMAT_H_
