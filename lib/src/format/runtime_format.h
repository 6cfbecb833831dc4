// The runtime area: what the processes of this boot share and nobody else believes. V bytes only.
// format-spec/format.md, "Runtime area".
//
//   RuntimeHeader | Slot x slots | Domain x (2^S + 1), each with its Intent and ShardHeader | Cut |
//   Batch | BatchPart x 2^S | operations | Pins x slots
//
// A domain is what one lock guards: a shard, or (the last one) the space of the whole store.
#ifndef HMAP_SRC_FORMAT_RUNTIME_FORMAT_H_
#define HMAP_SRC_FORMAT_RUNTIME_FORMAT_H_

#include "format/format.h"

namespace hmap::format {

// A futex word: waiters (bit 31) | generation of the slot (15 bits) | slot (16 bits); 0: free.
// Slots are numbered from 1 in lock words, so that 0 is nobody.
struct Lock {
  u32 word;
  u32 reserved0;
  u64 waits;      // how often somebody got it after waiting ...
  u64 waited_ns;  // ... and how long all of them waited; both written by the owner
  u64 reserved[5];
};
HMAP_LAYOUT(Lock, word, 0, 4);
HMAP_LAYOUT(Lock, reserved0, 4, 4);
HMAP_LAYOUT(Lock, waits, 8, 8);
HMAP_LAYOUT(Lock, waited_ns, 16, 8);
HMAP_LAYOUT(Lock, reserved, 24, 40);
static_assert(OnDisk<Lock> && sizeof(Lock) == 64);

// One snapshot. Written by its owner; cleared by whoever finds the owner dead.
struct SnapshotCell {
  u64 cut;    // the cut it sees; 0: none
  u64 owner;  // lock word of the handle that took it; 0: the cell is free
};
HMAP_LAYOUT(SnapshotCell, cut, 0, 8);
HMAP_LAYOUT(SnapshotCell, owner, 8, 8);
static_assert(OnDisk<SnapshotCell> && sizeof(SnapshotCell) == 16);
inline constexpr u64 kSnapshots = 12;

// The commit log's shared state. Positions count the bytes ever written to the log: position p lies
// at byte p % area of its area (log_format.h).
struct LogState {
  Lock append_lock;    // guards tail, inflight* and marker
  Lock flush_lock;     // of the one that flushes for all; guards flushed
  u64 tail;            // end of the last record that counts; also where the next one goes
  u64 inflight;        // shard + 1 whose change is about to be published; 0: none
  u64 inflight_state;  // its intent's state once published: from then on the record counts
  u64 inflight_end;    // tail once it counts
  u64 marker;          // end of the last record that only a checkpoint can make durable
  u64 head;            // before this the durable root has everything: may be overwritten
  u64 flushed;         // before this the log was flushed
  u64 in_use;          // 1: changes are logged, and roots say so
  u64 inode;           // of the log file, so that all who join use the same
  u64 replayed;        // records replayed when this area was set up
  u32 flushes;         // counts ends of flushes; committers wait on it
  // Hints for group commit (gather.h), of no consequence for what is durable.
  u32 arrived;       // committers who wait for a flush that has not begun
  u64 gather_until;  // CLOCK_MONOTONIC, ns: until then the next flush may wait for more; or 0
  u64 flushing;      // the running flush, or the last one, goes up to here
  u32 expected;      // so many are waited for
  u32 covered;       // so many the running flush, or the last one, is for
  u32 stayed;        // so many had arrived when the last one ended
  u32 flush_us;      // how long a flush takes: moving average
  u32 in_vain;       // how often in a row it was waited for more, and they did not come
  u32 reserved0;
};
HMAP_LAYOUT(LogState, append_lock, 0, 64);
HMAP_LAYOUT(LogState, flush_lock, 64, 64);
HMAP_LAYOUT(LogState, tail, 128, 8);
HMAP_LAYOUT(LogState, inflight, 136, 8);
HMAP_LAYOUT(LogState, inflight_state, 144, 8);
HMAP_LAYOUT(LogState, inflight_end, 152, 8);
HMAP_LAYOUT(LogState, marker, 160, 8);
HMAP_LAYOUT(LogState, head, 168, 8);
HMAP_LAYOUT(LogState, flushed, 176, 8);
HMAP_LAYOUT(LogState, in_use, 184, 8);
HMAP_LAYOUT(LogState, inode, 192, 8);
HMAP_LAYOUT(LogState, replayed, 200, 8);
HMAP_LAYOUT(LogState, flushes, 208, 4);
HMAP_LAYOUT(LogState, arrived, 212, 4);
HMAP_LAYOUT(LogState, gather_until, 216, 8);
HMAP_LAYOUT(LogState, flushing, 224, 8);
HMAP_LAYOUT(LogState, expected, 232, 4);
HMAP_LAYOUT(LogState, covered, 236, 4);
HMAP_LAYOUT(LogState, stayed, 240, 4);
HMAP_LAYOUT(LogState, flush_us, 244, 4);
HMAP_LAYOUT(LogState, in_vain, 248, 4);
HMAP_LAYOUT(LogState, reserved0, 252, 4);
static_assert(OnDisk<LogState> && sizeof(LogState) == 256);

inline constexpr u64 kPinnedWords = 4;
struct RuntimeHeader {
  u64 magic;       // kRuntimeMagic once the area is set up; stored last
  u8 boot_id[16];  // valid only in this boot ...
  u64 device;      // ... for this file
  u64 inode;
  u64 birth_sec;
  u64 birth_nsec;
  u64 durability;  // hmap::Durability of the store while it is open
  u64 poison;      // not 0: a flush failed with this errno; sticky
  u64 epoch;       // E, the current epoch; one store of it is a cut
  u64 durable;  // durable cut << 1 | index of the durable root; one store of it ends a checkpoint
  u64 generation;     // of the durable root
  u64 clean_from;     // extents from here on were never touched since the file was extended
  u64 extents_end;    // extents from here on were never in use
  u64 file_extents;   // extents the file has blocks for at its end
  u64 table_cut[2];   // cut that tables A, B were last completely written for; 0: unknown
  u64 checkpoint_ns;  // CLOCK_BOOTTIME of the last completed checkpoint
  Offset<BlockRun> extent_table[kExtentSegments];
  u64 pinned[kPinnedWords];  // bit i: slot i + 1 has pinned something, once; bits are never cleared
  u64 freed;                 // epoch in which extents were freed last
  u64 punched;               // free extents freed up to this epoch have given their blocks back
  u64 punching;              // those freed up to this one are about to, ...
  u64 punch_next;            // ... from this extent on
  u64 replaced;              // not 0: another store may have this one's name by now; the file's
                             // link count says whether
  u64 reserved[5];
  Lock checkpoint_lock;
  LogState log;
  SnapshotCell snapshots[kSnapshots];
};
HMAP_LAYOUT(RuntimeHeader, magic, 0, 8);
HMAP_LAYOUT(RuntimeHeader, boot_id, 8, 16);
HMAP_LAYOUT(RuntimeHeader, device, 24, 8);
HMAP_LAYOUT(RuntimeHeader, inode, 32, 8);
HMAP_LAYOUT(RuntimeHeader, birth_sec, 40, 8);
HMAP_LAYOUT(RuntimeHeader, birth_nsec, 48, 8);
HMAP_LAYOUT(RuntimeHeader, durability, 56, 8);
HMAP_LAYOUT(RuntimeHeader, poison, 64, 8);
HMAP_LAYOUT(RuntimeHeader, epoch, 72, 8);
HMAP_LAYOUT(RuntimeHeader, durable, 80, 8);
HMAP_LAYOUT(RuntimeHeader, generation, 88, 8);
HMAP_LAYOUT(RuntimeHeader, clean_from, 96, 8);
HMAP_LAYOUT(RuntimeHeader, extents_end, 104, 8);
HMAP_LAYOUT(RuntimeHeader, file_extents, 112, 8);
HMAP_LAYOUT(RuntimeHeader, table_cut, 120, 16);
HMAP_LAYOUT(RuntimeHeader, checkpoint_ns, 136, 8);
HMAP_LAYOUT(RuntimeHeader, extent_table, 144, 256);
HMAP_LAYOUT(RuntimeHeader, pinned, 400, 32);
HMAP_LAYOUT(RuntimeHeader, freed, 432, 8);
HMAP_LAYOUT(RuntimeHeader, punched, 440, 8);
HMAP_LAYOUT(RuntimeHeader, punching, 448, 8);
HMAP_LAYOUT(RuntimeHeader, punch_next, 456, 8);
HMAP_LAYOUT(RuntimeHeader, replaced, 464, 8);
HMAP_LAYOUT(RuntimeHeader, reserved, 472, 40);
HMAP_LAYOUT(RuntimeHeader, checkpoint_lock, 512, 64);
HMAP_LAYOUT(RuntimeHeader, log, 576, 256);
HMAP_LAYOUT(RuntimeHeader, snapshots, 832, 192);
static_assert(OnDisk<RuntimeHeader> && sizeof(RuntimeHeader) == 1024);

// One attached handle. Its life is proved by an OFD lock on byte kSlotBytesAt + slot.
inline constexpr u64 kNotes = 4;
struct Slot {
  u64 generation;     // raised at every registration; its low 15 bits are in lock words
  u64 pid;            // for people
  u64 notes[kNotes];  // large records being written: first extent + 1 (32 bits) | count (31) |
                      // reachable (1); swept when the slot's process is dead
  u64 reads;          // look-ups by the handle + 1; 0: it does not count them
  u64 reserved;
};
HMAP_LAYOUT(Slot, generation, 0, 8);
HMAP_LAYOUT(Slot, pid, 8, 8);
HMAP_LAYOUT(Slot, notes, 16, 32);
HMAP_LAYOUT(Slot, reads, 48, 8);
HMAP_LAYOUT(Slot, reserved, 56, 8);
static_assert(OnDisk<Slot> && sizeof(Slot) == 64);

// One large record that views of a slot read.
struct PinnedRow {
  u64 owner;  // pin word, with 1 hold; 0 holds: the cell is free
  u64 row;    // its extents, as in `Slot::notes`; 0: not said yet
};
HMAP_LAYOUT(PinnedRow, owner, 0, 8);
HMAP_LAYOUT(PinnedRow, row, 8, 8);
static_assert(OnDisk<PinnedRow> && sizeof(PinnedRow) == 16);

// What the views of a slot read: extents that nobody may take, spans whose slots nobody may take
// again. A pin word is holds (24 bits) | generation of the slot (15) | seconds of CLOCK_MONOTONIC
// at which the holds left 0 (25); one of another generation than the slot's counts for nothing.
inline constexpr u64 kPinGranules = 64;
inline constexpr u64 kPinRows = 16;
struct Pins {
  u64 granules[kPinGranules];  // pin words; extent e is held by the word e % kPinGranules
  PinnedRow rows[kPinRows];    // large records, while there is a cell
  u64 extra;                   // holds above one a view
  u64 reserved[7];
};
HMAP_LAYOUT(Pins, granules, 0, 512);
HMAP_LAYOUT(Pins, rows, 512, 256);
HMAP_LAYOUT(Pins, extra, 768, 8);
HMAP_LAYOUT(Pins, reserved, 776, 56);
static_assert(OnDisk<Pins> && sizeof(Pins) == 832);

// Byte ranges for OFD locks, far beyond any file: never data.
inline constexpr u64 kOpenByteAt = u64{1} << 62;  // write-locked for the whole of an open
inline constexpr u64 kUsersByteAt =
    kOpenByteAt + 1;  // read-locked by every writing handle for life
inline constexpr u64 kSlotBytesAt = kOpenByteAt + 2;  // + slot (1..slots): write-locked for life

// {word offset, new value}: absolute, so that applying it twice is applying it once.
struct IntentWord {
  Offset<u64> offset;
  u64 value;
};
static_assert(OnDisk<IntentWord> && sizeof(IntentWord) == 16);
HMAP_LAYOUT(IntentWord, offset, 0, 8);
HMAP_LAYOUT(IntentWord, value, 8, 8);

// The published change of a domain; followed by `intent_words` IntentWords.
inline constexpr u64 kIntentSeqlocks = 16;
struct Intent {
  u64 state;  // odd: published and perhaps half applied; even: idle. Only ever rises.
  u32 words;
  u32 seqlocks;
  Offset<u64> seqlock[kIntentSeqlocks];  // the version words to hold odd meanwhile
};
HMAP_LAYOUT(Intent, state, 0, 8);
HMAP_LAYOUT(Intent, words, 8, 4);
HMAP_LAYOUT(Intent, seqlocks, 12, 4);
HMAP_LAYOUT(Intent, seqlock, 16, 128);
static_assert(OnDisk<Intent> && sizeof(Intent) == 144);

struct Domain {
  Lock lock;
  u64 pending;      // extents taken for this domain and not yet adopted by it:
                    // first + 1 (32 bits) | count (32)
  u64 frame_head;   // extent index + 1 of the first extent of frames
  u64 frame_next;   // hint: extent index + 1 where the search for a free frame goes on
  u64 frame_full;   // hint: low half of `durable` + 1 when a search in small pages last went round
                    // in vain (32 bits) | the same of a search in all pages (32)
  u64 dirty_bytes;  // written since the last cut, roughly
  u64 frees;        // records freed since the last sweep step
  u64 hint[2];      // space: next extent to look at (kForever: none is left) in the search that
                    // began when `durable` + 1 was this
  u64 class_hint[kClasses];  // per size class: bitmap word of the open span to look at first (8
                             // bits) | no slot of a later word was ever taken (1)
  u64 class_walk[kClasses];  // per size class: span id + 1 where the search for room goes on
  u64 freeing;        // extents on their way from a dead run to the free ones, as in `pending`
  u64 zone[2];        // space: next extent of the zone that new spans come from, and its end
  u64 copies;         // blocks copied to another place since the last cut of a checkpoint ...
  u64 copies_before;  // ... and between the two before that
  u64 inserted;       // counted for people: new entries ...
  u64 replaced;       // ... values written over ...
  u64 erased;         // ... and erased entries, each by itself or in a batch
  u64 class_free[kClasses];  // per size class: slots of the word `class_hint` that no cut needs and
                             // that were not taken since; 0 before `open` becomes another span
};
HMAP_LAYOUT(Domain, lock, 0, 64);
HMAP_LAYOUT(Domain, pending, 64, 8);
HMAP_LAYOUT(Domain, frame_head, 72, 8);
HMAP_LAYOUT(Domain, frame_next, 80, 8);
HMAP_LAYOUT(Domain, frame_full, 88, 8);
HMAP_LAYOUT(Domain, dirty_bytes, 96, 8);
HMAP_LAYOUT(Domain, frees, 104, 8);
HMAP_LAYOUT(Domain, hint, 112, 16);
HMAP_LAYOUT(Domain, class_hint, 128, 640);
HMAP_LAYOUT(Domain, class_walk, 768, 640);
HMAP_LAYOUT(Domain, freeing, 1408, 8);
HMAP_LAYOUT(Domain, zone, 1416, 16);
HMAP_LAYOUT(Domain, copies, 1432, 8);
HMAP_LAYOUT(Domain, copies_before, 1440, 8);
HMAP_LAYOUT(Domain, inserted, 1448, 8);
HMAP_LAYOUT(Domain, replaced, 1456, 8);
HMAP_LAYOUT(Domain, erased, 1464, 8);
HMAP_LAYOUT(Domain, class_free, 1472, 640);
static_assert(OnDisk<Domain> && sizeof(Domain) == 2112);

// What a cut remembers until its root is durable; followed by 2^S ShardHeaders. It counts iff
// durable cut < cut < epoch: the store of `epoch` makes it valid, that of `durable` ends it.
struct Cut {
  u64 cut;
  u64 extents_end;
  u64 changes;       // sum of the intent states, to notice that nothing changed
  u64 log_sequence;  // for the root
  Offset<BlockRun> extent_table[kExtentSegments];
};
HMAP_LAYOUT(Cut, cut, 0, 8);
HMAP_LAYOUT(Cut, extents_end, 8, 8);
HMAP_LAYOUT(Cut, changes, 16, 8);
HMAP_LAYOUT(Cut, log_sequence, 24, 8);
HMAP_LAYOUT(Cut, extent_table, 32, 256);
static_assert(OnDisk<Cut> && sizeof(Cut) == 288);

// The one batch of the store that is being applied; followed by one BatchPart for each shard, then
// the operations. Storing the odd `state` is the commit point: from then on the batch has happened,
// and who takes over the lock of a shard finishes that shard's part.
struct Batch {
  Lock lock;  // guards `state`, and the operations while it is even
  u64 state;  // odd: committed, parts may be left to do; even: idle. Only ever rises.
  u64 reserved[7];
};
HMAP_LAYOUT(Batch, lock, 0, 64);
HMAP_LAYOUT(Batch, state, 64, 8);
HMAP_LAYOUT(Batch, reserved, 72, 56);
static_assert(OnDisk<Batch> && sizeof(Batch) == 128);

// What a batch does in one shard; owned by the shard. While `ops` is not 0 the version of the
// shard's header is odd, and none of the header's words that readers use changes.
struct BatchPart {
  u64 batch;  // `state` of the batch once it is committed
  u64 ops;    // index of the first operation (32 bits) | their number (32); 0: nothing to do
};
HMAP_LAYOUT(BatchPart, batch, 0, 8);
HMAP_LAYOUT(BatchPart, ops, 8, 8);
static_assert(OnDisk<BatchPart> && sizeof(BatchPart) == 16);

// An operation: offset / 16 of a record (40 bits) | erase (1) | the highest 23 bits of the key's
// hash, by which the operations of a part ascend. A put makes its record the entry of the key in
// it; an erase removes the key of the record.
inline constexpr u64 kBatchEraseBit = u64{1} << 40;
inline constexpr u64 kBatchHashShift = 41;
constexpr u64 make_batch_op(u64 record, bool erases, u64 hash) {
  return record / kRecordUnit | (erases ? kBatchEraseBit : 0) |
         hash >> kBatchHashShift << kBatchHashShift;
}
constexpr u64 batch_op_record(u64 op) { return (op & (kBatchEraseBit - 1)) * kRecordUnit; }

}  // namespace hmap::format

#endif  // HMAP_SRC_FORMAT_RUNTIME_FORMAT_H_
