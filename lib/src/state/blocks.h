// Blocks: where each lies, and making one writable without touching what a root can reach.
// lib/README.md, "Live and durable".
#ifndef HMAP_SRC_STATE_BLOCKS_H_
#define HMAP_SRC_STATE_BLOCKS_H_

#include "state/engine.h"

namespace hmap {

// What a block is made writable for, and what the space on a full disk may be used for.
enum class Purpose : u8 {
  kOrdinary,
  kRelease,  // erase, clear, checkpoint: may use the reserve
  kHome,     // to bring it home, and nowhere else: kNoSpace while a cut needs what lies there
};

// One block of a run, with its state looked up. Null pointers never occur in a Block that
// block_of() returned.
struct Block {
  Run run;
  u64 index = 0;
  u64 home = 0;  // file offset
  format::BlockState* state = nullptr;
  u64* place_word = nullptr;
};

// No run begins below this: superblock and roots are there.
inline constexpr u64 kLowestRun = format::kPageBytes;

// kCorrupt if the run does not lie inside the file or has no such block.
inline Result<Block> block_of(const Engine& engine, const Run& run, u64 index) {
  if (index >= run.blocks) return Engine::corrupt("block outside its run", run.offset);
  Block block;
  block.run = run;
  block.index = index;
  block.home = run.offset + index * engine.layout.block_bytes;
  block.state = engine.map->at(run.state_of(index));
  block.place_word = engine.map->at(run.place_word_of(index));
  if (block.state == nullptr || block.place_word == nullptr || run.offset < kLowestRun) {
    return Engine::corrupt("block run outside the file", run.offset);
  }
  return block;
}

// File offset of the live version. The home if the block was never written.
inline u64 live_place(const Block& block) {
  const u64 word = seam::load(*block.place_word);
  return word != 0 ? format::place_in_word(word) : block.home;
}

// The bytes of a version. Null if they are outside the file, or where no block can be: nothing
// vouches for a place word, and what is written there must not destroy a root.
inline std::byte* bytes_at_place(const Engine& engine, u64 place) {
  return place % 8 == 0 && place >= engine.layout.extent_table_offset
             ? engine.map->bytes(place, engine.layout.block_bytes)
             : nullptr;
}

// The bytes of the live version. kCorrupt if they are where no block can be.
inline Result<std::byte*> live_bytes(const Engine& engine, const Block& block) {
  const u64 place = live_place(block);
  std::byte* bytes = bytes_at_place(engine, place);
  if (bytes == nullptr) return Engine::corrupt("block where none can be", place);
  return bytes;
}

// live_bytes() of a block of a run, without a Block: what every call needs, in a few instructions.
// Null: damage, which block_of() and live_bytes() have the words for.
inline std::byte* live_in_run(const Engine& engine, RunOffset run, const RunShape& shape,
                              u64 index) {
  const u64* word = engine.map->at(Offset<u64>{run.value + shape.places + index * sizeof(u64)});
  if (index >= shape.blocks || run.value < kLowestRun || word == nullptr) [[unlikely]]
    return nullptr;
  const u64 place = seam::load(*word);
  return bytes_at_place(engine, place != 0 ? format::place_in_word(place)
                                           : run.value + index * engine.layout.block_bytes);
}

// File offset of the version that cut `cut` sees; 0 if the block had never been written by then.
// Safe without the domain's lock for a needed cut. kCorrupt if the states contradict themselves.
Result<u64> place_at(const Engine& engine, const Block& block, u64 cut);

// Where a place's PlaceState is. kCorrupt if the place is none that this block can have.
Result<format::PlaceState*> place_state(const Engine& engine, const Block& block, u64 place);

// What PlaceState::block has above the home: the tag of the run's extents (0 for the extent table).
Result<u64> frame_tag(const Engine& engine, const Block& block);

// One step: looks at extents of frames of the domain, from the one behind `before` (extent index +
// 1; 0: the first) on, and gives those back that hold nothing anybody needs; adds their number to
// `released`. The caller holds the domain's lock. False: at the end of the list. Errors: kBusy,
// kCorrupt.
Result<bool> release_frames(Engine& engine, u64 domain, u64& before, u64& released);

// Returns the bytes of `block` in the current epoch, copied to a place that no needed cut reaches
// if this is its first change since the last cut. The caller holds the lock of `domain`, which owns
// the run, and has no Change under construction. The address stays right until the lock is
// released. Errors: kNoSpace, kCorrupt, kIoError; nothing changed. Cost: a compare; at the first
// touch in an epoch one block copied and an intent.
inline Result<std::byte*> writable(Engine& engine, u64 domain, const Block& block, Purpose purpose);

// writable() for a block that was not changed in this epoch yet.
Result<std::byte*> first_touch(Engine& engine, u64 domain, const Block& block, Purpose purpose);

inline Result<std::byte*> writable(Engine& engine, u64 domain, const Block& block,
                                   Purpose purpose) {
  if (*block.place_word != 0 && block.state->live_born == engine.epoch()) [[likely]]
    return live_bytes(engine, block);
  return first_touch(engine, domain, block, purpose);
}

// writable() of a block of a run, without a Block, if it was changed in this epoch already. Null:
// ask writable().
inline std::byte* current_in_run(const Engine& engine, RunOffset run, const RunShape& shape,
                                 u64 index) {
  using format::BlockState;
  const auto* state =
      engine.map->at(Offset<BlockState>{run.value + shape.states + index * sizeof(BlockState)});
  const u64* word = engine.map->at(Offset<u64>{run.value + shape.places + index * sizeof(u64)});
  if (index >= shape.blocks || run.value < kLowestRun || state == nullptr || word == nullptr ||
      state->live_born != engine.epoch() || *word == 0) [[unlikely]]
    return nullptr;
  return bytes_at_place(engine, format::place_in_word(*word));
}

}  // namespace hmap

#endif  // HMAP_SRC_STATE_BLOCKS_H_
