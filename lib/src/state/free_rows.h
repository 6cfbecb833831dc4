// Finding free extents. The caller holds the space lock.
#ifndef HMAP_SRC_STATE_FREE_ROWS_H_
#define HMAP_SRC_STATE_FREE_ROWS_H_

#include "state/engine.h"

namespace hmap {

// Words of the same block from that of `extent` on.
inline u64 words_left_in_block(const Engine& engine, u64 extent) {
  return engine.layout.words_per_block - engine.layout.word_in_block(extent);
}

// Looks for `count` usable extents in a row in [from, to); returns the first, or `to`. `next` is
// where a later search should go on. Passes over [kept_from, kept_to). Errors: kCorrupt.
Result<u64> find_row(const Engine& engine, u64 from, u64 to, u64 count, u64& next,
                     u64 kept_from = 0, u64 kept_to = 0);

// `count` freed extents in a row; kForever: there are none. The search goes through the table once
// per completed checkpoint, some words at a time; a `thorough` one through all of it now. Errors:
// kCorrupt.
Result<u64> find_freed(Engine& engine, u64 count, bool thorough);

}  // namespace hmap

#endif  // HMAP_SRC_STATE_FREE_ROWS_H_
