// The bytes of a store file as C++ types; the twin of format-spec/format.md, whose sections the
// comments name. A test compares the HMAP_LAYOUT lines with the tables there.
//
//   0            4096     +root_bytes  +root_bytes                             heap
//   +------------+--------+--------+-------------------+--------------------+---- - - -
//   | superblock | root A | root B | runtime area      | extent table,      | extents: block runs,
//   | immutable  | durable, by     | this boot only    | first segment      | spans, frames,
//   records
//   +------------+--------+--------+-------------------+--------------------+---- - - -
//
// Kinds of bytes. D: durable, reachable from a root. V: live only, rebuilt after a reboot or a
// copy. No 512-byte sector holds both but a bucket's version word, which recovery ignores.
#ifndef HMAP_SRC_FORMAT_FORMAT_H_
#define HMAP_SRC_FORMAT_FORMAT_H_

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "format/offset.h"

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

namespace hmap::format {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

template <typename T>
concept OnDisk = std::is_standard_layout_v<T> && std::is_trivially_copyable_v<T> &&
    std::has_unique_object_representations_v<T>;

#define HMAP_LAYOUT(type, field, at, bytes)      \
  static_assert(offsetof(type, field) == (at) && \
                sizeof(static_cast<type*>(nullptr)->field) == (bytes))

inline constexpr u64 kMagic = 0x0a1a70616d687f89;         // 0x89 0x7f "hmap" 0x1a 0x0a
inline constexpr u64 kRootMagic = 0x746f6f7270616d68;     // "hmaproot"
inline constexpr u64 kRuntimeMagic = 0x6576696c70616d68;  // "hmaplive"
inline constexpr u32 kVersion = 1;
inline constexpr u64 kSectorBytes = 512;
inline constexpr u64 kPageBytes = 4096;

// What a place in the file leads to; the first three are names only, for bytes that no struct
// describes. A place that shares its word with other bits, or is counted in other units, is no
// Offset: slot references, place words, PlaceState::block, TableEntry::place, batch operations.
struct BlockRun;       // "Block runs": begins with the home of its first block
struct BlockVersion;   // block_bytes bytes: a block at home, in a spare copy or in a frame
struct Extent;         // extent_bytes bytes
struct RuntimeHeader;  // runtime_format.h
struct Dictionary;
static_assert(OnDisk<Offset<BlockRun>> && sizeof(Offset<BlockRun>) == sizeof(u64));

// ---- Bucket -----------------------------------------------------------------------------------
//
//    0         8         16         24                               64
//    +---------+---------+----------+------+------+-- - - --+------+
//    | tophash | version | overflow | ref0 | ref1 |         | ref7 |   ref: 5 bytes,
//    +---------+---------+----------+------+------+-- - - --+------+        file offset / 16
//
// One cache line. Read and written as eight aligned u64 words.

inline constexpr u64 kSlots = 8;  // per bucket
inline constexpr u64 kRefBytes = 5;
inline constexpr u64 kRecordUnit = 16;    // records begin at multiples of this
inline constexpr u8 kEmptyRest = 0;       // empty, and so is everything behind it in the chain
inline constexpr u8 kEmptyOne = 1;        // empty
inline constexpr u8 kEvacuatedX = 2;      // moved to the first half of the new array
inline constexpr u8 kEvacuatedY = 3;      // moved to the second half
inline constexpr u8 kEvacuatedEmpty = 4;  // was empty, bucket is evacuated
inline constexpr u8 kMinTopHash = 5;      // lowest tophash of a filled slot

// Three bits of each slot's hash are kept beside the overflow number: with them most evacuations
// need not look at the records. In an array of 2^b buckets they are the bits from b - b mod 3 on.
inline constexpr u64 kOverflowBits = 40;
inline constexpr u64 kHashBits = 3;

struct Bmap {
  u64 tophash;   // one byte per slot, slot 0 lowest
  u64 version;   // V: seqlock, odd while an intent is being applied to this bucket
  u64 overflow;  // bucket number of the next bucket of the chain (40 bits; 0: none) | three hash
                 // bits per slot (24, slot 0 lowest)
  u64 refs[5];   // eight references of 5 bytes, slot 0 lowest: file offset / 16 of a record
};
HMAP_LAYOUT(Bmap, tophash, 0, 8);
HMAP_LAYOUT(Bmap, version, 8, 8);
HMAP_LAYOUT(Bmap, overflow, 16, 8);
HMAP_LAYOUT(Bmap, refs, 24, 40);
static_assert(OnDisk<Bmap> && sizeof(Bmap) == 64);

// Where key and element are of fixed sizes, both at most this (Go's limit), and such a bucket is no
// longer than a block, slots hold them and not references: behind `overflow` eight keys, then
// eight elements.
inline constexpr u64 kInlineBytesMax = 128;
inline constexpr u64 kBucketHeadBytes = 24;
static_assert(offsetof(Bmap, refs) == kBucketHeadBytes);
inline constexpr u64 kBucketWordsMax =
    (kBucketHeadBytes + kSlots * 2 * kInlineBytesMax) / sizeof(u64);

// ---- Record -----------------------------------------------------------------------------------

// Followed by the key, then the value. Written once, never changed.
struct RecordHeader {
  u32 checksum;  // of everything behind this field, value included
  u16 key_bytes;
  u16 flags;  // kValue...
  u32 value_bytes;
};
HMAP_LAYOUT(RecordHeader, checksum, 0, 4);
HMAP_LAYOUT(RecordHeader, key_bytes, 4, 2);
HMAP_LAYOUT(RecordHeader, flags, 6, 2);
HMAP_LAYOUT(RecordHeader, value_bytes, 8, 4);
static_assert(OnDisk<RecordHeader> && sizeof(RecordHeader) == 12);

// The value is its length (u32), then a block of LZ4 ...
inline constexpr u16 kValueCompressed = 1;
// ... that refers to the store's dictionary.
inline constexpr u16 kValueWithDictionary = 2;
constexpr bool value_flags_possible(u16 flags) {
  return flags == 0 || flags == kValueCompressed ||
         flags == (kValueCompressed | kValueWithDictionary);
}

// ---- Block runs -------------------------------------------------------------------------------
//
//    home blocks x n x copies | table A | table B | V: BlockState x n, spare PlaceState, places
//
// Every mutable durable byte, except the roots, is in a block of some run. A block is at home, in a
// spare copy (extent table only) or in a frame; its word in `places` says where.

// V. Where a version of a block lies, and which epochs need it: cut c needs it iff
// born <= c < superseded.
struct PlaceState {
  u64 born;        // epoch in which this version was begun; 0: none
  u64 superseded;  // epoch in which the next version was begun; kForever: it is the live one
  Offset<BlockVersion> older;  // the version before, while a cut needs that; else 0
  u64 block;  // file offset of the home of the block (48 bits) | low 16 bits of the payload of
              // the home's extent word (16), which tells whether the run is still that one
};
inline constexpr u64 kForever = ~u64{0};
HMAP_LAYOUT(PlaceState, born, 0, 8);
HMAP_LAYOUT(PlaceState, superseded, 8, 8);
HMAP_LAYOUT(PlaceState, older, 16, 8);
HMAP_LAYOUT(PlaceState, block, 24, 8);
static_assert(OnDisk<PlaceState> && sizeof(PlaceState) == 32);

// V.
struct BlockState {
  u64 live_born;  // epoch in which the live version was begun
  PlaceState home;
};
HMAP_LAYOUT(BlockState, live_born, 0, 8);
HMAP_LAYOUT(BlockState, home, 8, 32);
static_assert(OnDisk<BlockState> && sizeof(BlockState) == 40);

// V. One word per block says where its live version lies: file offset (48 bits) | low 16 bits of
// its birth epoch (16), so that a reader notices a place that was left and used again; 0: never
// written, zero at home.
inline constexpr u64 kPlaceBits = 48;
constexpr u64 make_place_word(u64 place, u64 born) { return place | born << kPlaceBits; }
constexpr u64 place_in_word(u64 word) { return word & ((u64{1} << kPlaceBits) - 1); }

// D. Where a block was at the cut of this table's root.
struct TableEntry {
  u32 place;     // file offset / block_bytes; 0: never written, reads as zero
  u32 checksum;  // of the block, seeded
};
HMAP_LAYOUT(TableEntry, place, 0, 4);
HMAP_LAYOUT(TableEntry, checksum, 4, 4);
static_assert(OnDisk<TableEntry> && sizeof(TableEntry) == 8);

// D. A table page is one block: this header, then entries to its end.
struct TablePage {
  u32 checksum;  // of the rest of the page, seeded; an all-zero page is valid
  u32 reserved;
};
HMAP_LAYOUT(TablePage, checksum, 0, 4);
HMAP_LAYOUT(TablePage, reserved, 4, 4);
static_assert(OnDisk<TablePage> && sizeof(TablePage) == 8);

// V. First block of an extent of frames: this header, then a PlaceState for each other block.
struct FrameHeader {
  u64 next;  // extent index + 1 of the domain's next extent of frames; 0: last
  u64 domain;
  u64 wide;  // 1: in huge pages, for blocks of large runs of which many change
  u64 reserved;
};
HMAP_LAYOUT(FrameHeader, next, 0, 8);
HMAP_LAYOUT(FrameHeader, domain, 8, 8);
HMAP_LAYOUT(FrameHeader, wide, 16, 8);
HMAP_LAYOUT(FrameHeader, reserved, 24, 8);
static_assert(OnDisk<FrameHeader> && sizeof(FrameHeader) == 32);

// ---- Space ------------------------------------------------------------------------------------

// A reference is the offset of a record / 16, in 5 bytes; TableEntry::place that of a block /
// block_bytes, in 4. So no file is longer, and an extent having four blocks or more, none has more
// than 2^30 of them: notes and rows have room for those (Layout::extents_max).
inline constexpr u64 kFileBytesMax = u64{1} << 44;
inline constexpr u64 kPlacesMax = u64{1} << 32;

// The extent table has one u64 per extent: kind (8 bits), owner shard (8), payload (48).
enum class ExtentKind : u8 {
  kFree = 0,          // payload: epoch in which it was freed; 0: never used
  kBuckets = 1,       // bucket array run; payload: array id
  kDirectory = 2,     // span directory run; payload: array id
  kExtentTable = 3,   // extent table run; payload: segment
  kFrames = 4,        // displaced blocks
  kSpan = 5,          // records of one class; payload: span id
  kLarge = 6,         // first extent of a large record; payload: number of extents
  kLargeRest = 7,     // its other extents; payload: distance to the first
  kLargePending = 8,  // as kLarge, the record is being written and not reachable yet
};
inline constexpr u64 kExtentSegments = 32;

// One span: an extent (or a few) divided into slots of one size class. 128 bytes.
inline constexpr u64 kSpanMapWords = 15;
struct SpanEntry {
  u64 head;  // extent index + 1 (32 bits; 0: entry unused) | class (8) | next span id of the class
             // + 1 (24; 0: last)
  u64 map[kSpanMapWords];  // allocation bitmap: bit i of word w is slot 64 w + i
};
HMAP_LAYOUT(SpanEntry, head, 0, 8);
HMAP_LAYOUT(SpanEntry, map, 8, 120);
static_assert(OnDisk<SpanEntry> && sizeof(SpanEntry) == 128);

// ---- Shard header -----------------------------------------------------------------------------

inline constexpr u64 kOverflowRuns = 8;
inline constexpr u64 kDirectorySegments = 20;
inline constexpr u64 kDeadRuns = 46;
inline constexpr u64 kClasses = 80;
inline constexpr u64 kSameSizeGrow = 8;   // flag, Go's value
inline constexpr u64 kHalfSizeGrow = 16;  // flag: to half as many buckets, which Go does not have

// An array of 2^b buckets, its preallocated overflow buckets behind them in run[0], further ones in
// run[1..8], which double in size. Buckets are numbered through.
struct BucketArray {
  u64 id;             // unique in its shard; 0: no array
  u64 b;              // log2 of the number of main buckets
  u64 next_overflow;  // number of the first overflow bucket not handed out yet (Go: nextOverflow)
  Offset<BlockRun> run[1 + kOverflowRuns];
};
HMAP_LAYOUT(BucketArray, id, 0, 8);
HMAP_LAYOUT(BucketArray, b, 8, 8);
HMAP_LAYOUT(BucketArray, next_overflow, 16, 8);
HMAP_LAYOUT(BucketArray, run, 24, 72);
static_assert(OnDisk<BucketArray> && sizeof(BucketArray) == 96);

struct SizeClass {
  u32 head;  // span id + 1 of the first span of the class
  u32 open;  // span id + 1 of the span that new records go to
};
HMAP_LAYOUT(SizeClass, head, 0, 4);
HMAP_LAYOUT(SizeClass, open, 4, 4);
static_assert(OnDisk<SizeClass> && sizeof(SizeClass) == 8);

// Go's hmap, and the space it owns. One live copy per shard in the runtime area; saved behind each
// root. `version` is the seqlock of the words readers use: flags, b, hash0, buckets, oldbuckets.
struct ShardHeader {
  u64 version;  // V
  u64 count;
  u64 flags;
  u64 b;                                           // B: log2 of the number of buckets
  u64 noverflow;                                   // overflow buckets in use by `buckets`, exact
  u64 hash0;                                       // seed, renewed whenever the hmap becomes empty
  u64 nevacuate;                                   // every old bucket below this is evacuated
  u64 array_seq;                                   // last array id given out
  BucketArray buckets;                             // id 0 before the first insert
  BucketArray oldbuckets;                          // id 0 unless growing
  BucketArray next;                                // reserved for the next growth; id 0: none
  u64 next_prepared;                               // bytes of `next` that are allocated and zero
  u64 span_count;                                  // span ids given out so far
  u64 span_free;                                   // of these, unused entries
  Offset<BlockRun> directory[kDirectorySegments];  // each twice the one before
  Offset<BlockRun> dead_directory[kDirectorySegments];  // of a cleared hmap, being given back
  u64 dead_span_count;
  u64 dead_span_next;   // spans below are given back
  u64 dead[kDeadRuns];  // extents to give back: first + 1 (32 bits) | count (32)
  SizeClass classes[kClasses];
  u64 dead_large_next;  // of a cleared hmap: large records in extents from here ...
  u64 dead_large_end;   // ... to here are being given back; 0: none
  u64 reserved[39];
};
HMAP_LAYOUT(ShardHeader, version, 0, 8);
HMAP_LAYOUT(ShardHeader, count, 8, 8);
HMAP_LAYOUT(ShardHeader, flags, 16, 8);
HMAP_LAYOUT(ShardHeader, b, 24, 8);
HMAP_LAYOUT(ShardHeader, noverflow, 32, 8);
HMAP_LAYOUT(ShardHeader, hash0, 40, 8);
HMAP_LAYOUT(ShardHeader, nevacuate, 48, 8);
HMAP_LAYOUT(ShardHeader, array_seq, 56, 8);
HMAP_LAYOUT(ShardHeader, buckets, 64, 96);
HMAP_LAYOUT(ShardHeader, oldbuckets, 160, 96);
HMAP_LAYOUT(ShardHeader, next, 256, 96);
HMAP_LAYOUT(ShardHeader, next_prepared, 352, 8);
HMAP_LAYOUT(ShardHeader, span_count, 360, 8);
HMAP_LAYOUT(ShardHeader, span_free, 368, 8);
HMAP_LAYOUT(ShardHeader, directory, 376, 160);
HMAP_LAYOUT(ShardHeader, dead_directory, 536, 160);
HMAP_LAYOUT(ShardHeader, dead_span_count, 696, 8);
HMAP_LAYOUT(ShardHeader, dead_span_next, 704, 8);
HMAP_LAYOUT(ShardHeader, dead, 712, 368);
HMAP_LAYOUT(ShardHeader, classes, 1080, 640);
HMAP_LAYOUT(ShardHeader, dead_large_next, 1720, 8);
HMAP_LAYOUT(ShardHeader, dead_large_end, 1728, 8);
HMAP_LAYOUT(ShardHeader, reserved, 1736, 312);
static_assert(OnDisk<ShardHeader> && sizeof(ShardHeader) == 2048);

// ---- Root -------------------------------------------------------------------------------------

// 512 bytes, written and flushed on its own; behind it 2^S saved shard headers, flushed before.
struct Root {
  u64 magic;
  u32 checksum;          // of these 512 bytes with this field zero, seeded
  u32 headers_checksum;  // of the shard headers behind, seeded
  u64 generation;        // the valid root with the higher one is the durable root
  u64 cut;               // the epoch it closed
  u64 extents_end;       // extents in use end here; the file must reach as far
  u64 log_sequence;      // log position of the cut (63 bits) | more may follow (1)
  Offset<BlockRun> extent_table[kExtentSegments];
  u8 reserved[208];
};
HMAP_LAYOUT(Root, magic, 0, 8);
HMAP_LAYOUT(Root, checksum, 8, 4);
HMAP_LAYOUT(Root, headers_checksum, 12, 4);
HMAP_LAYOUT(Root, generation, 16, 8);
HMAP_LAYOUT(Root, cut, 24, 8);
HMAP_LAYOUT(Root, extents_end, 32, 8);
HMAP_LAYOUT(Root, log_sequence, 40, 8);
HMAP_LAYOUT(Root, extent_table, 48, 256);
HMAP_LAYOUT(Root, reserved, 304, 208);
static_assert(OnDisk<Root> && sizeof(Root) == 512);

// In Root::log_sequence: changes since this root are in the commit log, which must be replayed.
inline constexpr u64 kLogInUse = u64{1} << 63;

}  // namespace hmap::format

#endif  // HMAP_SRC_FORMAT_FORMAT_H_
