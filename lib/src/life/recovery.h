// Setting up the runtime area from what is durable: after a reboot, a power cut, a copy, a failed
// flush; and for a new store. lib/README.md, "Opening".
#ifndef HMAP_SRC_LIFE_RECOVERY_H_
#define HMAP_SRC_LIFE_RECOVERY_H_

#include "state/engine.h"

namespace hmap {

// Where the newest root is for certain.
enum class RootIs : u8 {
  kOnTheDisk,
  // Within the boot of a failed flush: the page cache may show a root that the disk does not have.
  // It is written once more, before anything is built on it.
  kInTheCache,
};

// Rebuilds the runtime area from the newest root that verifies. The caller is alone, or works on a
// private copy. The area is not valid yet afterwards: its identity is for the caller to set, last.
// May be killed anywhere and begun again: no byte that a root reaches is touched.
// Errors: kCorrupt (no root verifies), kTruncated, kNoSpace, kIoError.
// Cost: the tables (8 bytes a block) and one word per extent; a flush if the root is in the cache.
Status rebuild_runtime(Engine& engine, RootIs root_is);

// What a rebuild leaves to ordinary changes, which need a lock: space of large records that were
// being written at the cut.
Status finish_rebuild(Engine& engine);

}  // namespace hmap

#endif  // HMAP_SRC_LIFE_RECOVERY_H_
