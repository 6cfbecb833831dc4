// What the runtime area says about itself: header, locks, intents, notes, lists of frames.
#ifndef HMAP_SRC_VERIFY_VERIFY_RUNTIME_H_
#define HMAP_SRC_VERIFY_VERIFY_RUNTIME_H_

#include "verify/verify_extents.h"
#include "verify/verify_live_view.h"

namespace hmap::checking {

// Words that hold at any moment, whoever is writing.
void check_runtime(const Engine& engine, Findings& out);

// The list of extents of frames of a shard, while nothing changes.
void check_frames(const Engine& engine, const LiveView& view, u64 shard, Findings& out);

// Extents that the domain, whose look has begun, or a process has taken and not adopted, or is
// giving back. Before the domain claims its own.
void excuse_unfinished(const Engine& engine, const LiveView& view, u64 domain,
                       ExtentOwners& owners);

void claim_extent_table(const Engine& engine, const LiveView& view, ExtentOwners& owners,
                        Findings& out);

}  // namespace hmap::checking

#endif  // HMAP_SRC_VERIFY_VERIFY_RUNTIME_H_
