// Who is at work in a store, what they hold, and what that costs.
#ifndef HMAP_ACTIVITY_H_
#define HMAP_ACTIVITY_H_

#include <cstdint>
#include <vector>

#include "hmap/export.h"
#include "hmap/result.h"
#include "hmap/status.h"
#include "hmap/store.h"

namespace hmap {

// What a lock guards.
enum class LockKind : std::uint8_t { kShard, kSpace, kBatch, kCheckpoint, kLogAppend, kLogFlush };

// A lock that somebody holds at this moment. Locks are held for microseconds: one that is seen
// twice in a row belongs to a process that is stopped, dead, or in a checkpoint.
struct HeldLock {
  LockKind kind = LockKind::kShard;
  std::uint32_t shard = 0;  // kShard
  std::uint32_t slot = 0;   // of the owner
  bool owner_alive = false;
  bool wanted = false;  // somebody sleeps until it is free
};

// A handle that is attached for writing, or was when its process died.
struct AttachedProcess {
  std::uint32_t slot = 0;
  std::uint32_t pid = 0;  // as the process saw itself; another pid namespace may differ
  bool alive = false;
  std::uint32_t registrations = 0;  // how often the slot was taken, this one included
  std::uint32_t large_records = 0;  // that it is writing (or was, when it died)
  std::uint64_t views = 0;  // that it holds (view.h); a dead one's until the next checkpoint
  std::uint64_t views_seconds = 0;  // for how long, as Stats::Process::views_seconds
};

struct Activity {
  // Whether the store is in use in this boot, or was: else there is nothing to tell.
  bool live = false;
  std::vector<AttachedProcess> processes;
  std::vector<HeldLock> locks;
  std::vector<Stats::HeldSnapshot> snapshots;
  std::uint64_t epoch = 0;
  std::uint64_t durable_epoch = 0;
  // The oldest epoch whose state must stay, and who wants that: a checkpoint (the durable one or
  // one being made), or a snapshot.
  std::uint64_t oldest_needed = 0;
  bool held_by_snapshot = false;
  std::uint64_t held_bytes = 0;         // freed since then, and not to be used again yet
  std::uint64_t dirty_bytes = 0;        // stored since the last cut, roughly
  std::uint64_t checkpoint_age_ms = 0;  // since the last completed checkpoint of this boot
  bool checkpoint_known = false;        // whether there was one
};

// A picture of the moment; each fact is right, all together need not have been so at one time.
// Works with any handle. Errors: kCorrupt, kForked, kClosed. Threads and processes: any; takes no
// lock and stores nothing. Cost: one word per extent.
HMAP_EXPORT Result<Activity> activity(const Store& store);

// What clear_dead() found and did.
struct ClearedDead {
  std::uint32_t processes = 0;
  std::uint32_t locks = 0;
  std::uint32_t snapshots = 0;
};

// Finishes what dead processes had begun, and gives back what they held: locks, snapshots, extents
// of large records that were never finished, slots. Whoever needs any of these does the same by
// itself, so nothing depends on this call; it is for those who want it done now. Needs a writing
// handle.
// Errors: kReadOnly, kBusy (a living process holds a lock), kCorrupt, kNoSpace, kForked, kClosed;
// then some of it has been done. Threads and processes: any; who opens the store for writing waits
// while slots are cleared. Durability: as of the writes that are finished.
HMAP_EXPORT Result<ClearedDead> clear_dead(Store& store);

}  // namespace hmap

#endif  // HMAP_ACTIVITY_H_
