// Whether the slots that the allocator remembers as unused are.
#ifndef HMAP_SRC_VERIFY_VERIFY_UNUSED_H_
#define HMAP_SRC_VERIFY_VERIFY_UNUSED_H_

#include "verify/verify_live_view.h"

namespace hmap::checking {

// Compares class_free of a size class with the open span's map, in the live state and at the cuts
// that are needed. Where nobody holds the shard's lock: counts if the view was steady.
void check_unused_slots(const Engine& engine, const LiveView& view, u64 shard, u64 size_class,
                        const ShardRuns& runs, Findings& out);

}  // namespace hmap::checking

#endif  // HMAP_SRC_VERIFY_VERIFY_UNUSED_H_
