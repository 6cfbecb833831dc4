// hmap::compact(): a store made as small as its entries allow, in its own place.
//
//   hmap::Result<hmap::CompactReport> report = hmap::compact("users.hmap");
//   if (!report) return fail(report.error());
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
  Options store;
  // Called for each entry with the entries done and those in all; false ends the call (kSystem,
  // ECANCELED) and leaves the store as it was. May be empty.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress;
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
//   path  A store that nobody has open; a symbolic link is followed. Handles that only read take no
//         lock and cannot be seen: they go on with the old file until they are opened again, and
//         its space is free when the last of them is closed.
// Errors: kBusy (others have it open), those of Store::open(); kNoSpace (both files are there for a
// while; the old one is intact); kCorrupt (a record or a bucket is damaged: see recover());
// kPermission (the new file cannot be given the owner of the old one); kUnsupported (the file has
// further hard links, which would keep the old one); kInvalidArgument (options); kIoError, kSystem.
// If the directory cannot be flushed at the end: kIoError, and the new file is in place.
// Threads and processes: any; who wants to open the store meanwhile gets kLockedExclusively.
// Cost: reads every entry and writes it once more. Memory: one chain of entries.
// Durability: the new file and its name are on disk when this returns.
HMAP_EXPORT Result<CompactReport> compact(const std::string& path,
                                          const CompactOptions& options = {});

}  // namespace hmap

#endif  // HMAP_COMPACT_H_
