// Giving the blocks of free extents back to the file system: holes in the file, which is never cut.
//
// The rule: an extent is surplus when it was free, and anybody could have taken it, from one
// checkpoint to the end of the next, and nobody did. So what a busy store frees and takes again all
// the time keeps its blocks. Only rows of kSurplusRow extents and more become holes, each extent
// once; whoever takes one gets blocks for it again (space.cc). format-spec/format.md, F-87.
#ifndef HMAP_SRC_STATE_SURPLUS_H_
#define HMAP_SRC_STATE_SURPLUS_H_

#include "state/engine.h"

namespace hmap {

// The least number of free extents in a row that are punched unasked.
inline constexpr u64 kSurplusRow = 4;

enum class Surplus : u8 {
  kUnwanted,  // by the rule above
  kUnused,    // of a store at rest: what is free now is not about to be taken
};

// One step: gives back at most 1 MiB, or looks at 4096 extents, under the space lock. Any number of
// processes may call it: they take turns. Returns whether there may be more to do; false for ever
// where the file system punches no holes. Errors: kBusy, kCorrupt, kNoSpace (a file system that
// needs space for a hole), kIoError; then the next call tries the same again.
// Crash anywhere: what is punched was free, and is.
Result<bool> punch_surplus(Engine& engine, Surplus surplus);

// One step of punching every free extent from `next` on, alone in its row or not, whenever it was
// freed; moves `next` on. Adds the bytes of the rows punched, be they holes already, to `bytes`.
// Returns false at the end. Errors as above.
Result<bool> punch_free(Engine& engine, u64& next, u64& bytes);

// By the last one who closes: gives back what lies behind the extents that were ever stored to, if
// that is a zone or more (extend_zone() has it ready before it is needed). Errors as above.
Status punch_ahead(Engine& engine);

}  // namespace hmap

#endif  // HMAP_SRC_STATE_SURPLUS_H_
