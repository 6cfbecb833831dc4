// A store made as small as its entries allow, in its own place: compact() while nobody has it open
// for writing, compact_online() while others read and write.
//
//   hmap::Result<hmap::CompactReport> report = hmap::compact("users.hmap");
//   if (!report) return fail(report.error());
//
//   hmap::Result<hmap::OnlineReport> report = hmap::compact_online(store);
#ifndef HMAP_COMPACT_H_
#define HMAP_COMPACT_H_

#include <cstdint>
#include <functional>
#include <string>

#include "hmap/export.h"
#include "hmap/options.h"
#include "hmap/result.h"
#include "hmap/status.h"

namespace hmap {

struct CompactOptions {
  // Of the new file: `shard_bits`, `geometry`, `compression`, `dictionary`, `expected_entries`,
  // `window_bytes`, `size_limit`; the others are ignored. What is left at its default stays as it
  // was.
  Options store{};
  // Called for each entry with the entries done and those in all; false ends the call (kSystem,
  // ECANCELED) and leaves the store as it was. May be empty.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress{};
};

struct CompactReport {
  std::uint64_t entries = 0;
  std::uint64_t bytes_before = 0;  // Size of the file.
  std::uint64_t bytes_after = 0;
  std::uint64_t allocated_before = 0;  // Disk that it took (st_blocks).
  std::uint64_t allocated_after = 0;
};

// Replaces the store at `path` by a new file with the same entries and nothing else: no erased or
// replaced records, no outgrown buckets, no free space. Same name, uuid, permissions and owner;
// another seed, so that all hashes change. Also the way to give a store another number of shards.
//
// Whoever opens the path gets the old file or the new one, each complete, also if this process is
// killed or the power fails at any moment; what a killed call leaves behind (a hidden file
// .NAME.<16 digits>.tmp) is removed by the next one.
//
//   path  A store that nobody has open for writing; a symbolic link is followed. Handles that only
//         read take no lock and cannot be seen: they open the new file by themselves in their next
//         call, as after publish(), and the space of the old one is free when the last of them has.
// Errors: kBusy (others have it open for writing), those of Store::open(); kNoSpace (both files are
// there for a while; the old one is intact); kCorrupt (a record or a bucket is damaged: see
// recover()); kPermission (the new file cannot be given the owner of the old one); kUnsupported
// (the file has further hard links, which would keep the old one); kInvalidArgument (options);
// kIoError, kSystem.
// If the directory cannot be flushed at the end: kIoError, and the new file is in place.
// Threads and processes: any; who wants to open the store meanwhile gets kLockedExclusively.
// Cost: reads every entry and writes it once more. Memory: one chain of entries.
// Durability: the new file and its name are on disk when this returns.
HMAP_EXPORT Result<CompactReport> compact(const std::string& path,
                                          const CompactOptions& options = {});

class Store;

struct OnlineOptions {
  // Most bytes of records to move in a second, on the average since the beginning; 0: no limit.
  std::uint64_t bytes_per_second = 0;
  // Called after each step, of well below a millisecond as a rule, with how far the walk over the
  // entries has come and their number at the beginning; false ends the call after what it has done
  // so far. May be empty.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress{};
};

struct OnlineReport {
  bool complete = false;  // False: `progress` ended it.
  std::uint64_t records_moved = 0;
  std::uint64_t bytes_moved = 0;       // Of these records.
  std::uint64_t file_bytes = 0;        // The file is as long as before: others have it mapped.
  std::uint64_t allocated_before = 0;  // Disk that it took (st_blocks).
  std::uint64_t allocated_after = 0;
};

// Gives back what a store does not need, while any number of processes read and write it:
//
//   1. a bucket array that is far too large is halved until a third more entries would fill it, by
//      the same incremental evacuation as growth; nothing else makes an array smaller;
//   2. records in spans that are less than three quarters full move together, each by a change
//      of its own under its shard's lock: readers find the old one or the new one, snapshots and
//      views keep what they see, and no key or value changes;
//   3. blocks of buckets that writes have displaced go back to their places;
//   4. empty spans, and copies of blocks that no checkpoint needs any more, become free extents;
//   5. after a checkpoint all free extents become holes in the file, which is never cut: what it
//      takes is st_blocks, not its length.
//
// What a snapshot, a view or a stopped checkpoint holds back stays; so does what writers do behind
// the walk. A file system without holes gets free space inside the file, which new entries use.
// It may be ended or killed at any moment: what is done is done, and the next call goes on from
// there. A call that finds nothing to do moves nothing.
//
//   store    Open for writing, by this process at least. Several calls at a time, also in several
//            processes, are allowed and pointless.
// Errors: those of Store::put() and Store::checkpoint(): kReadOnly, kClosed, kForked, kBusy (a
// stopped process holds a lock), kNoSpace (moving needs room for what is moved between two
// checkpoints), kPoisoned, kIoError; kReplaced (publish() put another store in its place); kCorrupt
// (a record or a bucket is damaged: it is not moved; see verify()). In each case everything done so
// far stays. Threads and processes: any. A writer waits for a step at most, some 0.1 ms. Cost:
// looks at every bucket and every span, moves at most what lies in sparse spans, and every block of
// buckets once; a checkpoint for each shard that had something to move, and three at the end.
// Memory: 4 bytes for each span of a shard. Durability: as after Store::checkpoint(), when it is
// complete, in all modes. Source: format-spec/format.md, sections 10, 13 (F-88) and 16.
HMAP_EXPORT Result<OnlineReport> compact_online(Store& store, const OnlineOptions& options = {});

}  // namespace hmap

#endif  // HMAP_COMPACT_H_
