// Blocks: where each lies, and making one writable without touching what a root can reach.
// lib/README.md, "Live and durable".
#ifndef HMAP_SRC_BLOCKS_H_
#define HMAP_SRC_BLOCKS_H_

#include "engine.h"

namespace hmap {

// What the space on a full disk may be used for.
enum class Purpose : u8 {
  kOrdinary,
  kRelease,  // erase, clear, checkpoint: may use the reserve
};

// One block of a run, with its state looked up. Null pointers never occur in a Block that
// block_of() returned.
struct Block {
  Run run;
  u64 index = 0;
  u64 home = 0;  // file offset
  format::BlockState* state = nullptr;
  u64* away_word = nullptr;
  u64 away_bit = 0;
};

// kCorrupt if the run does not lie inside the file or has no such block.
Result<Block> block_of(const Engine& engine, const Run& run, u64 index);

// File offset of the live version. The home if the block was never written.
u64 live_place(const Block& block);

// The bytes of the live version. kCorrupt if they are outside the file.
Result<std::byte*> live_bytes(const Engine& engine, const Block& block);

// File offset of the version that cut `cut` sees; 0 if the block had never been written by then.
// Safe without the domain's lock for a needed cut. kCorrupt if the states contradict themselves.
Result<u64> place_at(const Engine& engine, const Block& block, u64 cut);

// Where a place's PlaceState is. kCorrupt if the place is none that this block can have.
Result<format::PlaceState*> place_state(const Engine& engine, const Block& block, u64 place);

// What PlaceState::block has above the home: the tag of the run's extents (0 for the extent table).
Result<u64> frame_tag(const Engine& engine, const Block& block);

// What lies in the blocks of a run.
enum class Content : u8 {
  kBuckets,  // read without a lock: a block that comes home must be seen to do so
  kOther,
};

// Returns the bytes of `block` in the current epoch, copied to a place that no needed cut reaches
// if this is its first change since the last cut. The caller holds the lock of `domain`, which owns
// the run, and has no Change under construction. The address stays right until the lock is
// released. Errors: kNoSpace, kCorrupt, kIoError; nothing changed. Cost: a compare; at the first
// touch in an epoch one block copied and an intent.
Result<std::byte*> writable(Engine& engine, u64 domain, const Block& block, Content content,
                            Purpose purpose);

}  // namespace hmap

#endif  // HMAP_SRC_BLOCKS_H_
