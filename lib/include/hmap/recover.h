// hmap::recover(): what is left of a damaged store, in a new one.
//
//   hmap::Result<hmap::RecoverReport> report = hmap::recover("users.hmap", "rescued.hmap");
//   if (!report) return fail(report.error());
//   if (!report->complete()) warn(report->lost_total, report->damage_total);
#ifndef HMAP_RECOVER_H_
#define HMAP_RECOVER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hmap/export.h"
#include "hmap/options.h"
#include "hmap/result.h"
#include "hmap/status.h"

namespace hmap {

// Why an entry is believed to be one of the store, the best reason first. A record proves by its
// checksum that the store wrote it, but not that nobody erased or replaced it since: records stay
// in the file until their place is used again.
enum class Evidence : std::uint8_t {
  kBucket,  // A bucket that is reachable refers to the record: it is the key's present value.
  kBitmap,  // Its bucket is lost or refers elsewhere; the allocation bitmap says that it is in use.
  kScan,    // Both are lost: the record was found by looking everywhere. May be an old version.
};

// An intact record that was not taken, because another one of the same key was, and nobody can tell
// which one is newer: both were found by kScan, and the other one lies before it in the file, or
// the state that refers to the other one may be old (RecoverReport::certain).
struct RecoverConflict {
  std::string_view key;    // Valid during the call only.
  std::string_view value;  // As `key`.
  std::uint64_t offset = 0;
};

struct RecoverOptions {
  // Of the new store: `shard_bits`, `geometry`, `compression`, `dictionary`, `expected_entries`,
  // `file_mode`, `window_bytes`, `size_limit`; the others are ignored. What is left at its
  // default is taken from the damaged store as far as that can be read. `type` is that of the
  // damaged store, and needed only if its superblock cannot be believed.
  Options store{};

  // The damaged store's `store_seed` (8 bytes at 56 of any intact copy of its first page), with
  // which every checksum is seeded. Needed only if neither its superblock nor a spare of it can be
  // believed.
  std::optional<std::uint64_t> store_seed{};
  // The damaged store's sizes, if its superblock cannot be believed; zeros: as found, else the
  // defaults. `damaged_shard_bits`: -1 likewise. Without them only kScan is possible.
  Geometry damaged_geometry{};
  int damaged_shard_bits = -1;

  // Entries of RecoverReport::lost and ::damage at most. The totals count all.
  std::size_t list_max = 100;

  // Called often with bytes done (roughly) and bytes in all, from 0 once for the buckets and, if it
  // must be, once more for the scan of the file; false ends the call (kSystem, ECANCELED) and
  // leaves nothing behind. May be empty.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress{};
  // Called for each conflict, at the end. A failed Status ends the call. May be empty.
  std::function<Status(const RecoverConflict&)> conflict{};
};

// What was found and what was not.
struct RecoverReport {
  // How far the superblock could be believed.
  enum class Superblock : std::uint8_t {
    kIntact,     // Its checksum is right.
    kRepaired,   // One field was wrong and could be computed again from the checksum.
    kConfirmed,  // Its checksum is wrong, but its seed verifies a root or records.
    kGiven,      // The seed came from RecoverOptions::store_seed.
    kSpare,      // One of its two spares behind the roots was intact.
  };
  // Which state of the store was read.
  enum class State : std::uint8_t {
    kLive,     // That of this boot, with everything written since the last checkpoint.
    kDurable,  // That of the last checkpoint, as after a power cut, and what the log has since
               // then.
    kNone,     // None could be read: kScan only.
  };
  struct Lost {
    std::uint64_t offset = 0;               // Of the record.
    Evidence evidence = Evidence::kBucket;  // What says that there was an entry.
    // What stands in the damaged record, if its lengths are possible: cannot be verified.
    std::optional<std::string> key;
    std::uint64_t value_bytes = 0;
  };
  struct Damage {
    const char* what = "";
    std::uint64_t offset = 0;
  };

