// The tables. A name that is not the format's does not compile; a test sees what is left out.
#include "inspect/inspect_fields.h"

#include <array>
#include <type_traits>

#include "format/format.h"
#include "format/runtime_format.h"

namespace hmap::inspecting {
namespace {

using namespace format;  // NOLINT: as in the specification

#define FIELD(type, field, show, meaning)                                                       \
  Field {                                                                                       \
#field, offsetof(type, field), sizeof(type::field),                                         \
        sizeof(std::remove_all_extents_t <decltype(type::field)>), Show::show, nullptr, meaning \
  }
#define NESTED(type, field, structure, meaning)                                                 \
  Field {                                                                                       \
#field, offsetof(type, field), sizeof(type::field),                                         \
        sizeof(std::remove_all_extents_t <decltype(type::field)>), Show::kNumber, &(structure), \
        meaning                                                                                 \
  }

constexpr std::array kSuperblockFields = {
    FIELD(Superblock, magic, kHex, "the bytes 89 7f \"hmap\" 1a 0a"),
    FIELD(Superblock, version, kNumber, "of the format"),
    FIELD(Superblock, checksum, kHex, "of these 512 bytes"),
    FIELD(Superblock, features_compatible, kHex, "unknown bits are ignored"),
    FIELD(Superblock, features_read_only, kHex, "unknown bits forbid writing"),
    FIELD(Superblock, features_refuse, kHex, "unknown bits forbid reading"),
    FIELD(Superblock, uuid, kBytes, "names the store"),
    FIELD(Superblock, store_seed, kHex, "of the key hash and of every checksum"),
    FIELD(Superblock, created_unix_ns, kTime, ""),
    FIELD(Superblock, shard_bits, kNumber, "S: the store has 2^S shards"),
    FIELD(Superblock, block_bytes, kNumber, "unit of copying"),
    FIELD(Superblock, extent_bytes, kNumber, "unit of space"),
    FIELD(Superblock, slots, kNumber, "of processes that write"),
    FIELD(Superblock, intent_words, kNumber, "words that one change can have"),
    FIELD(Superblock, key_kind, kNumber, "0: bytes, 1: of one size"),
    FIELD(Superblock, elem_kind, kNumber, "0: bytes, 1: of one size"),
    FIELD(Superblock, compression, kNumber, "of values: 0: none, 1: LZ4"),
    FIELD(Superblock, root_bytes, kNumber, "of each root with its shard headers"),
    FIELD(Superblock, runtime_offset, kOffset, ""),
    FIELD(Superblock, runtime_bytes, kNumber, ""),
    FIELD(Superblock, extent_table_offset, kOffset, "segment 0"),
    FIELD(Superblock, heap_offset, kOffset, "extent 0"),
    FIELD(Superblock, dictionary_offset, kOffset, "0: none"),
    FIELD(Superblock, dictionary_bytes, kNumber, ""),
    FIELD(Superblock, reserved0, kZero, ""),
    FIELD(Superblock, key_bytes, kNumber, "of each key; 0: each has its own"),
    FIELD(Superblock, elem_bytes, kNumber, "of each value; key_kind 0: each has its own"),
    FIELD(Superblock, key_align, kNumber, "in a program"),
    FIELD(Superblock, elem_align, kNumber, "in a program"),
    FIELD(Superblock, type_fingerprint, kHex, "of the type of the store; 0: byte strings"),
    FIELD(Superblock, type_name, kText, "name of this type"),
    FIELD(Superblock, reserved1, kZero, ""),
};

constexpr std::array kDictionaryFields = {
    FIELD(Dictionary, magic, kHex, "the bytes \"hmapdict\""),
    FIELD(Dictionary, bytes, kNumber, ""),
    FIELD(Dictionary, checksum, kHex, "of these bytes"),
};

constexpr std::array kBmapFields = {
    FIELD(Bmap, tophash, kHex, "a byte for each slot, slot 0 lowest"),
    FIELD(Bmap, version, kNumber, "odd while a change is being applied"),
    FIELD(Bmap, overflow, kHex, "next bucket (40 bits), three hash bits for each slot"),
    FIELD(Bmap, refs, kHex, "eight references of 5 bytes: offset of the record / 16"),
};

constexpr std::array kRecordFields = {
    FIELD(RecordHeader, checksum, kHex, "of everything behind it"),
    FIELD(RecordHeader, key_bytes, kNumber, ""),
    FIELD(RecordHeader, flags, kNumber, "1: LZ4; 3: with the dictionary"),
    FIELD(RecordHeader, value_bytes, kNumber, ""),
};

constexpr std::array kTablePageFields = {
    FIELD(TablePage, checksum, kHex, "of the rest of the page"),
    FIELD(TablePage, reserved, kZero, ""),
};
constexpr std::array kTableEntryFields = {
    FIELD(TableEntry, place, kNumber, "offset / block_bytes; 0: never written"),
    FIELD(TableEntry, checksum, kHex, "of the block"),
};

constexpr std::array kPlaceStateFields = {
    FIELD(PlaceState, born, kNumber, "epoch in which this version was begun; 0: none lies here"),
    FIELD(PlaceState, superseded, kNumber, "epoch of its successor; 2^64 - 1: it is the live one"),
    FIELD(PlaceState, older, kOffset, "the version before it"),
    FIELD(PlaceState, block, kHex, "home of the block (48 bits), tag of its run (16)"),
};
constexpr std::array kBlockStateFields = {
    FIELD(BlockState, live_born, kNumber, "epoch in which the live version was begun"),
    NESTED(BlockState, home, kPlaceState, "what lies at home"),
};
constexpr std::array kFrameHeaderFields = {
    FIELD(FrameHeader, next, kNumber, "extent + 1 of the next extent of frames; 0: last"),
    FIELD(FrameHeader, domain, kNumber, "the shard"),
    FIELD(FrameHeader, wide, kNumber, "1: in huge pages, for large runs of which much changes"),
    FIELD(FrameHeader, reserved, kZero, ""),
};

constexpr std::array kSpanEntryFields = {
    FIELD(SpanEntry, head, kHex, "extent + 1 (32 bits), class (8), next span of the class + 1"),
    FIELD(SpanEntry, map, kHex, "a bit for each record slot that is taken"),
};

constexpr std::array kBucketArrayFields = {
    FIELD(BucketArray, id, kNumber, "unique in the shard; 0: there is no array"),
    FIELD(BucketArray, b, kNumber, "log2 of the number of main buckets"),
    FIELD(BucketArray, next_overflow, kNumber, "first overflow bucket not handed out yet"),
    FIELD(BucketArray, run, kOffset, ""),
};
constexpr std::array kSizeClassFields = {
    FIELD(SizeClass, head, kNumber, "span + 1: the first of the class"),
    FIELD(SizeClass, open, kNumber, "span + 1: where new records go"),
};
constexpr std::array kShardHeaderFields = {
    FIELD(ShardHeader, version, kNumber, "odd while a word that readers use changes"),
    FIELD(ShardHeader, count, kNumber, "entries"),
    FIELD(ShardHeader, flags, kNumber, "8: the growth is of the same size"),
    FIELD(ShardHeader, b, kNumber, "B: 2^B buckets"),
    FIELD(ShardHeader, noverflow, kNumber, "overflow buckets in use"),
    FIELD(ShardHeader, hash0, kHex, "seed of the bucket hash"),
    FIELD(ShardHeader, nevacuate, kNumber, "old buckets below this are evacuated"),
    FIELD(ShardHeader, array_seq, kNumber, "last id given out"),
    NESTED(ShardHeader, buckets, kBucketArray, ""),
    NESTED(ShardHeader, oldbuckets, kBucketArray, "being evacuated"),
    NESTED(ShardHeader, next, kBucketArray, "reserved for the next growth"),
    FIELD(ShardHeader, next_prepared, kNumber, "bytes of `next` that are ready"),
    FIELD(ShardHeader, span_count, kNumber, "span ids given out"),
    FIELD(ShardHeader, span_free, kNumber, "of these, unused"),
    FIELD(ShardHeader, directory, kOffset, "segment of the span directory"),
    FIELD(ShardHeader, dead_directory, kOffset, "of a cleared map"),
    FIELD(ShardHeader, dead_span_count, kNumber, "its spans"),
    FIELD(ShardHeader, dead_span_next, kNumber, "of these, given back"),
    FIELD(ShardHeader, dead, kRow, "to be given back"),
    NESTED(ShardHeader, classes, kSizeClass, ""),
    FIELD(ShardHeader, dead_large_next, kNumber, "large records from this extent ..."),
    FIELD(ShardHeader, dead_large_end, kNumber, "... to this one are to be given back"),
    FIELD(ShardHeader, reserved, kZero, ""),
};

constexpr std::array kRootFields = {
    FIELD(Root, magic, kHex, "\"hmaproot\""),
    FIELD(Root, checksum, kHex, "of these 512 bytes"),
    FIELD(Root, headers_checksum, kHex, "of the shard headers behind"),
    FIELD(Root, generation, kNumber, "the valid root with the higher one counts"),
    FIELD(Root, cut, kNumber, "the epoch that it closed"),
    FIELD(Root, extents_end, kNumber, "extents of the state"),
    FIELD(Root, log_sequence, kNumber, "position in the commit log; + 2^63: the log counts"),
    FIELD(Root, extent_table, kOffset, "segment of the extent table"),
    FIELD(Root, reserved, kZero, ""),
};

constexpr std::array kLockFields = {
    FIELD(Lock, word, kHex, "slot (16 bits), its generation (15), waiters (1); 0: free"),
    FIELD(Lock, reserved0, kZero, ""),
    FIELD(Lock, waits, kNumber, "times that somebody got it after waiting"),
    FIELD(Lock, waited_ns, kNumber, "how long they waited"),
    FIELD(Lock, reserved, kZero, ""),
};
constexpr std::array kSnapshotCellFields = {
    FIELD(SnapshotCell, cut, kNumber, "the epoch that it sees"),
    FIELD(SnapshotCell, owner, kHex, "lock word of the handle that took it"),
};
constexpr std::array kLogStateFields = {
    NESTED(LogState, append_lock, kLock, ""),
    NESTED(LogState, flush_lock, kLock, ""),
    FIELD(LogState, tail, kNumber, "end of the last record that counts"),
    FIELD(LogState, inflight, kNumber, "shard + 1 whose change is about to be published"),
    FIELD(LogState, inflight_state, kNumber, ""),
    FIELD(LogState, inflight_end, kNumber, ""),
    FIELD(LogState, marker, kNumber, "end of the last marker"),
    FIELD(LogState, head, kNumber, "before this the root has everything"),
    FIELD(LogState, flushed, kNumber, "before this the log is on disk"),
    FIELD(LogState, in_use, kNumber, "1: changes are logged"),
    FIELD(LogState, inode, kNumber, "of the log file"),
    FIELD(LogState, replayed, kNumber, "records replayed when this was set up"),
    FIELD(LogState, flushes, kNumber, ""),
    FIELD(LogState, arrived, kNumber, "committers who wait for a flush that has not begun"),
    FIELD(LogState, gather_until, kNumber, "the next flush may wait for more of them"),
    FIELD(LogState, flushing, kNumber, "the running flush, or the last one, goes up to here"),
    FIELD(LogState, expected, kNumber, "so many are waited for"),
    FIELD(LogState, covered, kNumber, "so many the running flush, or the last one, is for"),
    FIELD(LogState, stayed, kNumber, "so many had arrived when the last one ended"),
    FIELD(LogState, flush_us, kNumber, "how long a flush takes"),
    FIELD(LogState, in_vain, kNumber, "how often in a row it was waited for nobody"),
    FIELD(LogState, reserved0, kZero, ""),
};
constexpr std::array kRuntimeHeaderFields = {
    FIELD(RuntimeHeader, magic, kHex, "\"hmaplive\""),
    FIELD(RuntimeHeader, boot_id, kBytes, "of the boot that this is of"),
    FIELD(RuntimeHeader, device, kHex, "of the file"),
    FIELD(RuntimeHeader, inode, kNumber, "of the file"),
    FIELD(RuntimeHeader, birth_sec, kNumber, "of the file"),
    FIELD(RuntimeHeader, birth_nsec, kNumber, ""),
    FIELD(RuntimeHeader, durability, kNumber,
          "0: not decided, 1: none, 2: checkpoints, 3: commit log"),
    FIELD(RuntimeHeader, poison, kNumber, "errno of a flush that failed"),
    FIELD(RuntimeHeader, epoch, kNumber, "E: the current one"),
    FIELD(RuntimeHeader, durable, kNumber, "durable cut * 2 + its root (A: 0, B: 1)"),
    FIELD(RuntimeHeader, generation, kNumber, "of the durable root"),
    FIELD(RuntimeHeader, clean_from, kNumber, "extents from here on were never stored to"),
    FIELD(RuntimeHeader, extents_end, kNumber, "extents of the state"),
    FIELD(RuntimeHeader, file_extents, kNumber, "extents the file has disk space for"),
    FIELD(RuntimeHeader, table_cut, kNumber, "cut that tables A, B were last written for"),
    FIELD(RuntimeHeader, checkpoint_ns, kNumber, "CLOCK_BOOTTIME of the last checkpoint"),
    FIELD(RuntimeHeader, extent_table, kOffset, "segment of the extent table"),
    FIELD(RuntimeHeader, pinned, kHex, "a bit for each slot that ever had views"),
    FIELD(RuntimeHeader, freed, kNumber, "epoch in which extents were freed last"),
    FIELD(RuntimeHeader, punched, kNumber, "extents freed up to this epoch are holes"),
    FIELD(RuntimeHeader, punching, kNumber, "those freed up to this one become holes, ..."),
    FIELD(RuntimeHeader, punch_next, kNumber, "... from this extent on"),
    FIELD(RuntimeHeader, replaced, kNumber, "not 0: another store may have the name by now"),
    FIELD(RuntimeHeader, reserved, kZero, ""),
    NESTED(RuntimeHeader, checkpoint_lock, kLock, ""),
    NESTED(RuntimeHeader, log, kLogState, ""),
    NESTED(RuntimeHeader, snapshots, kSnapshotCell, ""),
};
constexpr std::array kSlotFields = {
    FIELD(Slot, generation, kNumber, "raised at each registration"),
    FIELD(Slot, pid, kNumber, "for people"),
    FIELD(Slot, notes, kHex, "row of a large record being written; bit 63: something refers to it"),
    FIELD(Slot, reads, kNumber, "look-ups + 1; 0: not counted"),
    FIELD(Slot, reserved, kZero, ""),
};
constexpr std::array kPinnedRowFields = {
    FIELD(PinnedRow, owner, kHex, "pin word; no holds: the cell is free"),
    FIELD(PinnedRow, row, kRow, "of the large record"),
};
constexpr std::array kPinsFields = {
    FIELD(Pins, granules, kHex, "seconds (25 bits), generation of the slot (15), holds (24)"),
    NESTED(Pins, rows, kPinnedRow, "a large record that views read"),
    FIELD(Pins, extra, kNumber, "holds above one a view"),
    FIELD(Pins, reserved, kZero, ""),
};
constexpr std::array kIntentWordFields = {
    FIELD(IntentWord, offset, kOffset, "of a word"),
    FIELD(IntentWord, value, kHex, "what it shall hold"),
};
constexpr std::array kIntentFields = {
    FIELD(Intent, state, kNumber, "odd: published, perhaps half applied"),
    FIELD(Intent, words, kNumber, "words in use"),
    FIELD(Intent, seqlocks, kNumber, "version words in use"),
    FIELD(Intent, seqlock, kOffset, "version word that is odd meanwhile"),
};
constexpr std::array kDomainFields = {
    NESTED(Domain, lock, kLock, ""),
    FIELD(Domain, pending, kRow, "taken and not adopted yet"),
    FIELD(Domain, frame_head, kNumber, "extent + 1 of its first frames"),
    FIELD(Domain, frame_next, kNumber, "hint: where to look for a frame"),
    FIELD(Domain, frame_full, kNumber, "hint: when that search was last in vain"),
    FIELD(Domain, dirty_bytes, kNumber, "stored since the last cut, roughly"),
    FIELD(Domain, frees, kNumber, "records freed since the last sweep"),
    FIELD(Domain, hint, kNumber, "space: where to look for free extents"),
    FIELD(Domain, class_hint, kNumber, "word of the open span's map to look at first"),
    FIELD(Domain, class_walk, kNumber, "span + 1 where the search for room goes on"),
    FIELD(Domain, freeing, kRow, "on their way to the free extents"),
    FIELD(Domain, zone, kNumber, "space: next extent for new spans, and the end of its zone"),
    FIELD(Domain, copies, kNumber, "blocks copied to another place since the last cut"),
    FIELD(Domain, copies_before, kNumber, "and between the two cuts before"),
    FIELD(Domain, inserted, kNumber, "new entries since this was set up"),
    FIELD(Domain, replaced, kNumber, "values written over"),
    FIELD(Domain, erased, kNumber, "entries erased"),
    FIELD(Domain, class_free, kHex, "slots of that word that are unused"),
};
constexpr std::array kCutFields = {
    FIELD(Cut, cut, kNumber, "its epoch"),
    FIELD(Cut, extents_end, kNumber, "for the root"),
    FIELD(Cut, changes, kNumber, "sum of the intent states"),
    FIELD(Cut, log_sequence, kNumber, "for the root"),
    FIELD(Cut, extent_table, kOffset, "for the root"),
};
constexpr std::array kBatchFields = {
    NESTED(format::Batch, lock, kLock, ""),
    FIELD(format::Batch, state, kNumber, "odd: committed, parts may be left to do"),
    FIELD(format::Batch, reserved, kZero, ""),
};
constexpr std::array kBatchPartFields = {
    FIELD(BatchPart, batch, kNumber, "state of the batch once it is committed"),
    FIELD(BatchPart, ops, kHex, "first operation (32 bits), their number (32); 0: nothing to do"),
};

#undef FIELD
#undef NESTED

}  // namespace

const Structure kSuperblock{"Superblock", sizeof(Superblock), kSuperblockFields};
const Structure kDictionary{"Dictionary", sizeof(Dictionary), kDictionaryFields};
const Structure kBmap{"Bmap", sizeof(Bmap), kBmapFields};
const Structure kRecordHeader{"RecordHeader", sizeof(RecordHeader), kRecordFields};
const Structure kTablePage{"TablePage", sizeof(TablePage), kTablePageFields};
const Structure kTableEntry{"TableEntry", sizeof(TableEntry), kTableEntryFields};
const Structure kPlaceState{"PlaceState", sizeof(PlaceState), kPlaceStateFields};
const Structure kBlockState{"BlockState", sizeof(BlockState), kBlockStateFields};
const Structure kFrameHeader{"FrameHeader", sizeof(FrameHeader), kFrameHeaderFields};
const Structure kSpanEntry{"SpanEntry", sizeof(SpanEntry), kSpanEntryFields};
const Structure kBucketArray{"BucketArray", sizeof(BucketArray), kBucketArrayFields};
const Structure kSizeClass{"SizeClass", sizeof(SizeClass), kSizeClassFields};
const Structure kShardHeader{"ShardHeader", sizeof(ShardHeader), kShardHeaderFields};
const Structure kRoot{"Root", sizeof(Root), kRootFields};
const Structure kLock{"Lock", sizeof(Lock), kLockFields};
const Structure kSnapshotCell{"SnapshotCell", sizeof(SnapshotCell), kSnapshotCellFields};
const Structure kLogState{"LogState", sizeof(LogState), kLogStateFields};
const Structure kRuntimeHeader{"RuntimeHeader", sizeof(RuntimeHeader), kRuntimeHeaderFields};
const Structure kSlot{"Slot", sizeof(Slot), kSlotFields};
const Structure kPinnedRow{"PinnedRow", sizeof(PinnedRow), kPinnedRowFields};
const Structure kPins{"Pins", sizeof(Pins), kPinsFields};
const Structure kIntentWord{"IntentWord", sizeof(IntentWord), kIntentWordFields};
const Structure kIntent{"Intent", sizeof(Intent), kIntentFields};
const Structure kDomain{"Domain", sizeof(Domain), kDomainFields};
const Structure kCut{"Cut", sizeof(Cut), kCutFields};
const Structure kBatch{"Batch", sizeof(format::Batch), kBatchFields};
const Structure kBatchPart{"BatchPart", sizeof(BatchPart), kBatchPartFields};

std::span<const Structure* const> all_structures() {
  static constexpr std::array<const Structure*, 27> kAll = {
      &kSuperblock, &kBmap,        &kRecordHeader, &kTablePage,   &kTableEntry,    &kPlaceState,
      &kBlockState, &kFrameHeader, &kSpanEntry,    &kBucketArray, &kSizeClass,     &kShardHeader,
      &kRoot,       &kLock,        &kSnapshotCell, &kLogState,    &kRuntimeHeader, &kSlot,
      &kIntentWord, &kIntent,      &kDomain,       &kCut,         &kBatch,         &kBatchPart,
      &kPins,       &kPinnedRow,   &kDictionary};
  return kAll;
}

}  // namespace hmap::inspecting
