// The live state as the checks see it: the bytes in place, with the words of changes that are
// published but not applied laid over them.
#ifndef HMAP_SRC_VERIFY_VERIFY_LIVE_VIEW_H_
#define HMAP_SRC_VERIFY_VERIFY_LIVE_VIEW_H_

#include <vector>

#include "state/blocks.h"
#include "verify/verify_view.h"

namespace hmap::checking {

class LiveView : public StateView {
 public:
  explicit LiveView(const Engine& engine)
      : StateView(*engine.map, engine.layout, engine.store_seed, engine.codec.get(), true),
        engine_(engine) {}

  // Begins a look at one shard: remembers its intent and the epoch.
  void begin(u64 shard);
  // Whether what was seen since begin() was true at one moment. Places of blocks are not used again
  // within an epoch, and all words of a shard change by its intents.
  [[nodiscard]] bool steady() const;
  // State of the intent at begin().
  [[nodiscard]] u64 intent_state() const { return state_; }

  bool read(const CheckedRun& run, u64 block, u64 inside, void* to, u64 bytes) const override;
  bool extent_word(u64 extent, u64& word) const override;
  [[nodiscard]] bool may_be_odd(u64 offset) const override;
  [[nodiscard]] u64 place(const CheckedRun& run, u64 block) const override;

  // Copies words at an offset that is known to lie in the file, changes laid over.
  void peek(u64 offset, void* to, u64 bytes) const;
  // What the place word of a block and the states of its places say about each other.
  void check_block(const CheckedRun& run, u64 block, u64 shard, Findings& out) const;

 private:
  struct Word {
    u64 offset, value;
  };
  void load_intent(u64 domain);
  void lay_over(u64 offset, void* to, u64 bytes) const;
  void check_place(const Block& block, u64 at, u64 live_born, u64 shard, const Spot& spot,
                   Findings& out) const;

  const Engine& engine_;
  u64 shard_ = 0;
  u64 state_ = 0;
  u64 epoch_ = 0;
  std::vector<Word> words_;    // of intents that are being applied, or whose owner died
  std::vector<u64> seqlocks_;  // versions that are odd meanwhile
};

}  // namespace hmap::checking

#endif  // HMAP_SRC_VERIFY_VERIFY_LIVE_VIEW_H_