  Superblock superblock = Superblock::kIntact;
  State state = State::kNone;
  std::uint64_t store_seed = 0;
  std::uint64_t generation = 0;  // Of the root that was used; 0: none.
  // Whether that state is the newest one. If not (a root is destroyed that may have been newer),
  // what it says of keys is taken, but everything else that is intact as well, and what
  // contradicts it is a conflict.
  bool certain = true;
  std::uint64_t file_bytes = 0;

  std::uint64_t entries = 0;  // In the new store.
  // Taken from the state; without a log (below) they add up to `entries`.
  std::uint64_t by_bucket = 0;
  std::uint64_t by_bitmap = 0;
  std::uint64_t by_scan = 0;
  // What the shard headers say there was; nothing if one of them is lost.
  std::optional<std::uint64_t> claimed;

  // Records that were in use and are damaged. Those whose buckets and bitmaps are lost as well are
  // not known: then `claimed` tells, if it is there.
  std::uint64_t lost_total = 0;
  std::vector<Lost> lost;  // The first RecoverOptions::list_max.
  std::uint64_t conflicts = 0;
  std::uint64_t damage_total = 0;
  std::vector<Damage> damage;  // The first RecoverOptions::list_max.

  // The commit log beside the damaged store (Durability::kCommit) has writes that a durable state
  // does not have; a live one has them all. Whether the state that was read needs one, and how much
  // of it was applied to what was found in the store.
  bool log_needed = false;
  std::uint64_t log_records = 0;
  std::uint64_t log_operations = 0;  // Of these: puts, erasures, shards cleared.
  // Why acknowledged writes that only the log had may be lost; ok: none is. kBadLog, kWrongVersion,
  // kPermission, kIoError, kSystem: it is missing, of another store, cannot be read, or has what no
  // store writes; what comes before that was applied. kNeedsRecovery: nothing of it was applied,
  // because damage hides whether its records are newer than what was found.
  Status log_status;

  bool scanned = false;  // Whether the whole file had to be looked at.
  std::uint64_t scanned_bytes = 0;
  std::uint64_t scan_intact = 0;  // Intact records seen by it, old versions included.
  // Places that look like very long records and were not checked, because doing so for all of them
  // would have taken for ever. 0 but in files made to be slow.
  std::uint64_t scan_skipped = 0;

  // Whether the new store holds exactly the entries that the damaged one had.
  [[nodiscard]] bool complete() const noexcept {
    return certain && claimed && by_bucket + by_bitmap == *claimed && by_scan == 0 &&
           lost_total == 0 && log_status.ok();
  }
};

// Makes a new store at `fresh` of every intact record of the store at `damaged` that is, by the
// best evidence left, an entry of it. The damaged file may lack its end and have any of its bytes
// destroyed; it is opened read-only and never changed. For a file on a failing disk, copy it first
// (ddrescue): a page that cannot be read ends the process by SIGBUS. The commit log is looked for
// beside the file, so a copy needs one of the log (DAMAGED-wal), too; it is read up to its first
// record that is not intact, as by Store::open(), and never changed either.
//
//   damaged  The store to read; nobody may have it open for writing.
//   fresh    The store to make. There must be no file; it gets its name when it is complete and
//            durable, and after an error there is none.
// Returns what was salvaged and what was lost; lost entries are no error.
//
// Errors: kNotFound, kPermission, kSystem (of either file); kExists (`fresh`); kNotAStore (not a
// regular file; or no seed verifies anything: see RecoverOptions::store_seed); kWrongVersion (an
// intact superblock of another version); kLockedExclusively (a writer has `damaged` open);
// kInvalidArgument (options); kNoSpace, kIoError, kNoAddressSpace, kUnsupported (of `fresh`).
// Threads and processes: any; the call shares nothing.
// Cost: one pass over the buckets and their records; if any of these is damaged also one pass over
// the file, at the speed of XXH3. Memory: some bytes for each entry of a damaged shard, and for
// each record of 4 KiB and more, and for each operation in the commit log.
// Durability: the new store and its name are on disk when this returns.
HMAP_EXPORT Result<RecoverReport> recover(const std::string& damaged, const std::string& fresh,
                                          const RecoverOptions& options = {});

}  // namespace hmap

#endif  // HMAP_RECOVER_H_
