// hmap::publish(): a newly built store in the place of a live one.
//
//   hmap::Result<hmap::PublishReport> report = hmap::publish("features.new", "features.hmap");
//   if (!report) return fail(report.error());
#ifndef HMAP_PUBLISH_H_
#define HMAP_PUBLISH_H_

#include <chrono>
#include <cstdint>
#include <string>

#include "hmap/export.h"
#include "hmap/result.h"
#include "hmap/status.h"

namespace hmap {

struct PublishOptions {
  // How long to wait for a living process that holds a lock of the store to be replaced.
  std::chrono::milliseconds lock_timeout{10'000};
};

struct PublishReport {
  bool replaced = false;      // False: there was no store, and `fresh` is the first one there.
  std::uint64_t entries = 0;  // Of the new store.
  std::uint64_t entries_before = 0;  // Of the one that was replaced.
  std::uint32_t writers = 0;  // Handles that had the old one open for writing, and now follow.
};

// Puts the store `fresh` in the place of the store `path`, which any number of processes may be
// reading and writing: at one moment, for all of them. Every call of a Store that begins after that
// moment is about the new store; handles open it by themselves, in their next call, whether they
// read or write. Nothing of the old store goes over: what was written to it, and must not be lost,
// has to be put into `fresh` before.
//
// What is tied to the old store stays there, and whole, until it ends: a View, a Snapshot, a Cursor
// (which gives what was there at the moment of replacing). A Batch or an update() that meets the
// moment happens in the new store, and an update() only if it finds there the value that it was
// computed from, else it runs once more. The old file's blocks are free when the last handle has
// followed and the last of these has ended; an idle handle follows in its next call. A handle that
// cannot open the new store (permission, kModeMismatch because somebody was faster to open it with
// another durability) returns that error from each call until it can.
//
// Whoever opens the path gets the old store or the new one, each complete, also if this process is
// killed or the power fails at any moment; there is no moment without a store, and none that leaves
// others waiting. Who opens it for writing at that moment waits until it is over.
//
//   fresh    A store that nobody has open, of the same type (hmap/type.h), on the same file system.
//            It need not be alike in anything else: shards, sizes, compression. It gets the uuid,
//            the owner and the permissions of the one it replaces, and goes from its own name,
//            together with its commit log ("-wal"), which is put into it before.
//   path     The store to replace; a symbolic link goes on pointing to it. If there is none, the
//            new store gets the name (kNotFound: of a symbolic link to nothing, or no directory).
//   options  See there.
// Errors, the old store being in place and whole, and `fresh` under its name: kNotFound (`fresh`),
// kBusy (others have `fresh` open, or have `path` for themselves, or a stopped process holds a lock
// of it beyond the time-out), kTypeMismatch, kInvalidArgument (both are one file), kUnsupported
// (another file system; further hard links of one of the two), kPermission (also: the owner of
// `path` cannot be kept), kNoSpace, kIoError, kSystem; those of Store::open() for each of the two.
// If the directory cannot be flushed at the end: kIoError, and the new store is in place.
// Threads and processes: any; of several that publish at a time one follows the other. Cost: a
// checkpoint of `fresh` if it has none, its flush, and that of the directory; writers of the old
// store wait for the latter, reads do not. Durability: the new store and its name are on disk when
// this returns. Source: format-spec/format.md, section 28.
HMAP_EXPORT Result<PublishReport> publish(const std::string& fresh, const std::string& path,
                                          const PublishOptions& options = {});

}  // namespace hmap

#endif  // HMAP_PUBLISH_H_
