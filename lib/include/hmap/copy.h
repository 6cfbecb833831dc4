// hmap::copy(): a consistent copy of a store, while others write to it. hmap::clone(): the same at
// once and without room of its own, where the file system shares blocks between files.
//
//   hmap::Result<hmap::CopyReport> report = hmap::copy(store, "backup.hmap");
//   if (!report) return fail(report.error());
#ifndef HMAP_COPY_H_
#define HMAP_COPY_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "hmap/export.h"
#include "hmap/options.h"
#include "hmap/result.h"
#include "hmap/status.h"
#include "hmap/store.h"

namespace hmap {

struct CopyOptions {
  // Of the new store: `shard_bits`, `geometry`, `compression`, `dictionary`, `expected_entries`,
  // `file_mode`, `window_bytes`, `size_limit`; the others are ignored. What is left at its
  // default is taken from the source, and room is made for as many entries as it has.
  Options store{};
  // Called for each entry with the entries done and, roughly, those in all; false ends the call
  // (kSystem, ECANCELED) and leaves nothing behind. May be empty.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress{};
};

struct CopyReport {
  std::uint64_t entries = 0;
  std::uint64_t source_bytes = 0;  // Size of the source's file when the copy began.
  std::uint64_t file_bytes = 0;    // Size of the copy.
  // Of the snapshot that was copied (Snapshot::epoch()), or of the checkpoint that was cloned; 0:
  // the source was not being written to, and no snapshot was needed.
  std::uint64_t epoch = 0;
};

// Makes a new store at `fresh` that has exactly the entries that `source` has at one moment of the
// call. It is a store of its own (another uuid and another seed), as small as these entries allow:
// nothing that was erased, replaced or outgrown goes with it.
//
//   source  Open in this process. With a handle that can write a snapshot is taken; others go on
//           writing. A read-only handle can take none: then the call begins again when it finds
//           that somebody wrote meanwhile, and gives up with kBusy the third time.
//   fresh   The store to make. There must be no file; it gets its name when it is complete and
//           durable, and after an error or a death in the middle there is none.
// Errors: kExists, kNotFound (no such directory), kPermission, kNoSpace, kIoError, kSystem,
// kNoAddressSpace, kUnsupported, kInvalidArgument (of `fresh`); kCorrupt, kBusy,
// kTooManySnapshots, kPoisoned, kForked, kClosed (of `source`).
// Threads and processes: any.
// Cost: reads every entry and writes it once more; space that others give up meanwhile in `source`
// is kept by the snapshot until the call ends. Memory: one chain of entries.
// Durability: the new store and its name are on disk when this returns.
HMAP_EXPORT Result<CopyReport> copy(const Store& source, const std::string& fresh,
                                    const CopyOptions& options = {});

// The same through `sink`, which gets the bytes of the new store's file in order, in pieces of at
// most 1 MiB: for a pipe, a socket, a compressor. A failed Status of `sink` ends the call and is
// returned. The new store is first made as a file without a name in `directory`, which needs as
// much room.
HMAP_EXPORT Result<CopyReport> copy(const Store& source,
                                    const std::function<Status(std::string_view bytes)>& sink,
                                    const std::string& directory, const CopyOptions& options = {});

// Makes a new store at `fresh` whose file has its blocks in common with the source's (a reflink:
// XFS, btrfs, bcachefs), with exactly the entries that are there at a checkpoint that this call
// makes. It is a store of its own (another uuid), as large as the source, with all that was erased
// or outgrown and not given back yet; it takes room only as either of the two is written to. A
// write to the source then needs room for what it changes, as always on a copy-on-write file
// system: on a full disk it ends with kNoSpace where room is asked for beforehand, else with SIGBUS
// (Options::guard_sigbus makes it kIoError).
//
//   source  Open in this process for writing. Others go on writing; while the blocks are being
//           shared, no other checkpoint can be made.
//   fresh   The store to make, on the file system of the source, as for copy().
// Errors: those of copy() and Store::checkpoint(); kUnsupported where no blocks can be shared, or
// `fresh` is on another file system: copy() does it there; kReadOnly.
// Threads and processes: any.
// Cost: a checkpoint, and what the file system does to share: by the number of pieces in which the
// file lies on the disk, not by its bytes.
// Durability: the new store and its name are on disk when this returns.
HMAP_EXPORT Result<CopyReport> clone(Store& source, const std::string& fresh);

}  // namespace hmap

#endif  // HMAP_COPY_H_
